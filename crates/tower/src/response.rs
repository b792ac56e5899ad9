//! What a response says about its request.

use std::sync::Arc;

use http::response::Parts;
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body;
use watchpost_core::Scopes;
use watchpost_protocol::SpanStatus;

use crate::attached::Attached;
use crate::body::ResponseBody;
use crate::error::{self, ServiceError};
use crate::layer::Settings;
use crate::unit::{Unit, no_stack};

/// What watches a request: its unit of work, and what has to be known to judge the response.
#[derive(Debug)]
pub(crate) struct Watch {
    unit: Unit,
    settings: Arc<Settings>,
    /// Whether a response to it may have a body at all.
    bodiless: bool,
}

impl Watch {
    pub(crate) fn new(unit: Unit, settings: Arc<Settings>, method: &Method) -> Self {
        // What follows a successful CONNECT is a tunnel, as what follows a 101: it is no body, and no part of the request.
        let bodiless = matches!(*method, Method::HEAD | Method::CONNECT);
        Watch { unit, settings, bodiless }
    }

    pub(crate) fn scopes(&self) -> &Arc<Scopes> {
        self.unit.scopes()
    }

    pub(crate) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.unit.run(work)
    }

    /// There is an answer. It ends the request if it has no body, else the body does.
    pub(crate) fn answered<R: Body>(mut self, response: Response<R>) -> Response<ResponseBody<R>> {
        let (parts, body) = response.into_parts();
        self.judge(&parts);
        if self.bodiless || has_no_body(parts.status) || body.is_end_stream() {
            self.finish();
            return Response::from_parts(parts, ResponseBody::unobserved(body));
        }
        let announced = body.size_hint().exact().or_else(|| content_length(&parts.headers));
        Response::from_parts(parts, ResponseBody::observed(body, self, announced))
    }

    /// Maps the status, and makes one issue: of the error that the handler attached, else of a status that is a failure, unless its cause is
    /// known.
    fn judge(&mut self, parts: &Parts) {
        let status = parts.status.as_u16();
        self.unit.record(|fields| fields.push("http.response.status_code", u64::from(status).into()));
        self.unit.set_status(SpanStatus::from_http_status(status));
        self.scopes().isolation().set_response_status(Some(status));
        let (origin, failed) = (self.settings.origin, self.settings.failed.contains(status));
        if let Some(attached) = parts.extensions.get::<Attached>() {
            self.unit.report(attached.stack(), || attached.exceptions(origin, !failed));
        } else if failed && !self.scopes().isolation().has_reported_error() {
            let reason = parts.status.canonical_reason().unwrap_or("Unknown");
            self.unit
                .report(no_stack(), || error::of_status(format!("HTTP {status}"), reason.to_owned(), origin));
        }
    }

    /// The service itself failed: there is no response. The server above will make one of its own, or drop the connection.
    pub(crate) fn failed<E: ServiceError>(mut self, error: &E) {
        self.broke_off(error);
        self.finish();
    }

    /// The body of the response failed half-way.
    pub(crate) fn broke_off<E: ServiceError>(&mut self, error: &E) {
        self.unit.fail(error, self.settings.origin);
    }

    pub(crate) fn finish(self) {
        self.unit.finish();
    }
}

/// Whether what follows the head of such a response is no body of it.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
