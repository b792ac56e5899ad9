//! Where a request goes, printed once.

use http::{HeaderMap, Uri, header};
use watchpost_core::scrub;

use crate::headers::{address_and_port, text};

/// The URL of a request as it may be shown: never with the name and the password that may stand before the host.
#[derive(Debug)]
pub(crate) struct Address {
    uri: Uri,
    url: String,
    /// Where the query begins, with its question mark.
    query: usize,
}

impl Address {
    /// Of a request with these headers. One that has its host there (HTTP/1.1 over a connection that is open) does not say the scheme: it is
    /// taken for `http`. One that names no host, as a tonic client without an origin, has a path and nothing before it.
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let named = uri.authority().map(|authority| authority.as_str());
        let authority = named.or_else(|| text(headers.get(header::HOST)?));
        let mut url = String::with_capacity(64);
        if let Some(authority) = authority {
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            url.extend([uri.scheme_str().unwrap_or("http"), "://", host]);
        }
        url.push_str(uri.path());
        let query = url.len();
        if let Some(text) = uri.query() {
            url.extend(["?", text]);
        }
        Address { uri: uri.clone(), url, query }
    }

    /// All of it, for the options that name URLs.
    pub(crate) fn full(&self) -> &str {
        &self.url
    }

    /// Without its query.
    pub(crate) fn url(&self) -> &str {
        &self.url[..self.query]
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Tells what a span and a breadcrumb both say of it (§18.2).
    pub(crate) fn describe(&self, tell: &mut dyn FnMut(&'static str, &str)) {
        tell("url", self.url());
        if let Some(query) = self.uri.query() {
            tell("http.query", &scrub::query(query));
        }
    }

    /// The host and the port, if they are said.
    pub(crate) fn server(&self) -> (Option<&str>, Option<u16>) {
        let (_, rest) = self.url().split_once("://").filter(|_| !self.url().starts_with('/')).unzip();
        let authority = rest.and_then(|rest| rest.split('/').next());
        let (address, port) = authority.map(address_and_port).unzip();
        (address, port.flatten())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn address(uri: &'static str, host: Option<&'static str>) -> Address {
        let headers = host.map(|host| (header::HOST, HeaderValue::from_static(host)));
        Address::of(&Uri::from_static(uri), &headers.into_iter().collect())
    }

    #[test]
    fn a_url_is_shown_without_who_asks_and_what_for() {
        let address = address("https://sam:hunter2@api.test:8443/carts?id=7&token=abc", None);
        assert_eq!(address.url(), "https://api.test:8443/carts");
        assert_eq!(address.full(), "https://api.test:8443/carts?id=7&token=abc");
        assert_eq!(address.server(), (Some("api.test"), Some(8443)));
        let mut told = Vec::new();
        address.describe(&mut |key, value| told.push((key, value.to_owned())));
        assert_eq!(told[1], ("http.query", "id=7&token=[Filtered]".to_owned()));
    }

    #[test]
    fn the_host_stands_in_the_address_or_in_a_header_or_nowhere() {
        for (uri, host, url, server) in [
            ("https://api.test", None, "https://api.test/", (Some("api.test"), None)),
            ("http://[::1]:80/a", None, "http://[::1]:80/a", (Some("[::1]"), Some(80))),
            ("http://[::1]/a", Some("other"), "http://[::1]/a", (Some("[::1]"), None)),
            ("/a?b", Some("api.test:81"), "http://api.test:81/a", (Some("api.test"), Some(81))),
            ("/shop.v1.Carts/Get", None, "/shop.v1.Carts/Get", (None, None)),
            ("/go/http://other.test/a", None, "/go/http://other.test/a", (None, None)),
        ] {
            let address = address(uri, host);
            assert_eq!((address.url(), address.server()), (url, server));
        }
    }
}
