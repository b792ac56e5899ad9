//! Attributes under the names of today, whether a span has just begun or has ended.

use std::borrow::Cow;

use watchpost_core::layer::SpanData;
use watchpost_core::{FieldValue, Fields};

use super::renames::{self, Rename};

/// What a rule may ask.
pub(crate) trait Attributes<'a> {
    /// The value of an attribute as text. An empty one says nothing, as if it were not there.
    fn text(&self, key: &str) -> Option<Cow<'a, str>>;

    /// Whether an attribute is there, and says anything.
    fn has(&self, key: &str) -> bool;

    /// As [`SpanData::may_have`].
    fn may_have(&self, bits: u64) -> bool;
}

/// The first parts of the names that mean something.
const FAMILIES: &[&str] = &[
    "db",
    "error",
    "exception",
    "faas",
    "gen_ai",
    "http",
    "messaging",
    "net",
    "otel",
    "rpc",
    "sentry",
    "url",
];

/// Whether a name may mean something. Most spans have no attribute with such a name, and nothing to interpret.
pub(crate) fn is_telling(key: &str) -> bool {
    key.split_once('.').is_some_and(|(family, _)| FAMILIES.contains(&family))
}

/// A span that has ended: its old names have been replaced.
impl<'a> Attributes<'a> for SpanData<'a> {
    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.text(key).filter(|text| !text.is_empty())
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value != FieldValue::Str(""))
    }

    fn may_have(&self, bits: u64) -> bool {
        self.may_have(bits)
    }
}

/// A span that begins: its fields are left as they are, and read as if they had been renamed.
pub(crate) struct Beginning<'a> {
    attributes: Vec<(&'a str, FieldValue<'a>)>,
    bits: u64,
}

impl<'a> Beginning<'a> {
    /// `None` if there is nothing to interpret.
    pub(crate) fn of(fields: &'a Fields, own: &[Rename], adds: &'a [(&'a str, &'a str)]) -> Option<Self> {
        if adds.is_empty() && own.is_empty() && !fields.iter().any(|(key, _)| is_telling(key)) {
            return None;
        }
        let mut attributes = Vec::with_capacity(fields.len() + adds.len() + 1);
        for (key, value) in fields.iter() {
            let rename = own.iter().find(|rename| rename.from == key).or_else(|| renames::find(key));
            match (rename, value) {
                (None, value) => attributes.push((key, value)),
                (Some(rename), FieldValue::Str(text)) => {
                    let parts = rename.parts(text).map(|(key, text)| (key, FieldValue::Str(text)));
                    attributes.extend(parts);
                }
                (Some(rename), value) => attributes.push((rename.to, value)),
            }
        }
        attributes.extend(adds.iter().map(|&(key, value)| (key, FieldValue::Str(value))));
        let bits = attributes.iter().fold(0, |bits, (key, _)| bits | SpanData::bits(&[key]));
        Some(Beginning { attributes, bits })
    }
}

impl<'a> Beginning<'a> {
    fn get(&self, key: &str) -> Option<FieldValue<'a>> {
        let (_, value) = self.attributes.iter().rev().find(|(known, _)| *known == key)?;
        Some(*value).filter(|value| *value != FieldValue::Str(""))
    }
}

impl<'a> Attributes<'a> for Beginning<'a> {
    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        Some(match self.get(key)? {
            FieldValue::Str(text) => Cow::Borrowed(text),
            value => Cow::Owned(value.to_string()),
        })
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn may_have(&self, bits: u64) -> bool {
        self.bits & bits != 0
    }
}
