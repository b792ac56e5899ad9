//! What was done to the values of an item: `_meta` (`protocol.md` §16.6).

use std::borrow::Cow;

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::wire::wire_names;

/// What was done to a value of an item, and to those below it. The item itself is the root.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::{Meta, Remark};
///
/// let mut meta = Meta::default();
/// meta.at(["request", "headers", "Cookie"]).said.rem.push(Remark::SUBSTITUTED);
/// assert_eq!(
///     serde_json::to_string(&meta)?,
///     r#"{"request":{"headers":{"Cookie":{"":{"rem":[["!config","s"]]}}}}}"#
/// );
/// assert!(meta.get(["request", "headers"]).is_some_and(|headers| headers.said.is_empty()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meta {
    /// What was done to the value here.
    pub said: Annotation,
    /// Sorted by their names.
    below: Vec<(String, Meta)>,
}

impl Meta {
    /// Whether nothing was done, here and below.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty() && self.below.iter().all(|(_, below)| below.is_empty())
    }

    /// What is known of the member of this name; an element of a list is named by its place. One without a name cannot be told from the value
    /// around it.
    pub fn below(&mut self, name: &str) -> &mut Meta {
        if name == HERE {
            return self;
        }
        let at = match self.position(name) {
            Ok(at) => at,
            Err(at) => {
                self.below.insert(at, (name.to_owned(), Meta::default()));
                at
            }
        };
        &mut self.below[at].1
    }

    /// What is known of the value at a path.
    pub fn at<S: AsRef<str>>(&mut self, path: impl IntoIterator<Item = S>) -> &mut Meta {
        path.into_iter().fold(self, |meta, name| meta.below(name.as_ref()))
    }

    /// What is known of the value at a path, if anything is.
    pub fn get<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>) -> Option<&Meta> {
        path.into_iter().try_fold(self, |meta, name| match name.as_ref() {
            HERE => Some(meta),
            name => Some(&meta.below[meta.position(name).ok()?].1),
        })
    }

    /// Forgets what is known of the value here and of those below it.
    pub fn clear(&mut self) {
        *self = Meta::default();
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.below.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

/// What was done to one value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotation {
    /// Each change.
    pub rem: Vec<Remark>,
    /// How long it was before: bytes of a text, members of a map, elements of a list.
    pub len: Option<u64>,
    /// Unknown fields, kept; a known one whose value nobody understands, too.
    pub other: Map<String, Value>,
}

impl Annotation {
    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rem.is_empty() && self.len.is_none() && self.other.is_empty()
    }
}

/// A change of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Why: `!config` for what must not leave the process, `!limit` for what is too long.
    pub rule: Cow<'static, str>,
    /// What happened to it.
    pub kind: RemarkKind,
    /// Of a text, where the change begins and ends, in bytes of what is left.
    pub range: Option<(u64, u64)>,
}

impl Remark {
    /// Something else stands in its place, since it must not leave the process.
    pub const SUBSTITUTED: Remark = Remark::new("!config", RemarkKind::Substituted);

    /// It is gone, since it must not leave the process.
    pub const REMOVED: Remark = Remark::new("!config", RemarkKind::Removed);

    /// It is gone, since it was too much.
    pub const CUT: Remark = Remark::new("!limit", RemarkKind::Removed);

    const fn new(rule: &'static str, kind: RemarkKind) -> Self {
        Remark { rule: Cow::Borrowed(rule), kind, range: None }
    }
}

/// What happened to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemarkKind {
    /// It is left as it was, and only spoken of.
    Annotated,
    /// It, or a part of it, is gone.
    Removed,
    /// Something else stands in its place.
    Substituted,
    /// Its letters were replaced.
    Masked,
    /// Its hash stands in its place.
    Pseudonymized,
    /// It can be read with a key.
    Encrypted,
}

wire_names!(RemarkKind, ParseRemarkKindError, "kind of remark", {
    Annotated = "a",
    Removed = "x",
    Substituted = "s",
    Masked = "m",
    Pseudonymized = "p",
    Encrypted = "e",
});

/// `[rule, kind]`, or `[rule, kind, start, end]`.
impl Serialize for Remark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.range {
            Some((start, end)) => (&self.rule, self.kind, start, end).serialize(serializer),
            None => (&self.rule, self.kind).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Remark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Vec::<Value>::deserialize(deserializer)?;
        let unknown =
            || D::Error::custom("a remark is a list of a rule, a kind and perhaps where it begins and ends");
        let [Value::String(rule), Value::String(kind), range @ ..] = &parts[..] else {
            return Err(unknown());
        };
        let range = match range {
            [] => None,
            [start, end] => Some(start.as_u64().zip(end.as_u64()).ok_or_else(unknown)?),
            _ => return Err(unknown()),
        };
        Ok(Remark { rule: rule.clone().into(), kind: kind.parse().map_err(D::Error::custom)?, range })
    }
}

const REM: &str = "rem";
const LEN: &str = "len";

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.rem.is_empty() {
            map.serialize_entry(REM, &self.rem)?;
        }
        if let Some(len) = self.len {
            map.serialize_entry(LEN, &len)?;
        }
        let is_said = |name: &str| match name {
            REM => !self.rem.is_empty(),
            LEN => self.len.is_some(),
            _ => false,
        };
        for (name, value) in self.other.iter().filter(|(name, _)| !is_said(name)) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Annotation {
    fn read(mut other: Map<String, Value>) -> Self {
        let mut said = Annotation::default();
        if let Some(rem) = other.get(REM).and_then(|rem| Vec::<Remark>::deserialize(rem).ok()) {
            said.rem = rem;
            other.remove(REM);
        }
        if let Some(len) = other.get(LEN).and_then(Value::as_u64) {
            said.len = Some(len);
            other.remove(LEN);
        }
        Annotation { other, ..said }
    }
}

/// What is said of a value stands under an empty name, beside what is said of those below it.
const HERE: &str = "";

impl Serialize for Meta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.said.is_empty() {
            map.serialize_entry(HERE, &self.said)?;
        }
        for (name, below) in self.below.iter().filter(|(_, below)| !below.is_empty()) {
            map.serialize_entry(name, below)?;
        }
        map.end()
    }
}

/// What is no object says nothing.
impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(read(Value::deserialize(deserializer)?))
    }
}

fn read(value: Value) -> Meta {
    let mut meta = Meta::default();
    let Value::Object(map) = value else { return meta };
    for (name, value) in map {
        match value {
            Value::Object(said) if name == HERE => meta.said = Annotation::read(said),
            _ if name == HERE => {}
            below => *meta.below(&name) = read(below),
        }
    }
    meta
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_reads_what_it_writes_and_keeps_what_it_does_not_know() {
        let wire = json!({
            "": { "err": ["invalid_data"], "len": 2 },
            "extra": { "10": { "": { "len": 3 } }, "9": { "": { "rem": [["!limit", "x", 7, 10], ["@ip", "m"]] } } },
        });
        let meta: Meta = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&meta).unwrap(), wire);
        assert_eq!(meta.get(["extra", "9"]).unwrap().said.rem[0].range, Some((7, 10)));
        assert_eq!(meta.get(["extra", "8"]), None);
    }

    #[test]
    fn what_nobody_understands_is_no_reason_to_refuse_an_item() {
        for odd in [json!(null), json!({ "a": 1, "b": { "": [] }, "c": {} })] {
            let meta: Meta = serde_json::from_value(odd).unwrap();
            assert!(meta.is_empty());
            assert_eq!(serde_json::to_value(&meta).unwrap(), json!({}));
        }
        let odd = json!({ "b": { "": { "rem": [["!config", "s"], ["@r", "t", 1.5]], "len": -1 } } });
        let mut meta: Meta = serde_json::from_value(odd.clone()).unwrap();
        assert_eq!(serde_json::to_value(&meta).unwrap(), odd);
        meta.at(["b"]).said.rem.push(Remark::CUT);
        assert_eq!(json!(meta), json!({ "b": { "": { "rem": [["!limit", "x"]], "len": -1 } } }));
    }

    #[test]
    fn what_has_no_name_is_the_value_around_it() {
        let mut meta = Meta::default();
        meta.at(["a", "", "b", ""]).said.len = Some(1);
        assert_eq!(json!(meta), json!({ "a": { "b": { "": { "len": 1 } } } }));
    }

    #[test]
    fn places_lie_beside_each_other_in_whatever_order_they_come() {
        let [one, other] = [["b", "a", "c"], ["c", "b", "a"]].map(|names| {
            let mut meta = Meta::default();
            names.iter().for_each(|name| meta.at(["x", name]).said.len = Some(1));
            meta.at(["x"]).said.len = Some(3);
            meta
        });
        assert_eq!(one, other);
        assert!(!one.is_empty());
    }
}
