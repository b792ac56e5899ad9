//! What is kept of a request, and how it is printed when something is reported.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use http::{HeaderMap, Method, Request, Uri, Version, header};
use watchpost_core::{SpanBuilder, scrub};
use watchpost_protocol::{Request as RequestData, TransactionSource};

/// The parts of a request. They are cheap to keep; text is made of them on the worker, if at all.
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    route: Option<String>,
    client: Option<String>,
    pii: bool,
}

impl Head {
    pub(crate) fn of<B>(request: &Request<B>, pii: bool) -> Self {
        Head {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: request.headers().clone(),
            route: route(request),
            client: client_address(request).filter(|_| pii),
            pii,
        }
    }

    /// `POST /checkout/{id}`, or with the path where the route is not known.
    pub(crate) fn name(&self) -> String {
        let path = self.route.as_deref().unwrap_or_else(|| self.uri.path());
        format!("{} {path}", self.method)
    }

    pub(crate) fn source(&self) -> TransactionSource {
        if self.route.is_some() { TransactionSource::Route } else { TransactionSource::Url }
    }

    /// What the transaction begins with (§18.1).
    pub(crate) fn describe(&self, mut builder: SpanBuilder) -> SpanBuilder {
        builder = builder
            .attribute("http.request.method", self.method.as_str())
            .attribute("url.path", self.uri.path())
            .attribute("network.protocol.name", "http")
            .attribute("network.protocol.version", version(self.version));
        if let Some(query) = self.uri.query() {
            builder = builder.attribute("http.query", &*scrub::query(query));
        }
        if let Some(route) = &self.route {
            builder = builder.attribute("http.route", route);
        }
        if let Some(host) = self.host() {
            builder = builder.attribute("server.address", host);
        }
        if let Some(agent) = self.header(header::USER_AGENT) {
            builder = builder.attribute("user_agent.original", agent);
        }
        if let Some(client) = &self.client {
            builder = builder.attribute("client.address", client);
        }
        builder
    }

    /// The request as events carry it (§5.5), filtered by §16.4.
    pub(crate) fn print(&self) -> RequestData {
        let mut headers = BTreeMap::new();
        for (name, value) in &self.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let sent = scrub::header(name.as_str(), &value, self.pii);
            let joint = if *name == header::COOKIE { "; " } else { ", " };
            match headers.entry(titled(name.as_str())) {
                Entry::Vacant(first) => _ = first.insert(sent.into_owned()),
                Entry::Occupied(_) if sent == scrub::FILTERED => {} // once is enough
                Entry::Occupied(mut all) => all.get_mut().extend([joint, &*sent]),
            }
        }
        let mut env = BTreeMap::new();
        if let Some(client) = &self.client {
            env.insert("REMOTE_ADDR".to_owned(), client.clone());
        }
        RequestData {
            method: Some(self.method.to_string()),
            url: Some(self.url()),
            query_string: self.uri.query().map(|query| scrub::query(query).into_owned().into()),
            cookies: self.header(header::COOKIE).filter(|_| self.pii).map(str::to_owned),
            headers,
            env,
            ..RequestData::default()
        }
    }

    /// The address without its query. The scheme is what the request says it is, or a proxy before us; else `http`.
    fn url(&self) -> String {
        let scheme = self.uri.scheme_str();
        let forwarded = self.headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
        let scheme =
            scheme.or(forwarded.filter(|scheme| matches!(*scheme, "http" | "https"))).unwrap_or("http");
        match self.host() {
            Some(host) => format!("{scheme}://{host}{}", self.uri.path()),
            None => self.uri.path().to_owned(),
        }
    }

    /// The host and its port, never with the name and the password that may stand before them.
    fn host(&self) -> Option<&str> {
        let authority = self.uri.authority().map(|authority| authority.as_str());
        let host = authority.or_else(|| self.header(header::HOST))?;
        Some(host.rsplit_once('@').map_or(host, |(_, host)| host))
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// `content-type` as `Content-Type`, which is how people know it.
fn titled(name: &str) -> String {
    let mut up = true;
    name.chars()
        .map(|char| {
            let shown = if up { char.to_ascii_uppercase() } else { char };
            up = char == '-';
            shown
        })
        .collect()
}

#[cfg(feature = "axum")]
fn route<B>(request: &Request<B>) -> Option<String> {
    request.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned())
}

#[cfg(not(feature = "axum"))]
fn route<B>(_: &Request<B>) -> Option<String> {
    None
}

/// The client, as the nearest proxy names it, else as the connection does (§16.4).
fn client_address<B>(request: &Request<B>) -> Option<String> {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let forwarded = header("x-forwarded-for").and_then(|list| list.split(',').next());
    let named =
        forwarded.or_else(|| header("x-real-ip")).map(str::trim).filter(|address| !address.is_empty());
    named.map(str::to_owned).or_else(|| peer_address(request))
}

#[cfg(feature = "axum")]
fn peer_address<B>(request: &Request<B>) -> Option<String> {
    use std::net::SocketAddr;
    let info = request.extensions().get::<axum::extract::ConnectInfo<SocketAddr>>()?;
    Some(info.0.ip().to_string())
}

#[cfg(not(feature = "axum"))]
fn peer_address<B>(_: &Request<B>) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request<()> {
        Request::builder()
            .method("POST")
            .uri("/checkout/42?token=abc&page=2")
            .header("host", "shop.test")
            .header("cookie", "session=1")
            .header("cookie", "theme=2")
            .header("authorization", "Bearer x")
            .header("x-forwarded-for", "10.0.0.7, 10.0.0.8")
            .header("accept", "a")
            .header("accept", "b")
            .body(())
            .unwrap()
    }

    #[test]
    fn nothing_that_names_a_person_or_a_secret_is_printed_by_default() {
        let printed = Head::of(&request(), false).print();
        let text = serde_json::to_string(&printed).unwrap();
        for secret in ["session=1", "Bearer", "10.0.0.7", "abc"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(printed.url.as_deref(), Some("http://shop.test/checkout/42"));
        assert_eq!(printed.query_string, Some("token=[Filtered]&page=2".into()));
        assert_eq!(printed.headers["Accept"], "a, b");
        assert_eq!(printed.headers["Cookie"], "[Filtered]");
    }

    #[test]
    fn with_consent_it_is() {
        let printed = Head::of(&request(), true).print();
        assert_eq!(printed.cookies.as_deref(), Some("session=1"));
        assert_eq!(printed.env["REMOTE_ADDR"], "10.0.0.7");
        assert_eq!(printed.headers["Authorization"], "Bearer x");
        assert_eq!(printed.headers["Cookie"], "session=1; theme=2");
    }

    #[test]
    fn a_path_is_a_poor_name() {
        let head = Head::of(&request(), false);
        assert_eq!((head.name().as_str(), head.source()), ("POST /checkout/42", TransactionSource::Url));
    }
}
