//! Events: errors and messages (`protocol.md` §5).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::breadcrumb::Breadcrumb;
use crate::contexts::Contexts;
use crate::exception::{DebugMeta, Exception, Frame, Thread};
use crate::id::EventId;
use crate::level::Level;
use crate::meta::Meta;
use crate::request::Request;
use crate::sdk::SdkInfo;
use crate::timestamp::Timestamp;
use crate::transaction::TransactionInfo;
use crate::user::User;
use crate::wire;

/// In a fingerprint, the place of the server's own grouping.
pub const FINGERPRINT_DEFAULT: &str = "{{ default }}";

/// An error or a message, with everything that is known about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Identifies the event. The nil id, which is the default, is replaced when the event is captured.
    pub event_id: EventId,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// `native` for what Rust reports (§5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Cow<'static, str>>,
    /// How severe it is; the server takes `error` if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Which logger it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The transaction in which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// What the transaction's name is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_info: Option<TransactionInfo>,
    /// The machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Arc<str>>,
    /// The release (§5.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Arc<str>>,
    /// The distribution of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dist: Option<Arc<str>>,
    /// The environment (§5.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Arc<str>>,
    /// Crates and their versions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::tags")]
    pub modules: BTreeMap<String, String>,
    /// Tags: short and searchable.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::tags")]
    pub tags: BTreeMap<String, String>,
    /// Free-form data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::or_default")]
    pub extra: BTreeMap<String, Value>,
    /// Who was affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The HTTP request that was being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// Named objects about the surroundings.
    #[serde(skip_serializing_if = "Contexts::is_empty", deserialize_with = "wire::or_default")]
    pub contexts: Contexts,
    /// What led up to it, the oldest first.
    #[serde(skip_serializing_if = "Values::is_empty", deserialize_with = "wire::or_default")]
    pub breadcrumbs: Values<Breadcrumb>,
    /// The errors, the innermost cause first and the one that was captured last.
    #[serde(skip_serializing_if = "Values::is_empty", deserialize_with = "wire::or_default")]
    pub exception: Values<Exception>,
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logentry: Option<LogEntry>,
    /// The threads of the program.
    #[serde(skip_serializing_if = "Values::is_empty", deserialize_with = "wire::or_default")]
    pub threads: Values<Thread>,
    /// The images in which the server finds the names of addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_meta: Option<DebugMeta>,
    /// What groups it with others; `{{ default }}` inserts the server's own grouping.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub fingerprint: Vec<Cow<'static, str>>,
    /// What reported it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<Arc<SdkInfo>>,
    /// What went wrong while reporting it.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub errors: Vec<Value>,
    /// Annotations of what was cut or filtered (§16.6).
    #[serde(rename = "_meta", skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl Event {
    /// Every frame, of the exceptions and of the threads, for a hook that looks through their variables.
    ///
    /// ```
    /// # use watchpost_protocol::Event;
    /// fn without_tokens(mut event: Event) -> Option<Event> {
    ///     for frame in event.frames_mut() {
    ///         frame.vars.remove("token");
    ///     }
    ///     Some(event)
    /// }
    /// # without_tokens(Event::default());
    /// ```
    pub fn frames_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        let of_errors = self.exception.0.iter_mut().filter_map(|exception| exception.stacktrace.as_mut());
        let of_threads = self.threads.0.iter_mut().filter_map(|thread| thread.stacktrace.as_mut());
        of_errors.chain(of_threads).flat_map(|stack| &mut stack.frames)
    }
}

/// A message, and the template that it was made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogEntry {
    /// The message as it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    /// The template, which groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was put into the template.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub params: Vec<Value>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// A list that is wrapped on the wire: `{"values":[…]}`. A bare list is read, too.
#[derive(Debug, Clone, PartialEq)]
pub struct Values<T>(pub Vec<T>);

impl<T> Values<T> {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Values(Vec::new())
    }
}

impl<T> From<Vec<T>> for Values<T> {
    fn from(values: Vec<T>) -> Self {
        Values(values)
    }
}

impl<T> Deref for Values<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Values<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T: Serialize> Serialize for Values<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wrapped<'a, T> {
            values: &'a [T],
        }
        Wrapped { values: &self.0 }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Values<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire<T> {
            Wrapped { values: Option<Vec<Option<T>>> },
            Bare(Vec<Option<T>>),
        }
        let values = match Wire::deserialize(deserializer)? {
            Wire::Wrapped { values } => values.unwrap_or_default(),
            Wire::Bare(values) => values,
        };
        Ok(Values(values.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_minimal_event_of_the_protocol_survives() {
        let wire = json!({
            "event_id": "9b1c3e5a7d9f4b2d8c6e0a1b2c3d4e5f", "timestamp": 1_790_000_000.25, "platform": "native",
            "level": "error", "release": "shop@1.4.0", "environment": "staging", "server_name": "web-3",
            "exception": {"values": [{"type": "io::Error", "value": "connection refused",
                "mechanism": {"type": "generic", "handled": true, "meta": {"errno": {"number": 111}}}}]},
            "contexts": {"trace": {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}},
            "tags": {"shard": "7"}, "sdk": {"name": "acme.rust", "version": "0.1.0"}, "made_up": [1],
        });
        let event: Event = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(event.other["made_up"], json!([1]));
        assert_eq!(serde_json::to_value(&event).unwrap(), wire);
    }

    #[test]
    fn lists_are_read_wrapped_bare_and_null() {
        for list in [json!({"values": [{"message": "m"}, null]}), json!([{"message": "m"}])] {
            let event: Event = serde_json::from_value(json!({ "breadcrumbs": list })).unwrap();
            assert_eq!(event.breadcrumbs.len(), 1);
        }
        let event: Event =
            serde_json::from_value(json!({"breadcrumbs": null, "tags": null, "contexts": null})).unwrap();
        assert_eq!(event, Event::default());
    }

    #[test]
    fn nothing_is_written_for_nothing() {
        let text = serde_json::to_string(&Event::default()).unwrap();
        assert_eq!(text, r#"{"event_id":"00000000000000000000000000000000"}"#);
    }
}
