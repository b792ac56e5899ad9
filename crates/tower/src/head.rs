//! What is kept of a request: its parts, which are cheap to keep. Text is made of them in [`print`](crate::print), on the worker, if at all.

use std::borrow::Cow;
use std::net::IpAddr;

use http::request::Parts;
use http::{Method, Version, header};
use watchpost_core::layer::SpanValue;
use watchpost_core::scrub;
use watchpost_protocol::TransactionSource;

use crate::framework::{self, Route};
use crate::grpc;
use crate::headers::{AUTHORITY, Headers, Notable, address_and_port};
use crate::kind::Kind;
use crate::tap::BodyData;

static HTTP: Kind = Kind { op: "http.server", origin: framework::ORIGIN };

pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// With where it goes.
    pub(crate) headers: Headers,
    route: Option<Route>,
    /// The other end of the connection; with `send_default_pii` only.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) pii: bool,
    pub(crate) body: BodyData,
    /// Whether it is a call of gRPC.
    pub(crate) call: bool,
}

impl Head {
    /// What is kept of it. What its headers say that has to be known at once is told besides.
    #[inline] // built where it stays: it is large
    pub(crate) fn of<'a>(request: &'a Parts, pii: bool, body: BodyData, notable: &mut Notable<'a>) -> Self {
        let uri = framework::original_uri(&request.extensions).unwrap_or(&request.uri);
        let headers = Headers::copy(uri, &request.headers, notable);
        Head {
            method: request.method.clone(),
            version: request.version,
            headers,
            route: framework::route(&request.extensions),
            peer: pii.then(|| framework::peer(&request.extensions)).flatten(),
            pii,
            body,
            call: notable.content_type.is_some_and(grpc::is_call),
        }
    }

    /// `POST /checkout/{id}`, or with the path where the route is not known. A call is named by its path, which is its route:
    /// `/shop.v1.Carts/Get`.
    pub(crate) fn name(&self) -> String {
        match &self.route {
            _ if self.call => self.path().to_owned(),
            Some(route) => name(&self.method, route.as_str()),
            None => name(&self.method, self.path()),
        }
    }

    /// What [`name`](Self::name) says of it.
    pub(crate) fn source(&self) -> TransactionSource {
        if self.call || self.route.is_some() { TransactionSource::Route } else { TransactionSource::Url }
    }

    /// Tells what the transaction says of the request (§18.1).
    pub(crate) fn describe<'a>(&'a self, tell: &mut dyn FnMut(&'static str, SpanValue<'a>)) {
        tell("http.request.method", self.method.as_str().into());
        tell("url.path", self.path().into());
        tell("network.protocol.name", "http".into());
        tell("network.protocol.version", version(self.version).into());
        if let (true, Some((service, method))) = (self.call, grpc::service_and_method(self.path())) {
            tell("rpc.system.name", "grpc".into());
            tell("rpc.service", service.into());
            tell("rpc.method", method.into());
        }
        if let Some(query) = self.query() {
            tell("http.query", text(scrub::query(query)));
        }
        if let Some(route) = self.route.as_ref().filter(|_| !self.call) {
            tell("http.route", route.as_str().into());
        }
        if let Some(host) = self.host() {
            let (address, port) = address_and_port(host);
            tell("server.address", address.into());
            if let Some(port) = port {
                tell("server.port", port.into());
            }
        }
        if let Some(agent) = self.headers.get(header::USER_AGENT.as_str()) {
            tell("user_agent.original", agent.into());
        }
        if let Some(client) = self.client() {
            tell("client.address", text(client));
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.headers.target().0
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.headers.target().1
    }

    /// The host and its port, never with the name and the password that may stand before them.
    pub(crate) fn host(&self) -> Option<&str> {
        let host = self.headers.get(AUTHORITY).or_else(|| self.headers.get(header::HOST.as_str()))?;
        Some(host.rsplit_once('@').map_or(host, |(_, host)| host))
    }

    /// The client, as the nearest proxy names it, else as the connection does (§16.4); with `send_default_pii` only.
    pub(crate) fn client(&self) -> Option<Cow<'_, str>> {
        if !self.pii {
            return None;
        }
        let forwarded = self.headers.get("x-forwarded-for").and_then(|list| list.split(',').next());
        let named = forwarded.or_else(|| self.headers.get("x-real-ip"));
        let named = named.map(str::trim).filter(|name| !name.is_empty());
        named.map(Cow::Borrowed).or_else(|| Some(self.peer?.to_string().into()))
    }

    /// What the transaction is, and who says so.
    pub(crate) fn kind(&self) -> &'static Kind {
        if self.call { &grpc::CALL } else { &HTTP }
    }
}

fn text(text: Cow<'_, str>) -> SpanValue<'_> {
    match text {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => SpanValue::Made(text),
    }
}

pub(crate) fn name(method: &Method, path: &str) -> String {
    let method = method.as_str();
    if path.is_empty() {
        return method.to_owned(); // CONNECT asks for a host
    }
    let mut name = String::with_capacity(method.len() + 1 + path.len());
    name.push_str(method);
    name.push(' ');
    name.push_str(path);
    name
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

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_path_is_a_poor_name() {
        let request = Request::builder().method("POST").uri("/checkout/42?page=2").body(()).unwrap();
        let request = request.into_parts().0;
        let head = Head::of(&request, false, BodyData::Absent, &mut Notable::default());
        assert_eq!((head.name().as_str(), head.source()), ("POST /checkout/42", TransactionSource::Url));
    }

    #[test]
    fn a_tunnel_has_no_path() {
        let request = Request::builder().method("CONNECT").uri("shop.test:443").body(()).unwrap();
        let head = Head::of(&request.into_parts().0, false, BodyData::Absent, &mut Notable::default());
        assert_eq!(head.name(), "CONNECT");
    }
}
