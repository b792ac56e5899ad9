//! The `sentry-trace` header (`protocol.md` §8.2).

use std::fmt;
use std::str::FromStr;

use crate::id::{SpanId, TraceId};

/// Which trace a request belongs to, the span that made it, and whether that one is sampled.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::SentryTrace;
///
/// let header: SentryTrace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1".parse()?;
/// assert_eq!(header.sampled, Some(true));
/// # Ok::<(), watchpost_protocol::propagation::ParseSentryTraceError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentryTrace {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that made the request: the parent of what serves it.
    pub span_id: SpanId,
    /// The decision; `None` leaves it to the receiver.
    pub sampled: Option<bool>,
}

/// Text that is no `sentry-trace`: a new trace begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseSentryTraceError(String);

impl fmt::Display for ParseSentryTraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid sentry-trace {:?}: expected <32 hex digits>-<16 hex digits>, then -1 or -0 or nothing",
            self.0
        )
    }
}

impl std::error::Error for ParseSentryTraceError {}

impl FromStr for SentryTrace {
    type Err = ParseSentryTraceError;

    /// Spaces around it, a list with empty parts before it, and the frame of a W3C `traceparent` (`00-…-00`) are understood. Both ids are
    /// required, in lower case.
    fn from_str(text: &str) -> Result<Self, ParseSentryTraceError> {
        parse(text).ok_or_else(|| ParseSentryTraceError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<SentryTrace> {
    let value = text.split(',').map(str::trim).find(|part| !part.is_empty())?;
    let framed = value.strip_prefix("00-").and_then(|value| value.strip_suffix("-00"));
    let mut parts = framed.unwrap_or(value).split('-');
    let (trace, span, flag) = (parts.next()?, parts.next()?, parts.next());
    let lower =
        |id: &str, digits: usize| id.len() == digits && !id.bytes().any(|byte| byte.is_ascii_uppercase());
    if parts.next().is_some() || !lower(trace, 32) || !lower(span, 16) {
        return None;
    }
    let sampled = match flag {
        None => None,
        Some("1") => Some(true),
        Some("0") => Some(false),
        Some(_) => return None,
    };
    Some(SentryTrace { trace_id: trace.parse().ok()?, span_id: span.parse().ok()?, sampled })
}

impl fmt::Display for SentryTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.trace_id, self.span_id)?;
        match self.sampled {
            None => Ok(()),
            Some(true) => f.write_str("-1"),
            Some(false) => f.write_str("-0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

    #[test]
    fn what_is_written_is_read_back() {
        for sampled in [None, Some(true), Some(false)] {
            for seed in 1..200 {
                let header = SentryTrace {
                    trace_id: TraceId::from_bytes([seed; 16]),
                    span_id: SpanId::from_bytes([seed; 8]),
                    sampled,
                };
                assert_eq!(header.to_string().parse(), Ok(header));
            }
        }
    }

    #[test]
    fn lenient_where_the_protocol_is_and_no_further() {
        for good in [format!(" {IDS}-1 "), format!(",\t,{IDS}"), format!("00-{IDS}-00")] {
            assert!(good.parse::<SentryTrace>().is_ok(), "{good:?}");
        }
        let zero = format!("{}-b7ad6b7169203331-1", "0".repeat(32));
        for bad in [
            "",
            "-1",
            "xyz",
            &format!("{IDS}-2"),
            &format!("{IDS}-1-1"),
            &IDS[1..],
            &IDS.to_uppercase(),
            &zero,
        ] {
            assert!(bad.parse::<SentryTrace>().is_err(), "{bad:?}");
        }
    }
}
