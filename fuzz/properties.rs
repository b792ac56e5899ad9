//! What holds for whatever is read: nothing panics, and what was understood is written so that it is understood in the same way.
//!
//! The fuzz targets and the tests (`tests/round_trips.rs`) call the same functions.

mod programs;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde_json::Value;
use watchpost_protocol::rate_limit::parse_rate_limits;
use watchpost_protocol::{
    Baggage, ClientReport, Crontab, Dsn, DynamicSamplingContext, Envelope, Event, EventId, IpAddress, Log,
    Metric, MonitorSlug, SentryTrace, SessionUpdate, SpanId, Timestamp, TraceId, Transaction,
};

pub use self::programs::{backtrace, captured, config, environment, request, scrubbing};

/// What holds for an input, whatever it is.
type Property = fn(&[u8]);

/// Every property of a text or a file, by the name of its target.
pub const ALL: &[(&str, Property)] = &[
    ("backtrace", backtrace),
    ("baggage", baggage),
    ("config", config),
    ("crontab", crontab),
    ("dsn", dsn),
    ("envelope", envelope),
    ("environment", environment),
    ("id", id),
    ("ip_address", ip_address),
    ("payload", payload),
    ("rate_limits", rate_limits),
    ("scrubbing", scrubbing),
    ("sentry_trace", sentry_trace),
    ("slug", slug),
    ("timestamp", timestamp),
];

/// Those that run a whole program for each input.
pub const SLOW: &[(&str, Property)] = &[("captured", captured), ("request", request)];

pub fn dsn(data: &[u8]) {
    printed::<Dsn>(data);
    if let Some(dsn) = read::<Dsn>(data) {
        assert!(dsn.envelope_url().starts_with("http"));
    }
}

pub fn id(data: &[u8]) {
    printed::<EventId>(data);
    printed::<TraceId>(data);
    printed::<SpanId>(data);
}

pub fn sentry_trace(data: &[u8]) {
    printed::<SentryTrace>(data);
}

pub fn ip_address(data: &[u8]) {
    printed::<IpAddress>(data);
}

pub fn slug(data: &[u8]) {
    printed::<MonitorSlug>(data);
}

pub fn crontab(data: &[u8]) {
    printed::<Crontab>(data);
}

pub fn baggage(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Baggage::parse(text);
    let context = DynamicSamplingContext::from_baggage(text);
    assert_eq!(DynamicSamplingContext::from_baggage(&context.to_baggage()), context);
}

pub fn rate_limits(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(parse_rate_limits(text).iter().all(|limit| limit.seconds.is_finite()));
    }
}

pub fn timestamp(data: &[u8]) {
    let read = std::str::from_utf8(data).ok().and_then(Timestamp::parse_rfc3339);
    if let Some(timestamp) = read {
        assert_eq!(Timestamp::parse_rfc3339(&timestamp.to_string()), Some(timestamp));
    }
}

pub fn envelope(data: &[u8]) {
    let Ok(mut envelope) = Envelope::from_slice(data) else { return };
    let at = Timestamp::from_micros(1_790_000_000_000_000);
    let mut again = Envelope::from_slice(&envelope.to_vec(at)).expect("what is written can be read");
    envelope.headers.sent_at = Some(at);
    envelope.headers.other.remove("sent_at");
    for item in &mut envelope.items {
        item.header.other.remove("length");
        let _ = item.losses();
    }
    for (one, other) in headers(&mut envelope).into_iter().zip(headers(&mut again)) {
        assert_alike(&Value::Object(one), &Value::Object(other));
    }
    assert_eq!(again, envelope);
}

/// Takes out the headers that nobody knows.
fn headers(envelope: &mut Envelope) -> Vec<watchpost_protocol::Map<String, Value>> {
    let of_items = envelope.items.iter_mut().map(|item| &mut item.header.other);
    std::iter::once(&mut envelope.headers.other).chain(of_items).map(std::mem::take).collect()
}

/// Payloads: of any of these kinds.
pub fn payload(data: &[u8]) {
    json::<Event>(data);
    json::<Transaction>(data);
    json::<Log>(data);
    json::<Metric>(data);
    json::<SessionUpdate>(data);
    json::<ClientReport>(data);
}

fn read<T: FromStr>(data: &[u8]) -> Option<T> {
    std::str::from_utf8(data).ok()?.parse().ok()
}

/// What is read and printed is read as the same.
fn printed<T: FromStr + Display + PartialEq + Debug>(data: &[u8]) {
    if let Some(value) = read::<T>(data) {
        assert_eq!(value.to_string().parse().ok(), Some(value));
    }
}

/// What is written of something that was read is the same when it is written again.
fn json<T: serde::de::DeserializeOwned + serde::Serialize>(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(data) else { return };
    let once = serde_json::to_value(&value).expect("what was read can be written");
    let text = serde_json::to_string(&value).expect("what was read can be written");
    let again: T = serde_json::from_str(&text).expect("what is written can be read");
    assert_alike(&once, &serde_json::to_value(&again).expect("what was read can be written"));
}

/// The same, but for the last digits of a number: they are written as they are, but read fast, and so not quite.
fn assert_alike(one: &Value, other: &Value) {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let [one, other] = [one, other].map(|number| number.as_f64().unwrap_or_default());
            assert!((one - other).abs() <= one.abs() * 1e-15, "{one} is read as {other}");
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).for_each(|(one, other)| assert_alike(one, other));
        }
        (Value::Object(one), Value::Object(other)) => {
            assert!(one.keys().eq(other.keys()), "{one:?} is read as {other:?}");
            one.values().zip(other.values()).for_each(|(one, other)| assert_alike(one, other));
        }
        _ => assert_eq!(one, other),
    }
}
