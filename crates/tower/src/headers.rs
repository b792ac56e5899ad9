//! The headers of a request: gone through once, when it comes in.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};

pub(crate) static SENTRY_TRACE: HeaderName = HeaderName::from_static("sentry-trace");
pub(crate) static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// A copy that shares the bytes of its names and values with the request. A list is all that is needed, and half the price of a map.
pub(crate) struct Headers(Vec<(HeaderName, HeaderValue)>);

/// What has to be known of the headers at once.
#[derive(Default)]
pub(crate) struct Notable<'a> {
    pub(crate) sentry_trace: Option<&'a str>,
    pub(crate) baggage: Option<Cow<'a, str>>,
    pub(crate) content_type: Option<&'a [u8]>,
}

impl Headers {
    pub(crate) fn copy(headers: &HeaderMap) -> (Self, Notable<'_>) {
        let mut copy = Vec::with_capacity(headers.len());
        let mut notable = Notable::default();
        for (name, value) in headers {
            copy.push((name.clone(), value.clone()));
            if *name == header::CONTENT_TYPE {
                notable.content_type = Some(value.as_bytes());
            } else if *name == SENTRY_TRACE {
                notable.sentry_trace = text(value);
            } else if *name == BAGGAGE
                && let Some(list) = text(value)
            {
                // A header that occurs several times is one list (§8.3).
                notable.baggage = Some(match notable.baggage {
                    Some(lists) => Cow::Owned(format!("{lists},{list}")),
                    None => Cow::Borrowed(list),
                });
            }
        }
        (Headers(copy), notable)
    }

    /// The first value of a header, if it is text.
    pub(crate) fn get(&self, name: &HeaderName) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(other, _)| other == name)?;
        value.to_str().ok()
    }

    /// All of them; one that is repeated comes again.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

pub(crate) fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// How many bytes a body has, if its head says so.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers.get(header::CONTENT_LENGTH)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_kept_and_baggage_is_one_list() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("accept", "a"), ("baggage", "a=1"), ("accept", "b"), ("baggage", "b=2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.insert("sentry-trace", HeaderValue::from_static("t"));
        let (copy, notable) = Headers::copy(&headers);
        assert_eq!((notable.sentry_trace, notable.baggage.as_deref()), (Some("t"), Some("a=1,b=2")));
        assert_eq!(copy.get(&header::ACCEPT), Some("a"));
        assert_eq!(copy.iter().filter(|(name, _)| **name == header::ACCEPT).count(), 2);
    }
}
