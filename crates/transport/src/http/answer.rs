//! What the server said, and what that means for the envelope (`protocol.md` §2.8 and §3.2).

use std::fmt::Write as _;
use std::io::Read;
use std::time::SystemTime;

use serde_json::Value;
use ureq::Body;
use ureq::http::header::{LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderName, Response};
use watchpost_core::Delivery;
use watchpost_protocol::rate_limit::from_response;
use watchpost_protocol::{Envelope, Item};

const X_SENTRY_ERROR: HeaderName = HeaderName::from_static("x-sentry-error");
const X_SENTRY_RATE_LIMITS: HeaderName = HeaderName::from_static("x-sentry-rate-limits");

/// How much of a body is read: it is for a developer's eyes.
const BODY_LIMIT: u64 = 8 * 1024;
/// How long a message may get, in characters.
const MESSAGE_LIMIT: usize = 500;

/// A response, read to its end.
#[derive(Debug, Default)]
pub(super) struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// Reads the body, so that the connection can be used again. The status is known by now: a body that breaks off
    /// changes nothing.
    pub(super) fn read(response: Response<Body>) -> Answer {
        let (head, body) = response.into_parts();
        let mut answer = Answer { status: head.status.as_u16(), headers: head.headers, body: Vec::new() };
        let _ = body.into_reader().take(BODY_LIMIT).read_to_end(&mut answer.body);
        answer
    }

    /// What became of `envelope`, which was `sent` bytes on the wire.
    pub(super) fn into_delivery(self, envelope: &Envelope, sent: usize, now: SystemTime) -> Delivery {
        let rate_limits = self.joined(&X_SENTRY_RATE_LIMITS);
        let limits = from_response(self.status, rate_limits.as_deref(), self.header(&RETRY_AFTER), now);
        match self.status {
            200..=299 => Delivery::Accepted { limits },
            429 => Delivery::Limited { limits },
            status => Delivery::Rejected { status, message: self.message(envelope, sent), limits },
        }
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that came more than once is one list.
    fn joined(&self, name: &HeaderName) -> Option<String> {
        let mut values = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut joined = values.next()?.to_owned();
        for value in values {
            joined.push(',');
            joined.push_str(value);
        }
        Some(joined)
    }

    /// All that the server gave as a reason, and for a few statuses what it did not say.
    fn message(&self, envelope: &Envelope, sent: usize) -> String {
        let mut parts = Vec::new();
        match self.status {
            413 => parts.push(too_large(envelope, sent)),
            300..=399 => parts.push(match self.header(&LOCATION) {
                Some(location) => format!("redirects are not followed, and this one leads to {location}"),
                None => "redirects are not followed".to_owned(),
            }),
            _ => {}
        }
        parts.extend(self.header(&X_SENTRY_ERROR).map(str::to_owned));
        for reason in reasons(&self.body) {
            if !parts.contains(&reason) {
                parts.push(reason);
            }
        }
        if parts.is_empty() {
            parts.push("no reason given".to_owned());
        }
        one_line(&parts.join("; "))
    }
}

/// `detail` and `causes` of the server's JSON; else the text itself.
fn reasons(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let Ok(Value::Object(fields)) = text.parse() else {
        return if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    };
    let causes = fields.get("causes").and_then(Value::as_array).into_iter().flatten();
    fields.get("detail").into_iter().chain(causes).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What the developer has to make smaller.
fn too_large(envelope: &Envelope, sent: usize) -> String {
    let plain: usize = envelope.items.iter().map(|item| item.payload.len()).sum();
    let mut message =
        format!("too large: {plain} bytes in {} items, {sent} on the wire", envelope.items.len());
    if let Some(Item { header, payload }) = envelope.items.iter().max_by_key(|item| item.payload.len()) {
        let _ = write!(message, "; the largest is the {} of {} bytes", header.ty, payload.len());
    }
    message
}

/// The server's words end up in a terminal: no control characters, and not too many.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    plain.take(MESSAGE_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::{Category, RateLimit, RateLimitCategories};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Delivery {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let mut envelope = Envelope::default();
        envelope.items.push(Item::attachment("small", Some("text/plain".to_owned()), vec![0; 5]));
        envelope.items.push(Item::attachment("large", Some("text/plain".to_owned()), vec![0; 900]));
        Answer { status, headers, body: body.as_bytes().to_vec() }.into_delivery(
            &envelope,
            123,
            SystemTime::UNIX_EPOCH,
        )
    }

    fn message(status: u16, headers: &[(&'static str, &str)], body: &str) -> String {
        match answer(status, headers, body) {
            Delivery::Rejected { message, status: seen, .. } if seen == status => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_status_has_its_consequence() {
        assert_eq!(answer(200, &[], "{}"), Delivery::Accepted { limits: vec![] });
        assert_eq!(answer(202, &[], ""), Delivery::Accepted { limits: vec![] });
        let all = RateLimit { seconds: 60.0, categories: RateLimitCategories::All };
        assert_eq!(answer(429, &[], ""), Delivery::Limited { limits: vec![all] });
        for status in [301, 307, 400, 401, 403, 404, 413, 500, 503] {
            assert!(matches!(answer(status, &[], ""), Delivery::Rejected { .. }), "{status}");
        }
    }

    #[test]
    fn limits_come_with_any_status_and_from_repeated_headers() {
        let headers =
            [("x-sentry-rate-limits", "60:error:key"), ("x-sentry-rate-limits", "5:transaction:key")];
        for status in [200, 429, 503] {
            let (Delivery::Accepted { limits }
            | Delivery::Limited { limits }
            | Delivery::Rejected { limits, .. }) = answer(status, &headers, "")
            else {
                panic!("{status}")
            };
            let categories: Vec<_> = limits.iter().map(|limit| limit.categories.clone()).collect();
            let some = |category| RateLimitCategories::Some(vec![category]);
            assert_eq!(categories, [some(Category::Error), some(Category::Transaction)], "{status}");
        }
    }

    #[test]
    fn the_reason_is_found_wherever_the_server_put_it() {
        let json = r#"{"detail":"bad envelope","causes":["missing event id","bad envelope"]}"#;
        assert_eq!(message(400, &[], json), "bad envelope; missing event id");
        assert_eq!(message(403, &[("x-sentry-error", "no project")], r#"{"detail":"no"}"#), "no project; no");
        assert_eq!(message(502, &[], "<h1>Bad\r\nGateway\u{1b}[2J</h1>\n"), "<h1>Bad  Gateway [2J</h1>");
        assert_eq!(message(500, &[], ""), "no reason given");
        assert_eq!(message(500, &[], &"x".repeat(5000)).len(), MESSAGE_LIMIT);
    }

    #[test]
    fn too_large_says_what_was() {
        let said = message(413, &[], r#"{"detail":"payload too large"}"#);
        assert_eq!(
            said,
            "too large: 905 bytes in 2 items, 123 on the wire; the largest is the attachment of 900 bytes; payload too large"
        );
    }

    #[test]
    fn a_redirect_says_where_it_leads() {
        let said = message(301, &[("location", "https://elsewhere.test/")], "");
        assert_eq!(said, "redirects are not followed, and this one leads to https://elsewhere.test/");
    }
}
