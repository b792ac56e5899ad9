//! A request on its way out: its span, its headers, its breadcrumb (`protocol.md` §8.10, §18.2).

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use watchpost_core::layer::{Outgoing, add_breadcrumb};
use watchpost_core::{Client, Scopes, ScopesGuard};
use watchpost_protocol::{Breadcrumb, Level, SpanStatus};

use super::address::Address;
use super::kind;
use super::message::{ClientRequest, ClientResponse};
use crate::grpc::{self, Outcome};
use crate::headers::{BAGGAGE, SENTRY_TRACE, content_length, text};
use crate::kind::Kind;
use crate::unit::{Running, Unit, place_of_work};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What watches a request from its beginning to the head of its response. Dropped without a word it was cancelled.
#[derive(Debug)]
pub(crate) struct Call {
    unit: Unit,
    method: Method,
    address: Address,
    /// Whether it is one of gRPC, whose outcome is not the status of the response.
    grpc: bool,
    request_size: Option<u64>,
    /// What is known of the end; the breadcrumb tells it.
    end: End,
}

#[derive(Debug, Default)]
struct End {
    status: Option<StatusCode>,
    outcome: Option<Outcome>,
    response_size: Option<u64>,
    failed: bool,
}

impl Call {
    /// Begins to watch a request, and gives it the headers of the trace that it belongs to. `None` if nothing is to be seen of it: without a
    /// client, or on its way to where that client reports to.
    pub(crate) fn begin(request: &mut impl ClientRequest, kind: &'static Kind) -> Option<Call> {
        let (around, client) = place_of_work()?;
        let address = Address::of(&request.uri(), request.headers());
        if client.reports_to(address.full()) {
            return None;
        }
        let grpc = grpc::is_request(request.headers());
        let (method, request_size) = (request.method().clone(), content_length(request.headers()));
        let kind = if grpc { &kind::GRPC } else { kind };
        let opened = kind::open(kind, (&around, &client), &method, &address);
        let unit = Unit::of_part(around, opened);
        if client.tells(address.full()) {
            put_headers(request.headers_mut(), unit.scopes(), &client);
        }
        Some(Call { unit, method, address, grpc, request_size, end: End::default() })
    }

    /// A part of the request runs in its scopes until what is returned is dropped.
    pub(crate) fn enter(&mut self) -> Running<'_> {
        self.unit.enter()
    }

    /// Enters its scopes, for what is dropped.
    pub(crate) fn attach(&self) -> ScopesGuard {
        self.unit.scopes().attach()
    }

    /// The head of the response is there.
    pub(crate) fn answered(self, response: &impl ClientResponse) {
        self.ended_with(response.status(), Some(response.headers()));
    }

    /// There is a response, of which the status is known, and maybe the headers.
    pub(crate) fn ended_with(mut self, status: StatusCode, headers: Option<&HeaderMap>) {
        self.end.status = Some(status);
        self.end.outcome = headers.filter(|_| self.grpc).and_then(Outcome::of);
        self.end.response_size = headers.and_then(content_length);
        let end = &self.end;
        self.unit.record(|fields| {
            fields.push("http.response.status_code", u64::from(status.as_u16()).into());
            if let Some(reason) = status.canonical_reason() {
                fields.push("reason", reason.into());
            }
            if let Some(size) = end.response_size {
                fields.push("http.response.body.size", size.into());
            }
            if let Some(outcome) = end.outcome {
                fields.push("rpc.response.status_code", outcome.name.into());
            }
        });
        let of_http = SpanStatus::from_http_status(status.as_u16());
        self.unit.set_status(self.end.outcome.map_or(of_http, |outcome| outcome.status));
        self.finish();
    }

    /// There is none: the connection or the client failed.
    pub(crate) fn failed(mut self) {
        self.end.failed = true;
        self.unit.set_status(SpanStatus::InternalError);
        self.finish();
    }

    /// The span ends; the breadcrumb is left when the call is dropped, as it is of one that was cancelled.
    fn finish(mut self) {
        self.unit.end();
    }

    fn breadcrumb(&self) -> Breadcrumb {
        let mut crumb =
            Breadcrumb::http().level(self.level()).data("http.request.method", self.method.as_str());
        let mut tell =
            |key: &'static str, value: serde_json::Value| _ = crumb.data.insert(key.to_owned(), value);
        self.address.describe(&mut |key, value| tell(key, value.into()));
        if let Some(size) = self.request_size {
            tell("http.request.body.size", size.into());
        }
        if let Some(status) = self.end.status {
            tell("http.response.status_code", status.as_u16().into());
        }
        if let Some(size) = self.end.response_size {
            tell("http.response.body.size", size.into());
        }
        if let Some(outcome) = self.end.outcome {
            tell("rpc.response.status_code", outcome.name.into());
        }
        crumb
    }

    fn level(&self) -> Level {
        let status = self.end.status.map(|status| status.as_u16());
        match self.end.outcome.map(|outcome| outcome.as_http).or(status) {
            Some(500..) => Level::Error,
            Some(400..) => Level::Warning,
            Some(_) => Level::Info,
            None if self.end.failed => Level::Error,
            None => Level::Warning, // nobody waited for the answer
        }
    }
}

impl Drop for Call {
    /// Always, with a span or without one.
    fn drop(&mut self) {
        add_breadcrumb(self.unit.scopes(), || self.breadcrumb());
    }
}

/// Unless the program has said by itself what the trace is. A `baggage` that it has put there keeps its members.
fn put_headers(headers: &mut HeaderMap, scopes: &Scopes, client: &Client) {
    if headers.contains_key(&SENTRY_TRACE) {
        return;
    }
    let outgoing = Outgoing::of(scopes, client);
    put(headers, &SENTRY_TRACE, outgoing.sentry_trace());
    let theirs: Option<Vec<&str>> = headers.get_all(&BAGGAGE).iter().map(text).collect();
    if let Some(theirs) = theirs {
        let baggage = outgoing.baggage(Some(&theirs.join(",")));
        put(headers, &BAGGAGE, baggage);
    }
    if let Some(traceparent) = outgoing.traceparent().filter(|_| !headers.contains_key(&TRACEPARENT)) {
        put(headers, &TRACEPARENT, traceparent);
    }
}

fn put(headers: &mut HeaderMap, name: &HeaderName, value: String) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}
