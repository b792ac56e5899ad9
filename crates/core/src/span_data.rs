//! The attributes of a span that has ended, borrowed from where they were recorded.
//!
//! What they mean is found out on the worker by some sixty questions per span, nearly all of them about attributes that are not there. So
//! this is a list with a mask: most questions are answered without a look at it, and nothing is copied to ask them.

use std::borrow::Cow;

use watchpost_protocol::json::JsonWriter;
use watchpost_protocol::{Map, Value};

use crate::fields::FieldValue;

/// So many attributes are searched for repeated keys one by one; more are sorted, so that a span with thousands costs no square of that.
const FEW: usize = 32;

/// Room for what a span is given besides its own: who profiles it, say.
const OWN: usize = 1;

/// The attributes of a finished span, each key once: a list with a mask, since most questions are about keys that are not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanData<'a> {
    entries: Vec<(&'a str, SpanValue<'a>)>,
    /// The bits of all keys that are there, or were.
    mask: u64,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanValue<'a> {
    /// As it was recorded.
    Recorded(FieldValue<'a>),
    /// A text that was made since: of one of which something was taken out, what is left.
    Made(String),
}

impl<'a> SpanData<'a> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, FieldValue<'_>)> {
        self.entries.iter().map(|(key, value)| (*key, value.get()))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&'a str, &mut SpanValue<'a>)> {
        self.entries.iter_mut().map(|(key, value)| (*key, value))
    }

    /// What [`may_have`](Self::may_have) asks about: made once, of keys that are asked about for every span.
    #[must_use]
    pub const fn bits(keys: &[&str]) -> u64 {
        let (mut bits, mut at) = (0, 0);
        while at < keys.len() {
            bits |= bit(keys[at]);
            at += 1;
        }
        bits
    }

    /// Whether one of the keys with these bits may be there: if not, it is certain.
    #[must_use]
    pub fn may_have(&self, bits: u64) -> bool {
        self.mask & bits != 0
    }

    /// The bits of all keys that may be there.
    pub(crate) fn mask(&self) -> u64 {
        self.mask
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<FieldValue<'_>> {
        Some(self.entries.get(self.position(key)?)?.1.get())
    }

    /// The value of a key as text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        Some(match &self.entries.get(self.position(key)?)?.1 {
            SpanValue::Recorded(FieldValue::Str(text)) => Cow::Borrowed(*text),
            SpanValue::Recorded(value) => Cow::Owned(value.to_string()),
            SpanValue::Made(text) => Cow::Owned(text.clone()),
        })
    }

    /// Sets an attribute.
    pub fn insert(&mut self, key: &'a str, value: impl Into<SpanValue<'a>>) {
        match self.position(key) {
            Some(at) => self.entries[at].1 = value.into(),
            None => self.push(key, value.into()),
        }
    }

    /// Sets an attribute that is not there; one that is stays.
    pub fn insert_new(&mut self, key: &'a str, value: impl Into<SpanValue<'a>>) {
        if self.position(key).is_none() {
            self.push(key, value.into());
        }
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, key: &str) -> Option<SpanValue<'a>> {
        let at = self.position(key)?;
        Some(self.entries.swap_remove(at).1)
    }

    /// Sets many: of a key that comes twice, the later value stays.
    pub(crate) fn extend(&mut self, fields: impl Iterator<Item = (&'a str, FieldValue<'a>)>) {
        self.entries.reserve(fields.size_hint().0 + OWN);
        for (key, value) in fields {
            if self.entries.len() < FEW {
                self.insert(key, value);
            } else {
                self.push(key, value.into());
            }
        }
        if self.entries.len() > FEW {
            self.entries.reverse(); // the latest of a key comes first, and stays
            self.entries.sort_by_key(|(key, _)| *key);
            self.entries.dedup_by_key(|(key, _)| *key);
        }
    }

    /// The attributes as JSON.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(key, value)| (key.to_owned(), value.to_json())).collect()
    }

    fn push(&mut self, key: &'a str, value: SpanValue<'a>) {
        self.mask |= bit(key);
        self.entries.push((key, value));
    }

    #[inline]
    fn position(&self, key: &str) -> Option<usize> {
        if !self.may_have(bit(key)) {
            return None;
        }
        self.entries.iter().position(|(known, _)| *known == key)
    }
}

/// One bit of 64, told by the length of a key and two of its letters.
#[inline]
const fn bit(key: &str) -> u64 {
    let key = key.as_bytes();
    let letters = match key.len() {
        0 | 1 => 0,
        length => 3 * key[length / 2] as usize + key[length - 2] as usize,
    };
    1 << ((7 * key.len() + letters) % 64)
}

impl SpanValue<'_> {
    /// The value, whoever holds it.
    #[must_use]
    pub fn get(&self) -> FieldValue<'_> {
        match self {
            SpanValue::Recorded(value) => *value,
            SpanValue::Made(text) => FieldValue::Str(text),
        }
    }
}

impl FieldValue<'_> {
    /// Writes it as a member of an object.
    pub(crate) fn write_member(self, key: &str, json: &mut JsonWriter<'_>) {
        json.key(key);
        match self {
            FieldValue::Bool(value) => json.bool(value),
            FieldValue::I64(value) => json.i64(value),
            FieldValue::U64(value) => json.u64(value),
            FieldValue::F64(value) if value.is_finite() => json.f64(value),
            FieldValue::F64(value) => json.text(&value.to_string()),
            FieldValue::Str(value) => json.text(value),
        }
    }
}

impl<'a, V: Into<FieldValue<'a>>> From<V> for SpanValue<'a> {
    fn from(value: V) -> Self {
        SpanValue::Recorded(value.into())
    }
}

impl<'a> FromIterator<(&'a str, FieldValue<'a>)> for SpanData<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, FieldValue<'a>)>>(fields: I) -> Self {
        let mut data = SpanData::default();
        data.extend(fields.into_iter());
        data
    }
}

impl SpanData<'_> {
    /// Writes the attributes as members of an object that has begun.
    pub(crate) fn write_members(&self, json: &mut JsonWriter<'_>) {
        self.iter().for_each(|(key, value)| value.write_member(key, json));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_that_comes_twice_the_later_value_stays_however_many_there_are() {
        let names: Vec<String> = (0..100).map(|n| format!("key.{}", n % 60)).collect();
        for count in [3, FEW, FEW + 1, 59, 61, 100] {
            let fields = || names[..count].iter().enumerate();
            let data: SpanData<'_> = fields().map(|(n, name)| (name.as_str(), n.into())).collect();
            let map: Map<String, Value> = fields().map(|(n, name)| (name.clone(), n.into())).collect();
            assert_eq!(data.iter().count(), count.min(60));
            assert_eq!(data.to_map(), map);
        }
    }

    #[test]
    fn what_was_taken_out_is_gone_and_can_come_again() {
        let mut data: SpanData<'_> = [("a", 1.into()), ("b.c", "x".into())].into_iter().collect();
        assert_eq!((data.remove("a"), data.remove("a")), (Some(1.into()), None));
        data.insert_new("b.c", "y");
        data.insert_new("a", true);
        assert_eq!((data.text("b.c").as_deref(), data.text("a").as_deref()), (Some("x"), Some("true")));
        assert_eq!((data.get("a"), data.get("c")), (Some(true.into()), None));
        assert_eq!(SpanData::default().get(""), None);
    }
}
