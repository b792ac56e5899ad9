//! Metrics: measurements, sent one by one (`protocol.md` §10).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::category::Category;
use crate::id::{SpanId, TraceId};
use crate::log::{self, Attributes, size_of_attributes};
use crate::timestamp::Timestamp;
use crate::wire;
use crate::wire::wire_names;

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// When it was measured.
    pub timestamp: Timestamp,
    /// The trace that it belongs to: every measurement has one.
    pub trace_id: TraceId,
    /// The span in which it was measured, if one was open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub span_id: Option<SpanId>,
    /// What is measured, dotted, such as `cart.items`.
    pub name: Cow<'static, str>,
    /// What becomes of several values.
    #[serde(rename = "type")]
    pub ty: MetricType,
    /// The value.
    pub value: MetricValue,
    /// What it is measured in, such as `millisecond` or `byte` (§7.2); a counter has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Cow<'static, str>>,
    /// What else is known.
    #[serde(default, deserialize_with = "wire::or_default", serialize_with = "log::write")]
    pub attributes: Attributes,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// What becomes of several values of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// They add up.
    Counter,
    /// The latest counts.
    Gauge,
    /// Each counts, and so do their percentiles.
    Distribution,
}

wire_names!(MetricType, ParseMetricTypeError, "type of a metric", {
    Counter = "counter",
    Gauge = "gauge",
    Distribution = "distribution",
});

/// The value of a measurement: a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetricValue {
    /// A whole number.
    Integer(i64),
    /// A floating point number. One that is not finite has no JSON: whoever sends the metric leaves it out.
    Double(f64),
}

impl MetricValue {
    /// The value as a floating point number.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            MetricValue::Integer(number) => number as f64,
            MetricValue::Double(number) => number,
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$type> for MetricValue {
            fn from(value: $type) -> Self {
                MetricValue::$variant(value.into())
            }
        })+
    };
}
from!(i8 => Integer, i16 => Integer, i32 => Integer, i64 => Integer, u8 => Integer, u16 => Integer, u32 => Integer, f32 => Double, f64 => Double);

/// What does not fit 64 bits with a sign becomes a floating point number.
impl From<u64> for MetricValue {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(MetricValue::Double(value as f64), MetricValue::Integer)
    }
}

/// As of `u64`.
impl From<usize> for MetricValue {
    fn from(value: usize) -> Self {
        MetricValue::from(value as u64)
    }
}

/// In seconds: name the unit `second`.
impl From<std::time::Duration> for MetricValue {
    fn from(value: std::time::Duration) -> Self {
        MetricValue::Double(value.as_secs_f64())
    }
}

impl Metric {
    /// What is lost with it (§4.2): one measurement, and its size as the server counts it.
    #[must_use]
    pub fn losses(&self) -> [(Category, u64); 2] {
        let bytes = self.name.len() + 8 + size_of_attributes(&self.attributes);
        [(Category::TraceMetric, 1), (Category::TraceMetricByte, bytes as u64)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "timestamp": 1_790_000_003.5, "trace_id": "0af7651916cd43dd8448eb211c80319c", "name": "db.pool.wait",
            "type": "distribution", "value": 12.5, "unit": "millisecond", "made_up": true,
            "attributes": {"pool": {"type": "string", "value": "main"}},
        });
        let metric: Metric = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&metric).unwrap(), wire);
        assert_eq!(metric.losses(), [(Category::TraceMetric, 1), (Category::TraceMetricByte, 12 + 8 + 8)]);
    }

    #[test]
    fn whole_numbers_stay_whole_as_far_as_they_fit() {
        let wire = |value: MetricValue| serde_json::to_string(&value).unwrap();
        assert_eq!(
            (wire(3u32.into()), wire(0.5f32.into()), wire(2.0.into())),
            ("3".into(), "0.5".into(), "2.0".into())
        );
        assert_eq!(MetricValue::from(u64::MAX), MetricValue::Double(u64::MAX as f64));
        assert_eq!(serde_json::from_str::<MetricValue>("7").unwrap(), MetricValue::Integer(7));
    }
}
