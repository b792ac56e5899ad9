//! Structured logs (`protocol.md` §9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::category::Category;
use crate::id::{SpanId, TraceId};
use crate::level::LogLevel;
use crate::timestamp::Timestamp;
use crate::value::AttributeValue;
use crate::wire;

/// Typed attributes by name: of logs and metrics.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// One log.
///
/// ```
/// # use watchpost_protocol as watchpost;
/// use watchpost::{Log, LogLevel};
///
/// let mut log = Log { level: LogLevel::Warn, body: "stock is low".to_owned(), ..Log::default() };
/// log.attributes.insert("sku".to_owned(), "lamp".into());
/// assert_eq!(serde_json::to_value(&log)?["attributes"]["sku"]["type"], "string");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// When it was said.
    pub timestamp: Timestamp,
    /// The trace that it belongs to: every log has one.
    pub trace_id: TraceId,
    /// The span in which it was said, if one was open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub span_id: Option<SpanId>,
    /// How severe it is.
    pub level: LogLevel,
    /// What it says, with its parameters filled in.
    pub body: String,
    /// The level as the number that OpenTelemetry gives it; a [`Container`](crate::Container) leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub severity_number: Option<u8>,
    /// What else is known.
    #[serde(default, deserialize_with = "wire::or_default", serialize_with = "write")]
    pub attributes: Attributes,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            timestamp: Timestamp::default(),
            trace_id: TraceId::default(),
            span_id: None,
            level: LogLevel::Info,
            body: String::new(),
            severity_number: None,
            attributes: Attributes::new(),
            other: Map::new(),
        }
    }
}

impl Log {
    /// What is lost with it (§4.2): one log, and its size as the server counts it.
    #[must_use]
    pub fn losses(&self) -> [(Category, u64); 2] {
        let bytes = self.body.len() + size_of_attributes(&self.attributes);
        [(Category::LogItem, 1), (Category::LogByte, bytes.max(1) as u64)]
    }
}

/// Writes attributes; what the protocol has no type for, such as a number that is not finite, is left out.
pub(crate) fn write<S: Serializer>(attributes: &Attributes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(attributes.iter().filter(|(name, value)| !name.is_empty() && value.is_sendable()))
}

/// The size of attributes as the server counts it (§4.2): names and values, without what stands around them.
pub(crate) fn size_of_attributes(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::String(text) => text.len(),
        AttributeValue::Integer(_) | AttributeValue::Double(_) => 8,
        AttributeValue::Boolean(_) => 1,
        AttributeValue::Array(list) => list.iter().map(size_of_element).sum(),
    }
}

/// Elements of a list are primitive.
fn size_of_element(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bool(_) => 1,
        Value::Number(_) => 8,
        Value::Null | Value::Array(_) | Value::Object(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "timestamp": 1_790_000_002.125, "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
            "level": "warn", "severity_number": 13, "body": "stock low for sku-9: 2", "made_up": [1],
            "attributes": {
                "sentry.message.template": {"type": "string", "value": "stock low for {sku}: {left}"},
                "sentry.message.parameter.left": {"type": "integer", "value": 2},
            },
        });
        let log: Log = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!((log.level, log.severity_number), (LogLevel::Warn, Some(13)));
        assert_eq!(serde_json::to_value(&log).unwrap(), wire);
    }

    #[test]
    fn its_size_is_what_the_server_counts() {
        let mut log = Log { body: "paid é".into(), ..Log::default() };
        log.attributes.insert("plan".into(), "pro".into());
        log.attributes.insert("n".into(), 1.5.into());
        log.attributes.insert("ok".into(), true.into());
        log.attributes.insert("l".into(), vec!["a", "bc"].into());
        let bytes = 7 + (4 + 3) + (1 + 8) + (2 + 1) + (1 + 3);
        assert_eq!(log.losses(), [(Category::LogItem, 1), (Category::LogByte, bytes)]);
        assert_eq!(Log::default().losses()[1].1, 1, "nothing is as small as nothing");
    }
}
