//! Errors with their stacks (`protocol.md` §5.8 and §5.10 to §5.12).

mod image;
mod stack;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::image::{DebugImage, DebugMeta};
pub use self::stack::{Addr, Frame, Stacktrace, Thread, ThreadId};
use crate::wire;

/// One error of a chain. In a list the innermost cause comes first and the error that was captured comes last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exception {
    /// The error's type. The server discards an exception that has neither type nor value.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// The error's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The crate or module that the type belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The thread that raised it; refers to [`Thread::id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    /// Where it was raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacktrace: Option<Stacktrace>,
    /// How it came to be captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// How an error came to be captured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mechanism {
    /// `generic` (the default) for what the program captured itself, `panic`, `chained`, or the origin of an instrumentation, such as `auto.http.axum`.
    #[serde(rename = "type")]
    pub ty: Cow<'static, str>,
    /// Whether the program dealt with the error; `false` marks the event unhandled and crashes the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled: Option<bool>,
    /// Whether the type was made up by the reporter: then it is used neither for titles nor for grouping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<bool>,
    /// What the mechanism is, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_link: Option<String>,
    /// Anything else, for a reader.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub data: Map<String, Value>,
    /// What the operating system said: `errno`, `signal`, `mach_exception`, `ns_error`.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub meta: Map<String, Value>,
    /// The number of this error in its tree; the root is 0 and stands last in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_id: Option<u32>,
    /// The number of the error that this one caused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<u32>,
    /// Whether this error is a group of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_exception_group: Option<bool>,
    /// Which part of the parent it came from, such as `source()` or `errors[1]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'static, str>>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl Mechanism {
    /// Sets one of its [`data`](Self::data).
    ///
    /// ```
    /// # use watchpost_protocol::Mechanism;
    /// let mut mechanism = Mechanism::default();
    /// mechanism.set_data("location", "src/cart.rs:7".into());
    /// assert_eq!(mechanism.data["location"], "src/cart.rs:7");
    /// ```
    pub fn set_data(&mut self, key: &str, value: Value) {
        self.data.insert(key.to_owned(), value);
    }
}

impl Default for Mechanism {
    fn default() -> Self {
        Mechanism {
            ty: Cow::Borrowed("generic"),
            handled: None,
            synthetic: None,
            description: None,
            help_link: None,
            data: Map::new(),
            meta: Map::new(),
            exception_id: None,
            parent_id: None,
            is_exception_group: None,
            source: None,
            other: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "type": "io::Error", "value": "connection refused", "module": "shop", "thread_id": 7, "raw_stacktrace": {"frames": []},
            "mechanism": {
                "type": "chained", "handled": false, "synthetic": true, "exception_id": 1, "parent_id": 0,
                "source": "source()", "meta": {"errno": {"number": 111}}, "data": {"a": [1]}, "colour": "red"
            },
            "stacktrace": {"frames": [{"function": "main", "in_app": true}], "snapshot": true}
        });
        let exception: Exception = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(exception.mechanism.as_ref().unwrap().other["colour"], "red");
        assert_eq!(serde_json::to_value(&exception).unwrap(), wire);
    }

    #[test]
    fn a_mechanism_is_generic_unless_it_says_otherwise() {
        let mechanism = Mechanism { handled: Some(true), ..Mechanism::default() };
        assert_eq!(serde_json::to_value(&mechanism).unwrap(), json!({"type": "generic", "handled": true}));
        assert_eq!(serde_json::from_value::<Mechanism>(json!({"handled": true})).unwrap(), mechanism);
    }
}
