//! The headers of a request: gone through once, when it comes in.

use std::borrow::Cow;
use std::cell::Cell;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

pub(crate) static SENTRY_TRACE: HeaderName = HeaderName::from_static("sentry-trace");
pub(crate) static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Where a request goes, as HTTP/2 says it: among the headers, by names that no header can have.
pub(crate) const SCHEME: &str = ":scheme";
pub(crate) const AUTHORITY: &str = ":authority";
/// With the query.
pub(crate) const PATH: &str = ":path";

/// The bytes of the headers, one after the other. That is cheaper than a map or a list of shared values, and keeps nothing alive of what the
/// server has read.
///
/// ```text
///  length of the name, of the value │ name │ value │ length ...
/// ```
pub(crate) struct Headers(Vec<u8>);

/// More room than this is not kept for the next request: one with long cookies is no reason to hold on to its memory on every thread.
const KEPT: usize = 4096;

thread_local! {
    /// What the last request of this thread has left, for the next.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The lengths of a name, which `http` keeps below 2¹⁶, and of its value.
type Lengths = [u8; 6];

/// About how much a header takes, so that most requests' fit at once.
const USUAL: usize = 64;

/// What has to be known of the headers at once.
#[derive(Default)]
pub(crate) struct Notable<'a> {
    pub(crate) sentry_trace: Option<&'a str>,
    pub(crate) baggage: Option<Cow<'a, str>>,
    pub(crate) content_type: Option<&'a [u8]>,
}

impl<'a> Notable<'a> {
    /// Whether it may be one of them: few others are as long.
    fn may_be(name: &str) -> bool {
        matches!(name.len(), 7 | 12)
    }

    #[inline(never)] // seldom called, and in the way of the loop that copies
    fn note(&mut self, name: &str, value: &'a HeaderValue) {
        match name {
            // Of several the first, as of a list (§8.2).
            "content-type" => _ = self.content_type.get_or_insert(value.as_bytes()),
            "sentry-trace" => self.sentry_trace = self.sentry_trace.or_else(|| text(value)),
            "baggage" => self.add_baggage(value),
            _ => {}
        }
    }

    /// A header that occurs several times is one list (§8.3).
    fn add_baggage(&mut self, value: &'a HeaderValue) {
        let Some(list) = text(value) else { return };
        self.baggage = Some(match self.baggage.take() {
            Some(lists) => Cow::Owned(format!("{lists},{list}")),
            None => Cow::Borrowed(list),
        });
    }
}

impl Headers {
    /// A copy of them all, and of where the request goes; `notable` is told what stands in them.
    pub(crate) fn copy<'a>(uri: &Uri, headers: &'a HeaderMap, notable: &mut Notable<'a>) -> Self {
        let mut copy = Headers(empty(USUAL * (headers.len() + 1)));
        copy.push(PATH, uri.path_and_query().map_or("", |path| path.as_str()).as_bytes());
        if let Some(authority) = uri.authority() {
            copy.push(AUTHORITY, authority.as_str().as_bytes());
        }
        if let Some(scheme) = uri.scheme_str() {
            copy.push(SCHEME, scheme.as_bytes());
        }
        for (name, value) in headers {
            let name = name.as_str();
            copy.push(name, value.as_bytes());
            if Notable::may_be(name) {
                notable.note(name, value);
            }
        }
        copy
    }

    fn push(&mut self, name: &str, value: &[u8]) {
        let ([a, b], [c, d, e, f]) = ((name.len() as u16).to_ne_bytes(), (value.len() as u32).to_ne_bytes());
        let lengths: Lengths = [a, b, c, d, e, f];
        self.0.extend_from_slice(&lengths);
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(value);
    }

    /// The path and the query.
    pub(crate) fn target(&self) -> (&str, Option<&str>) {
        let target = self.get(PATH).unwrap_or_default();
        match target.split_once('?') {
            Some((path, query)) => (if path.is_empty() { "/" } else { path }, Some(query)),
            None => (target, None),
        }
    }

    /// The first value of a header, if it is text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.all().find(|(other, _)| *other == name.as_bytes())?;
        std::str::from_utf8(value).ok()
    }

    /// All headers; one that is repeated comes again.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let headers = self.all().filter(|(name, _)| name.first() != Some(&b':'));
        headers.filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
    }

    fn all(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let ([a, b, c, d, e, f], after) = rest.split_first_chunk()?;
            let (name, value) = (u16::from_ne_bytes([*a, *b]), u32::from_ne_bytes([*c, *d, *e, *f]));
            let (name, after) = after.split_at_checked(name.into())?;
            let (value, after) = after.split_at_checked(value as usize)?;
            rest = after;
            Some((name, value))
        })
    }
}

/// A buffer with so much room.
fn empty(room: usize) -> Vec<u8> {
    let spare = SPARE.try_with(Cell::take).unwrap_or_default();
    if spare.capacity() >= room { spare } else { Vec::with_capacity(room) }
}

impl Drop for Headers {
    fn drop(&mut self) {
        if self.0.capacity() <= KEPT {
            self.0.clear();
            let _ = SPARE.try_with(|spare| spare.set(std::mem::take(&mut self.0)));
        }
    }
}

pub(crate) fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// `shop.test:8443` comes apart, `[::1]` does not.
pub(crate) fn address_and_port(host: &str) -> (&str, Option<u16>) {
    let apart = host.rsplit_once(':').filter(|(address, _)| address.ends_with(']') || !address.contains(':'));
    match apart.map(|(address, port)| (address, port.parse())) {
        Some((address, Ok(port))) => (address, Some(port)),
        _ => (host, None),
    }
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
        let mut notable = Notable::default();
        let copy = Headers::copy(&Uri::from_static("/carts"), &headers, &mut notable);
        assert_eq!((notable.sentry_trace, notable.baggage.as_deref()), (Some("t"), Some("a=1,b=2")));
        assert_eq!(copy.get("accept"), Some("a"));
        assert_eq!(copy.iter().filter(|(name, _)| *name == "accept").count(), 2);
        assert_eq!(copy.iter().count(), 5);
    }

    #[test]
    fn where_a_request_goes_is_no_header() {
        let address = |uri| Headers::copy(&Uri::from_static(uri), &HeaderMap::new(), &mut Notable::default());
        let absolute = address("https://shop.test/carts?page=2");
        assert_eq!(absolute.get(SCHEME).zip(absolute.get(AUTHORITY)), Some(("https", "shop.test")));
        assert_eq!(absolute.target(), ("/carts", Some("page=2")));
        assert_eq!(absolute.iter().count(), 0);
        for uri in
            ["/carts", "/carts?", "/?a=1", "*", "http://shop.test", "http://shop.test?a=1", "shop.test:443"]
        {
            let (parsed, copied) = (Uri::from_static(uri), address(uri));
            assert_eq!(copied.target(), (parsed.path(), parsed.query()), "{uri}");
        }
    }

    #[test]
    fn an_address_and_its_port_are_told_apart() {
        for (host, apart) in [
            ("shop.example:8443", ("shop.example", Some(8443))),
            ("shop.example", ("shop.example", None)),
            ("[::1]:8443", ("[::1]", Some(8443))),
            ("[::1]", ("[::1]", None)),
            ("::1", ("::1", None)),
            ("shop.example:", ("shop.example:", None)),
            ("shop.example:https", ("shop.example:https", None)),
        ] {
            assert_eq!(address_and_port(host), apart);
        }
    }
}
