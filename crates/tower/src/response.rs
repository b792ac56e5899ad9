//! What a response says about its request.

use http::Response;
use watchpost_core::{RawStack, Scopes, Span, layer};
use watchpost_protocol::{Event, Exception, Level, Mechanism, SpanStatus};

use crate::attached::Attached;
use crate::layer::Settings;

/// Maps the status, and makes one issue: of the error that the handler attached, else of a status in the range of failures.
pub(crate) fn answered<R>(response: &Response<R>, scopes: &Scopes, span: &Span, settings: &Settings) {
    let status = response.status().as_u16();
    span.set_attribute("http.response.status_code", u64::from(status));
    span.set_status(SpanStatus::from_http_status(status));
    scopes.isolation().set_response_status(Some(status));
    let failed = settings.failed.contains(&status);
    if let Some(attached) = response.extensions().get::<Attached>() {
        report(scopes, attached.stack(), || attached.exceptions(settings.origin, !failed));
    } else if failed {
        let reason = response.status().canonical_reason().unwrap_or("Unknown");
        report(scopes, no_stack(), || vec![exception(format!("HTTP {status}"), reason.to_owned(), settings)]);
    }
}

/// The service itself failed: there is no response. The server above will make one of its own, or drop the connection.
pub(crate) fn failed<E: std::fmt::Display>(error: &E, scopes: &Scopes, span: &Span, settings: &Settings) {
    span.set_status(SpanStatus::InternalError);
    let full = std::any::type_name::<E>();
    let ty = full.rsplit("::").next().unwrap_or(full).to_owned();
    report(scopes, no_stack(), || vec![exception(ty, error.to_string(), settings)]);
}

fn exception(ty: String, value: String, settings: &Settings) -> Exception {
    let mechanism = Mechanism { ty: settings.origin.into(), handled: Some(false), ..Mechanism::default() };
    Exception { ty: Some(ty), value: Some(value), mechanism: Some(mechanism), ..Exception::default() }
}

/// The stack of the layer says nothing about the handler: none is better, and groups by what it says.
#[expect(clippy::unnecessary_wraps, reason = "an empty stack is not the same as one that is to be captured")]
fn no_stack() -> Option<RawStack> {
    Some(RawStack::default())
}

fn report(scopes: &Scopes, stack: Option<RawStack>, exceptions: impl FnOnce() -> Vec<Exception>) {
    layer::capture(scopes, Level::Error, stack, || Event {
        exception: exceptions().into(),
        ..Event::default()
    });
}
