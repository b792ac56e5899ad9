//! Typed fields in two flat buffers: how span attributes travel from the caller to the worker.
//!
//! Keys are the callsite's own strings, numbers stay numbers, and all text goes into one buffer. A buffer that is used again allocates
//! nothing once it has grown, and no JSON is made before the worker.

use std::fmt::{self, Write};

use crate::unharmed::unharmed;

use watchpost_protocol::{Map, Value};

/// A list of keys and values; see the [module documentation](self).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields {
    entries: Vec<Entry>,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    key: Key,
    value: Stored,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Static(&'static str),
    Text(u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stored {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(u32, u32),
}

/// A value on its way in or out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A floating point number; one that is not finite has no JSON and is sent as text.
    F64(f64),
    /// Text.
    Str(&'a str),
}

impl Fields {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Fields { entries: Vec::new(), text: String::new() }
    }

    /// Adds a field whose key lives as long as the program.
    pub fn push(&mut self, key: &'static str, value: FieldValue<'_>) {
        let value = self.store(value);
        self.entries.push(Entry { key: Key::Static(key), value });
    }

    /// Adds a field whose key was made at run time.
    pub fn push_owned_key(&mut self, key: &str, value: FieldValue<'_>) {
        let (start, end) = self.append(key);
        let value = self.store(value);
        self.entries.push(Entry { key: Key::Text(start, end), value });
    }

    /// Adds what `value` prints with `{:?}`; of one that fails or panics half-way, what it printed until then.
    pub fn push_debug(&mut self, key: &'static str, value: &dyn fmt::Debug) {
        let start = self.text.len() as u32;
        let _ = unharmed(|| write!(self.text, "{value:?}"));
        let value = Stored::Text(start, self.text.len() as u32);
        self.entries.push(Entry { key: Key::Static(key), value });
    }

    /// Adds all of `other`; says at which positions.
    pub fn extend(&mut self, other: &Fields) -> (u32, u32) {
        let (from, moved) = (self.entries.len() as u32, self.text.len() as u32);
        if other.is_empty() {
            return (from, from);
        }
        self.text.push_str(&other.text);
        // One copy, and then only what is text is touched: this runs for every span and every breadcrumb.
        self.entries.extend_from_slice(&other.entries);
        if moved > 0 {
            self.entries[from as usize..].iter_mut().for_each(|entry| entry.shift(moved));
        }
        (from, self.entries.len() as u32)
    }

    /// Adds the one field of `other` that is at this position, if there is one.
    pub(crate) fn push_from(&mut self, other: &Fields, at: usize) {
        let Some(entry) = other.entries.get(at) else { return };
        match entry.key {
            Key::Static(key) => self.push(key, other.value(entry.value)),
            Key::Text(..) => self.push_owned_key(other.key(entry.key), other.value(entry.value)),
        }
    }

    /// Makes room for so many fields, and so many bytes of text.
    pub(crate) fn reserve(&mut self, fields: usize, text: usize) {
        self.entries.reserve(fields);
        self.text.reserve(text);
    }

    /// How much text the list has room for without growing, in bytes.
    pub(crate) fn text_capacity(&self) -> usize {
        self.text.capacity()
    }

    /// How much text it holds, in bytes.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Gives back the room that was not needed.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
        self.text.shrink_to_fit();
    }

    /// How much memory the list has taken, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.text.capacity()
    }

    /// Empties the list; the memory stays.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many fields there are, repeated keys included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The fields in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, FieldValue<'_>)> {
        self.entries.iter().map(|entry| (self.key(entry.key), self.value(entry.value)))
    }

    /// The last value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<FieldValue<'_>> {
        self.entries
            .iter()
            .rev()
            .find(|entry| self.key(entry.key) == key)
            .map(|entry| self.value(entry.value))
    }

    /// Writes the fields into a JSON map; of a key that was set twice, the later value stays.
    pub fn write_to(&self, map: &mut Map<String, Value>) {
        write(self.iter(), map);
    }

    /// A part of the list, by position: how a shared buffer gives each its own.
    pub(crate) fn slice(
        &self,
        (from, to): (u32, u32),
    ) -> impl DoubleEndedIterator<Item = (&str, FieldValue<'_>)> {
        let entries = self.entries.get(from as usize..to as usize).unwrap_or_default();
        entries.iter().map(|entry| (self.key(entry.key), self.value(entry.value)))
    }

    fn store(&mut self, value: FieldValue<'_>) -> Stored {
        match value {
            FieldValue::Bool(value) => Stored::Bool(value),
            FieldValue::I64(value) => Stored::I64(value),
            FieldValue::U64(value) => Stored::U64(value),
            FieldValue::F64(value) => Stored::F64(value),
            FieldValue::Str(value) => {
                let (start, end) = self.append(value);
                Stored::Text(start, end)
            }
        }
    }

    fn append(&mut self, text: &str) -> (u32, u32) {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        (start, self.text.len() as u32)
    }

    fn key(&self, key: Key) -> &str {
        match key {
            Key::Static(key) => key,
            Key::Text(start, end) => self.text(start, end),
        }
    }

    fn value(&self, value: Stored) -> FieldValue<'_> {
        match value {
            Stored::Bool(value) => FieldValue::Bool(value),
            Stored::I64(value) => FieldValue::I64(value),
            Stored::U64(value) => FieldValue::U64(value),
            Stored::F64(value) => FieldValue::F64(value),
            Stored::Text(start, end) => FieldValue::Str(self.text(start, end)),
        }
    }

    fn text(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }
}

impl Entry {
    /// Its text is so much further on.
    fn shift(&mut self, by: u32) {
        if let Key::Text(start, end) = &mut self.key {
            (*start, *end) = (*start + by, *end + by);
        }
        if let Stored::Text(start, end) = &mut self.value {
            (*start, *end) = (*start + by, *end + by);
        }
    }
}

/// Writes fields into a JSON map; of a key that occurs twice, the later value stays.
pub(crate) fn write<'a>(
    fields: impl Iterator<Item = (&'a str, FieldValue<'a>)>,
    map: &mut Map<String, Value>,
) {
    for (key, value) in fields {
        map.insert(key.to_owned(), value.to_json());
    }
}

impl FieldValue<'_> {
    /// The value as JSON.
    #[must_use]
    pub fn to_json(self) -> Value {
        match self {
            FieldValue::Bool(value) => value.into(),
            FieldValue::I64(value) => value.into(),
            FieldValue::U64(value) => value.into(),
            FieldValue::F64(value) if value.is_finite() => value.into(),
            FieldValue::F64(value) => value.to_string().into(),
            FieldValue::Str(value) => value.into(),
        }
    }
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Bool(value) => value.fmt(f),
            FieldValue::I64(value) => value.fmt(f),
            FieldValue::U64(value) => value.fmt(f),
            FieldValue::F64(value) => value.fmt(f),
            FieldValue::Str(value) => f.write_str(value),
        }
    }
}

macro_rules! field_value_from {
    ($($type:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$type> for FieldValue<'_> {
            fn from(value: $type) -> Self {
                FieldValue::$variant(value.into())
            }
        })+
    };
}
field_value_from!(bool => Bool, i8 => I64, i16 => I64, i32 => I64, i64 => I64, u8 => U64, u16 => U64, u32 => U64, u64 => U64, f32 => F64, f64 => F64);

impl From<usize> for FieldValue<'_> {
    fn from(value: usize) -> Self {
        FieldValue::U64(value as u64)
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(value: &'a str) -> Self {
        FieldValue::Str(value)
    }
}

impl<'a> From<&'a String> for FieldValue<'a> {
    fn from(value: &'a String) -> Self {
        FieldValue::Str(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types_and_the_later_of_two_wins() {
        let mut fields = Fields::new();
        fields.push("n", FieldValue::I64(-3));
        fields.push("name", "first".into());
        fields.push_debug("list", &[1, 2]);
        fields.push_owned_key(&String::from("made.at.run.time"), true.into());
        fields.push("nan", f64::NAN.into());
        fields.push("name", "second".into());

        let mut map = Map::new();
        fields.write_to(&mut map);
        assert_eq!(
            Value::Object(map),
            serde_json::json!({"n": -3, "name": "second", "list": "[1, 2]", "made.at.run.time": true, "nan": "NaN"})
        );
        assert_eq!(fields.get("name"), Some(FieldValue::Str("second")));
    }

    #[test]
    fn extending_copies_text_of_both_kinds_of_key() {
        let mut from = Fields::new();
        from.push_owned_key("k", "v".into());
        from.push("s", 7u64.into());
        let mut to = Fields::new();
        to.push("x", "y".into());
        to.extend(&from);
        let picture: Vec<_> = to.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(picture, ["x=y", "k=v", "s=7"]);
    }
}
