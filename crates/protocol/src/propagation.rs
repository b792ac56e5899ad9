//! What carries a trace from one process to the next (`protocol.md` §8).

mod baggage;
mod dsc;
mod sentry_trace;

use std::ops::Range;

pub use baggage::{Baggage, merge_baggage, strip_sentry};
pub use dsc::{DynamicSamplingContext, format_rate, format_sample_rand};
pub use sentry_trace::{ParseSentryTraceError, SentryTrace};

use crate::id::{SpanId, TraceId};

/// The value of a W3C `traceparent` header; a decision that is deferred is not sampled there (§8.10).
#[must_use]
pub fn traceparent(trace_id: TraceId, span_id: SpanId, sampled: Option<bool>) -> String {
    format!("00-{trace_id}-{span_id}-{}", if sampled == Some(true) { "01" } else { "00" })
}

/// Where a `sample_rand` that did not come with the trace has to lie, so that it agrees with the decision that did (§8.5). The interval may be
/// empty: then no number agrees.
#[must_use]
pub fn sample_rand_interval(parent_sampled: Option<bool>, rate: Option<f64>) -> Range<f64> {
    match (parent_sampled, rate.filter(|rate| (0.0..=1.0).contains(rate))) {
        (Some(true), Some(rate)) => 0.0..rate,
        (Some(false), Some(rate)) => rate..1.0,
        _ => 0.0..1.0,
    }
}

/// Whether an incoming trace may be continued: never one of another organization, and with `strict` only one that names the same (§8.9).
#[must_use]
pub fn continues(incoming_org: Option<&str>, own_org: Option<&str>, strict: bool) -> bool {
    match (incoming_org, own_org) {
        (Some(incoming), Some(own)) => incoming == own,
        (None, None) => true,
        _ => !strict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organizations_by_the_table_of_the_protocol() {
        for (incoming, own, lax, strict) in [
            (Some("1"), Some("1"), true, true),
            (None, None, true, true),
            (Some("1"), None, true, false),
            (None, Some("1"), true, false),
            (Some("1"), Some("2"), false, false),
        ] {
            assert_eq!((continues(incoming, own, false), continues(incoming, own, true)), (lax, strict));
        }
    }

    #[test]
    fn a_missing_sample_rand_is_sought_where_it_agrees() {
        for (sampled, rate, interval) in [
            (None, None, 0.0..1.0),
            (None, Some(0.5), 0.0..1.0),
            (Some(false), None, 0.0..1.0),
            (Some(true), Some(0.3), 0.0..0.3),
            (Some(false), Some(0.3), 0.3..1.0),
            (Some(true), Some(1.0), 0.0..1.0),
            (Some(true), Some(f64::NAN), 0.0..1.0),
        ] {
            assert_eq!(sample_rand_interval(sampled, rate), interval, "{sampled:?} {rate:?}");
        }
        assert!(sample_rand_interval(Some(true), Some(0.0)).is_empty());
        assert!(sample_rand_interval(Some(false), Some(1.0)).is_empty());
    }

    #[test]
    fn a_traceparent_says_sampled_only_if_it_is() {
        let (trace, span) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([2; 8]));
        assert!(traceparent(trace, span, Some(true)).ends_with("-0202020202020202-01"));
        assert!(traceparent(trace, span, None).ends_with("-00"));
    }
}
