//! What holds for whatever is read: nothing panics, and what was understood is written so that it is understood in the same way.
//!
//! The fuzz targets and the tests (`tests/round_trips.rs`) call the same functions.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use watchpost_protocol::rate_limit::parse_rate_limits;
use watchpost_protocol::{
    Baggage, ClientReport, Crontab, Dsn, DynamicSamplingContext, Envelope, Event, EventId, IpAddress, Log,
    Metric, MonitorSlug, SentryTrace, SessionUpdate, SpanId, Timestamp, TraceId, Transaction,
};

/// What holds for an input, whatever it is.
type Property = fn(&[u8]);

/// Every property, by the name of its target.
pub const ALL: &[(&str, Property)] = &[
    ("baggage", baggage),
    ("crontab", crontab),
    ("dsn", dsn),
    ("envelope", envelope),
    ("id", id),
    ("ip_address", ip_address),
    ("payload", payload),
    ("rate_limits", rate_limits),
    ("sentry_trace", sentry_trace),
    ("slug", slug),
    ("timestamp", timestamp),
];

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
    let again = Envelope::from_slice(&envelope.to_vec(at)).expect("what is written can be read");
    envelope.headers.sent_at = Some(at);
    envelope.headers.other.remove("sent_at");
    for item in &mut envelope.items {
        item.header.other.remove("length");
        let _ = item.losses();
    }
    assert_eq!(again, envelope);
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
    let once = serde_json::to_string(&value).expect("what was read can be written");
    let again: T = serde_json::from_str(&once).expect("what is written can be read");
    assert_eq!(serde_json::to_string(&again).ok(), Some(once));
}
