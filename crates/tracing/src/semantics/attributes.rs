//! Attributes under the names of today, whether a span has just begun or has ended.

use std::borrow::Cow;

use watchpost_core::{FieldValue, Fields};
use watchpost_protocol::{Map, Value};

use super::renames::{self, Rename};

/// What a rule may ask.
pub(crate) trait Attributes {
    /// The value of an attribute as text. An empty one says nothing, as if it were not there.
    fn text(&self, key: &str) -> Option<Cow<'_, str>>;

    /// Whether there is anything to interpret at all: most spans have nothing.
    fn is_telling(&self) -> bool;
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

fn is_telling(key: &str) -> bool {
    key.split_once('.').is_some_and(|(family, _)| FAMILIES.contains(&family))
}

/// A span that has ended: its old names have been replaced.
impl Attributes for Map<String, Value> {
    fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        match self.get(key)? {
            Value::String(text) => Some(text.as_str().into()).filter(|text: &Cow<'_, str>| !text.is_empty()),
            Value::Number(number) => Some(number.to_string().into()),
            Value::Bool(truth) => Some(truth.to_string().into()),
            _ => None,
        }
    }

    fn is_telling(&self) -> bool {
        self.keys().any(|key| is_telling(key))
    }
}

/// A span that begins: its fields are left as they are, and read as if they had been renamed.
pub(crate) struct Beginning<'a>(Vec<(&'a str, FieldValue<'a>)>);

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
        Some(Beginning(attributes))
    }
}

impl Attributes for Beginning<'_> {
    fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.0.iter().rev().find(|(known, _)| *known == key)?;
        match *value {
            FieldValue::Str(text) => Some(text.into()).filter(|text: &Cow<'_, str>| !text.is_empty()),
            value => Some(value.to_string().into()),
        }
    }

    fn is_telling(&self) -> bool {
        true
    }
}
