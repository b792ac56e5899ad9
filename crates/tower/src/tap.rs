//! What a handler reads of its request's body, copied while it reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, header};
use watchpost_protocol::Value;

use crate::form;

/// What stands in the place of a body that is too large (§16.6).
const TOO_LARGE: &str = "[Exceeds maximum size]";
/// What stands in the place of a body that cannot be looked through for secrets (§16.6).
const UNPARSABLE: &str = "[Unparsable]";

/// The body of a request, as far as its report is concerned.
pub(crate) enum BodyData {
    /// Nothing to report: there is none, or nobody may see it.
    Absent,
    /// Too large, by its own account.
    TooLarge,
    /// Of a kind whose secrets cannot be found, as a file.
    Opaque,
    /// What the handler has read of it.
    Tapped(Arc<Tap>),
}

/// Copies what passes, up to a limit.
#[derive(Debug)]
pub struct Tap {
    kind: Kind,
    limit: usize,
    copied: Mutex<Copied>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Json,
    Form,
}

#[derive(Debug, Default)]
struct Copied {
    bytes: Vec<u8>,
    /// It was more than the limit, and the bytes were let go.
    too_large: bool,
    /// It was read to its end. What was not is not shown: half a JSON is none, and half a form may lack what tells that the rest is a secret.
    complete: bool,
}

impl BodyData {
    /// What can be told before it is read. A limit of 0: nothing.
    #[inline]
    pub(crate) fn announced(headers: &HeaderMap, limit: usize) -> Self {
        if limit == 0 { BodyData::Absent } else { BodyData::within(limit, headers) }
    }

    fn within(limit: usize, headers: &HeaderMap) -> Self {
        let text = |name: header::HeaderName| headers.get(name)?.to_str().ok();
        let length = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse::<u64>().ok());
        let Some(content_type) = text(header::CONTENT_TYPE).filter(|_| length != Some(0)) else {
            return BodyData::Absent;
        };
        if length.is_some_and(|length| length > limit as u64) {
            return BodyData::TooLarge;
        }
        match Kind::of(content_type) {
            Some(kind) => BodyData::Tapped(Arc::new(Tap { kind, limit, copied: Mutex::default() })),
            None => BodyData::Opaque,
        }
    }

    pub(crate) fn tap(&self) -> Option<Arc<Tap>> {
        match self {
            BodyData::Tapped(tap) => Some(Arc::clone(tap)),
            _ => None,
        }
    }

    /// As the event shows it; made on the worker.
    pub(crate) fn print(&self) -> Option<Value> {
        match self {
            BodyData::Absent => None,
            BodyData::TooLarge => Some(TOO_LARGE.into()),
            BodyData::Opaque => Some(UNPARSABLE.into()),
            BodyData::Tapped(tap) => tap.print(),
        }
    }
}

impl Kind {
    /// JSON, a form, or neither (§16.5).
    fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Some(Kind::Form),
            "application/json" => Some(Kind::Json),
            _ => (essence.starts_with("application/") && essence.ends_with("+json")).then_some(Kind::Json),
        }
    }
}

impl Tap {
    /// The part of the body that begins `at` so many bytes has passed. What has passed before, of a copy of the body, is not taken again. One that
    /// does not lie in one piece is too much trouble: `None` gives up.
    pub(crate) fn copy(&self, at: usize, part: Option<&[u8]>) {
        let mut copied = self.lock();
        match part.filter(|part| !copied.too_large && at.saturating_add(part.len()) <= self.limit) {
            Some(part) => {
                let new = copied.bytes.len().checked_sub(at).and_then(|known| part.get(known..));
                copied.bytes.extend_from_slice(new.unwrap_or_default());
            }
            None => *copied = Copied { too_large: true, ..Copied::default() },
        }
    }

    /// All of it has passed.
    pub(crate) fn complete(&self) {
        self.lock().complete = true;
    }

    fn print(&self) -> Option<Value> {
        let copied = self.lock();
        if copied.too_large {
            return Some(TOO_LARGE.into());
        }
        if !copied.complete || copied.bytes.is_empty() {
            return None;
        }
        let parsed = match self.kind {
            Kind::Json => serde_json::from_slice(&copied.bytes).ok(),
            Kind::Form => form::parse(&copied.bytes),
        };
        Some(parsed.map_or_else(|| UNPARSABLE.into(), form::without_secrets))
    }

    fn lock(&self) -> MutexGuard<'_, Copied> {
        self.copied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn announced(content_type: &'static str, length: &'static str) -> BodyData {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static(length));
        BodyData::announced(&headers, 10)
    }

    fn pass(tap: &Tap, parts: &[&str]) {
        let mut at = 0;
        for part in parts {
            tap.copy(at, Some(part.as_bytes()));
            at += part.len();
        }
    }

    fn printed(content_type: &'static str, parts: &[&str]) -> Option<Value> {
        let data = announced(content_type, "10");
        if let Some(tap) = data.tap() {
            pass(&tap, parts);
            tap.complete();
        }
        data.print()
    }

    #[test]
    fn json_and_forms_are_shown_and_nothing_else_is() {
        assert_eq!(
            printed("application/json; charset=utf-8", &[r#"{"a":"#, "[1]}"]),
            Some(serde_json::json!({"a": [1]}))
        );
        assert_eq!(printed("Application/Problem+JSON", &["1"]), Some(1.into()));
        assert_eq!(
            printed("application/x-www-form-urlencoded", &["a=1"]),
            Some(serde_json::json!({"a": "1"}))
        );
        assert_eq!(printed("application/json", &["{"]), Some(UNPARSABLE.into()));
        assert_eq!(printed("multipart/form-data", &["a"]), Some(UNPARSABLE.into()));
        assert_eq!(printed("application/json", &[]), None, "nothing was read");
    }

    #[test]
    fn what_is_too_large_is_let_go_as_a_whole() {
        assert_eq!(announced("application/json", "11").print(), Some(TOO_LARGE.into()));
        assert_eq!(printed("application/json", &["[1,2,3,4]", " "]), Some(serde_json::json!([1, 2, 3, 4])));
        let data = announced("application/json", "nonsense");
        let tap = data.tap().unwrap();
        pass(&tap, &["[1,2,3,4,5]", "6"]);
        tap.complete();
        assert_eq!(data.print(), Some(TOO_LARGE.into()));
        assert_eq!(tap.lock().bytes.capacity(), 0);
    }

    #[test]
    fn what_is_half_read_is_not_shown() {
        let data = announced("application/json", "10");
        data.tap().unwrap().copy(0, Some(b"1"));
        assert_eq!(data.print(), None);
    }
}
