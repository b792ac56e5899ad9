//! What a response says about its request.

use std::sync::Arc;

use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};
use http_body::Body;
use watchpost_core::Scopes;
use watchpost_protocol::SpanStatus;

use crate::attached::Attached;
use crate::error::{self, ServiceError};
use crate::grpc::Outcome;
use crate::head::Head;
use crate::headers::content_length;
use crate::settings::Settings;
use crate::unit::{Running, Unit};

/// What watches a request: its unit of work, and what has to be known to judge the response.
#[derive(Debug)]
pub(crate) struct Watch {
    unit: Unit,
    settings: Arc<Settings>,
    of: Watching,
}

/// What the request says about its response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watching {
    origin: &'static str,
    /// Whether there is no body, whatever the head says.
    bodiless: bool,
    /// Whether it is a call of gRPC, whose outcome stands in the trailers.
    call: bool,
}

impl Watching {
    pub(crate) fn of(head: &Head) -> Self {
        // What follows a successful CONNECT is a tunnel, as what follows a 101: it is no body, and no part of the request.
        let bodiless = matches!(head.method, Method::HEAD | Method::CONNECT);
        Watching { origin: head.kind().origin, bodiless, call: head.call }
    }
}

impl Watch {
    pub(crate) fn new(unit: Unit, settings: Arc<Settings>, of: Watching) -> Self {
        Watch { unit, settings, of }
    }

    pub(crate) fn scopes(&self) -> &Arc<Scopes> {
        self.unit.scopes()
    }

    pub(crate) fn enter(&mut self) -> Running<'_> {
        self.unit.enter()
    }

    /// There is an answer. If it has no body, the request is over; else it is when the body has ended, and says how long that will be if it is
    /// known.
    pub(crate) fn answered<R: Body>(mut self, head: &Parts, body: &R) -> Option<(Watch, Option<u64>)> {
        self.judge(head);
        if self.of.bodiless || has_no_body(head.status) || body.is_end_stream() {
            self.finish();
            return None;
        }
        let announced = || body.size_hint().exact().or_else(|| content_length(&head.headers));
        let announced = if self.of.call { None } else { announced() }; // a call without its trailers is not over
        Some((self, announced))
    }

    /// Maps the status, and makes one issue: of the error that the handler attached, else of a status that is a failure.
    fn judge(&mut self, head: &Parts) {
        let status = head.status.as_u16();
        self.unit.answer(SpanStatus::from_http_status(status));
        self.scopes().isolation().set_response_status(Some(status));
        let outcome = if self.of.call { Outcome::of(&head.headers) } else { None };
        let failed = self.settings.failed.contains(outcome.map_or(status, |outcome| outcome.as_http));
        if let Some(attached) = head.extensions.get::<Attached>() {
            self.unit.report(!failed, attached.stack(), || attached.error(self.of.origin, !failed));
        }
        if outcome.is_some() {
            self.judge_call(&head.headers); // an answer that has no body, and its trailers in its head
        } else if failed {
            let reason = head.status.canonical_reason().unwrap_or("Unknown");
            self.report_status(|| (format!("HTTP {status}"), reason.to_owned()));
        }
    }

    /// The trailers have come; they say how a call ended.
    pub(crate) fn judge_call(&mut self, trailers: &HeaderMap) {
        let Some(outcome) = Outcome::of(trailers).filter(|_| self.of.call) else { return };
        self.unit.record(|fields| fields.push("rpc.response.status_code", outcome.name.into()));
        self.unit.answer(outcome.status);
        if self.settings.failed.contains(outcome.as_http) {
            self.report_status(|| (format!("gRPC {}", outcome.name), outcome.message(trailers)));
        }
    }

    /// A status is an issue of its own if nothing is known that is more to the point.
    fn report_status(&self, name_and_text: impl FnOnce() -> (String, String)) {
        if !self.scopes().isolation().has_reported_error() {
            self.unit.report_failure(|| {
                let (ty, value) = name_and_text();
                error::of_status(ty, value, self.of.origin)
            });
        }
    }

    /// The service itself failed: there is no response. The server above will make one of its own, or drop the connection.
    pub(crate) fn failed<E: ServiceError>(mut self, error: &E) {
        self.broke_off(error);
        self.finish();
    }

    /// The body of the response failed half-way.
    pub(crate) fn broke_off<E: ServiceError>(&mut self, error: &E) {
        self.unit.fail(error, self.of.origin);
    }

    pub(crate) fn finish(self) {
        self.unit.finish();
    }
}

/// Whether what follows the head of such a response is no body of it.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
