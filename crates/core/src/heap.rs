//! How much memory things take, estimated on the safe side of what the standard library and an allocator make of them.

use watchpost_protocol::{Map, Value};

/// What an allocation takes besides its bytes.
pub(crate) const ALLOCATION: usize = 16;

/// The entries that a node of a `BTreeMap` has room for, and those that it has at least as a rule.
const NODE: usize = 11;
const FILLED: usize = 6;

/// The nodes of a `BTreeMap` with so many entries of this size.
pub(crate) fn tree(entries: usize, size: usize) -> usize {
    entries.div_ceil(FILLED) * (NODE * size + 2 * ALLOCATION)
}

/// Text of one's own.
pub(crate) fn text(text: &str) -> usize {
    ALLOCATION + text.len()
}

/// What a JSON value has besides itself.
pub(crate) fn json(value: &Value) -> usize {
    match value {
        Value::String(content) => text(content),
        Value::Array(items) => {
            ALLOCATION + items.iter().map(|item| size_of::<Value>() + json(item)).sum::<usize>()
        }
        Value::Object(fields) => map(fields),
        _ => 0,
    }
}

/// What a JSON map has besides itself.
pub(crate) fn map(fields: &Map<String, Value>) -> usize {
    let own = fields.iter().map(|(key, value)| text(key) + json(value));
    tree(fields.len(), size_of::<(String, Value)>()) + own.sum::<usize>()
}
