//! What several payloads share on the wire: lenient reading, and names that are written once.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serializer};
use serde_json::{Map, Value};

/// Writes the fields that have no type. Named at each of them, because otherwise each would bring the way through a tree of its own.
pub(crate) fn others<S: Serializer>(fields: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields)
}

/// A number, or a text that some senders write in its place.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    Number(u64),
    Text(String),
}

/// Reads `null` as "nothing there": senders write it for an empty list as often as for an empty map.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a string that some senders write as a number or a boolean (`user.id`).
pub(crate) fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(Value::deserialize(deserializer)?))
}

/// Reads tags: a map, or a list of pairs (`protocol.md` §5.1). Later ones win; `null` values are left out.
pub(crate) fn tags<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(pairs(Value::deserialize(deserializer)?).into_iter().collect())
}

/// Reads headers: a map, or a list of pairs that may repeat a name; repeated values are joined as HTTP joins them (§5.5).
pub(crate) fn headers<'de, D, N>(deserializer: D) -> Result<BTreeMap<N, String>, D::Error>
where
    D: Deserializer<'de>,
    N: From<String> + Ord,
{
    let mut headers = BTreeMap::<N, String>::new();
    for (name, value) in pairs(Value::deserialize(deserializer)?) {
        let joint = if name.eq_ignore_ascii_case("cookie") { "; " } else { ", " };
        headers
            .entry(N::from(name))
            .and_modify(|known| {
                known.push_str(joint);
                known.push_str(&value);
            })
            .or_insert(value);
    }
    Ok(headers)
}

/// Reads cookies: the header's text, a map, or a list of pairs (§5.5); all become the header's text.
pub(crate) fn cookies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => {
            let cookies: Vec<_> =
                pairs(other).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            Ok(Some(cookies.join("; ")))
        }
    }
}

/// The pairs of a map or of a list of pairs, in order. What is neither has none.
fn pairs(value: Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |name: Option<String>, value: Value| match (name, value) {
        (Some(name), Value::Array(values)) => {
            found.extend(values.into_iter().filter_map(text).map(|value| (name.clone(), value)));
        }
        (Some(name), value) => found.extend(text(value).map(|value| (name, value))),
        (None, _) => {}
    };
    match value {
        Value::Object(map) => map.into_iter().for_each(|(name, value)| add(Some(name), value)),
        Value::Array(list) => {
            for pair in list {
                if let Value::Array(pair) = pair
                    && let Ok([name, value]) = <[Value; 2]>::try_from(pair)
                {
                    add(text(name), value);
                }
            }
        }
        _ => {}
    }
    found
}

/// A scalar as text; an object is shown as JSON rather than lost.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Gives an enum its names on the wire, once: `as_str`, `Display`, `FromStr` and serde all read this one table. A second name
/// after `|` is understood and never written.
macro_rules! wire_names {
    ($type:ident, $error:ident, $what:literal, { $($variant:ident = $name:literal $(| $alias:literal)*),+ $(,)? }) => {
        #[doc = concat!("The error of parsing a ", $what, ": the name is not one of the protocol's.")]
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $error(String);

        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("unknown ", $what, " {:?}; expected one of:"), self.0)?;
                [$($name),+].iter().try_for_each(|name| write!(f, " {name}"))
            }
        }

        impl std::error::Error for $error {}

        impl $type {
            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str(name: &str) -> Result<Self, $error> {
                match name {
                    $($name $(| $alias)* => Ok(Self::$variant),)+
                    other => Err($error(other.to_owned())),
                }
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use wire_names;

/// Makes an error of a type with a `Display`, whose `Debug` is the same text: that is what a `main` prints which returns the error.
macro_rules! read_error {
    ($error:ident) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::error::Error for $error {}
    };
}
pub(crate) use read_error;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_come_as_map_or_pairs_and_keep_scalars_as_text() {
        let map = tags(json!({"a": "x", "n": 1, "yes": true, "gone": null})).unwrap();
        let list = tags(json!([["a", "x"], ["n", 1], ["yes", true], ["gone", null], ["odd"]])).unwrap();
        assert_eq!(map, list);
        assert_eq!(
            map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
            ["a=x", "n=1", "yes=true"]
        );
    }

    #[test]
    fn repeated_headers_are_joined_as_http_does() {
        let read: BTreeMap<String, _> =
            headers(json!([["Accept", "a"], ["Cookie", "x=1"], ["Accept", "b"], ["Cookie", "y=2"]])).unwrap();
        assert_eq!(read["Accept"], "a, b");
        assert_eq!(read["Cookie"], "x=1; y=2");
        let via: BTreeMap<String, _> = headers(json!({"Via": ["1", "2"]})).unwrap();
        assert_eq!(via["Via"], "1, 2");
    }

    #[test]
    fn cookies_become_the_header_text() {
        for cookies_in in [json!("a=1; b=2"), json!({"a": "1", "b": "2"}), json!([["a", "1"], ["b", 2]])] {
            assert_eq!(cookies(cookies_in).unwrap().as_deref(), Some("a=1; b=2"));
        }
        assert_eq!(cookies(Value::Null).unwrap(), None);
    }
}
