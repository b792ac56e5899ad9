//! Rate limits, as the server sends them (`protocol.md` §3.1, §3.2).

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::category::Category;
use crate::value::number;

/// What a server's answer holds back when it names nothing more exact.
const DEFAULT_SECONDS: f64 = 60.0;

/// For how long nothing of some categories may be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// How long from now, in seconds. One that is not positive is over already.
    pub seconds: f64,
    /// What is limited.
    pub categories: RateLimitCategories,
}

/// What a limit concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateLimitCategories {
    /// Everything.
    All,
    /// These.
    Some(Vec<Category>),
}

/// As `60 s of transaction and error`.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s of ", self.seconds)?;
        let RateLimitCategories::Some(categories) = &self.categories else {
            return f.write_str("everything");
        };
        for (at, category) in categories.iter().enumerate() {
            write!(f, "{}{category}", if at == 0 { "" } else { " and " })?;
        }
        Ok(())
    }
}

/// Reads `X-Sentry-Rate-Limits`. A malformed element is skipped; unknown categories are left out, and a limit that names no other is no limit.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::rate_limit::parse_rate_limits;
///
/// assert_eq!(parse_rate_limits("60:transaction:key, 2700:default;error:organization").len(), 2);
/// assert!(parse_rate_limits("120:bogus:key").is_empty());
/// ```
#[must_use]
pub fn parse_rate_limits(header: &str) -> Vec<RateLimit> {
    header.split(',').filter_map(parse_one).collect()
}

fn parse_one(element: &str) -> Option<RateLimit> {
    let element: String = element.chars().filter(|char| !char.is_whitespace()).collect();
    let mut fields = element.split(':');
    let seconds = number(fields.next()?)?;
    let names = fields.next()?;
    if names.is_empty() {
        return Some(RateLimit { seconds, categories: RateLimitCategories::All });
    }
    let namespaces = fields.nth(2).filter(|namespaces| !namespaces.is_empty());
    // A limit on namespaces of metrics that we do not have does not concern us.
    let foreign =
        namespaces.is_some_and(|namespaces| namespaces.split(';').all(|namespace| namespace != "custom"));
    let known = names.split(';').filter_map(|name| name.parse().ok());
    let known: Vec<Category> =
        known.filter(|category| !(foreign && *category == Category::MetricBucket)).collect();
    (!known.is_empty()).then_some(RateLimit { seconds, categories: RateLimitCategories::Some(known) })
}

/// The limits of an answer: `X-Sentry-Rate-Limits` if it is there and says something, else `Retry-After` of a 429, else 60 s for a 429.
#[must_use]
pub fn from_response(
    status: u16,
    rate_limits: Option<&str>,
    retry_after: Option<&str>,
    now: SystemTime,
) -> Vec<RateLimit> {
    match rate_limits.filter(|header| !header.trim().is_empty()) {
        Some(header) => parse_rate_limits(header),
        None if status == 429 => {
            let seconds = retry_after.and_then(|value| retry_seconds(value, now)).unwrap_or(DEFAULT_SECONDS);
            vec![RateLimit { seconds, categories: RateLimitCategories::All }]
        }
        None => Vec::new(),
    }
}

/// Seconds, or an HTTP date.
fn retry_seconds(value: &str, now: SystemTime) -> Option<f64> {
    let value = value.trim();
    match number(value) {
        Some(seconds) => (seconds >= 0.0).then_some(seconds),
        None => {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(now).unwrap_or(Duration::ZERO).as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn picture(limits: &[RateLimit]) -> Vec<String> {
        let names = |limit: &RateLimit| match &limit.categories {
            RateLimitCategories::All => "all".to_owned(),
            RateLimitCategories::Some(list) => {
                list.iter().map(|each| each.as_str()).collect::<Vec<_>>().join(";")
            }
        };
        limits.iter().map(|limit| format!("{}:{}", limit.seconds, names(limit))).collect()
    }

    #[test]
    fn a_limit_is_read_aloud() {
        let [some, all] = &parse_rate_limits("60:transaction;error:key, 0.5::key")[..] else {
            panic!("not two")
        };
        assert_eq!(
            (some.to_string(), all.to_string()),
            ("60 s of transaction and error".into(), "0.5 s of everything".into())
        );
    }

    #[test]
    fn the_table_of_the_protocol() {
        let table: [(&str, &[&str]); 13] = [
            (
                "60:transaction:key, 2700:default;error;security:organization",
                &["60:transaction", "2700:default;error;security"],
            ),
            ("30::organization", &["30:all"]),
            ("0.5:log_item;bogus:project:too_many", &["0.5:log_item"]),
            ("120:bogus:key", &[]),
            ("soon:error:key, 7:error:key", &["7:error"]),
            ("5:metric_bucket:org:quota:transactions", &[]),
            ("5:metric_bucket:org:quota:custom;other:more", &["5:metric_bucket"]),
            ("5:metric_bucket;error:org:quota:transactions", &["5:error"]),
            ("4711:foobar;;transaction:organization", &["4711:transaction"]),
            ("60:;:org", &[]),
            ("-1:error:organization", &["-1:error"]),
            ("NaN:error:key, inf:error:key, 60", &[]),
            (",,,", &[]),
        ];
        for (header, expected) in table {
            assert_eq!(picture(&parse_rate_limits(header)), expected, "{header}");
        }
    }

    #[test]
    fn an_answer_names_its_limits_in_one_of_three_ways() {
        let limits = |status, header, retry| picture(&from_response(status, header, retry, UNIX_EPOCH));
        assert_eq!(limits(429, None, None), ["60:all"]);
        assert_eq!(limits(429, None, Some("4.5")), ["4.5:all"]);
        assert_eq!(limits(429, None, Some("Thu, 01 Jan 1970 00:01:30 GMT")), ["90:all"]);
        assert_eq!(limits(429, None, Some("tomorrow")), ["60:all"]);
        assert_eq!(limits(429, None, Some("Thu, 01 Jan 1970 00:00:00 GMT")), ["0:all"]);
        for odd in ["-5", "NaN", "inf", ""] {
            assert_eq!(limits(429, None, Some(odd)), ["60:all"], "{odd:?}");
        }
        assert_eq!(limits(429, Some(" "), Some("4")), ["4:all"], "an empty header says nothing");
        assert_eq!(limits(429, Some("10:error:org"), Some("4")), ["10:error"]);
        assert_eq!(limits(200, Some("10:error:org"), None), ["10:error"]);
        assert!(limits(503, None, Some("9")).is_empty());
    }
}
