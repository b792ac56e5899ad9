//! What a response says about its request.

use http::Response;
use watchpost_core::{Scopes, Span, layer};
use watchpost_protocol::{Event, Exception, Level, Mechanism, ResponseContext, SpanStatus};

use crate::layer::Settings;

/// Maps the status, and makes an issue of one that is in the range of failures.
pub(crate) fn answered<R>(response: &Response<R>, scopes: &Scopes, span: &Span, settings: &Settings) {
    let status = response.status().as_u16();
    span.set_attribute("http.response.status_code", u64::from(status));
    span.set_status(SpanStatus::from_http_status(status));
    scopes.isolation().set_response_status(Some(status));
    if settings.failed.contains(&status) {
        let reason = response.status().canonical_reason().unwrap_or("Unknown");
        report(scopes, settings, format!("HTTP {status}"), reason.to_owned(), Some(status));
    }
}

/// The service itself failed: there is no response. The server above will make one of its own, or drop the connection.
pub(crate) fn failed<E: std::fmt::Display>(error: &E, scopes: &Scopes, span: &Span, settings: &Settings) {
    span.set_status(SpanStatus::InternalError);
    let ty = layer_type_name::<E>();
    report(scopes, settings, ty, error.to_string(), None);
}

fn layer_type_name<E>() -> String {
    let full = std::any::type_name::<E>();
    full.rsplit("::").next().unwrap_or(full).to_owned()
}

fn report(scopes: &Scopes, settings: &Settings, ty: String, value: String, status: Option<u16>) {
    layer::capture(scopes, Level::Error, None, || {
        let mechanism =
            Mechanism { ty: settings.origin.into(), handled: Some(false), ..Mechanism::default() };
        let exception = Exception {
            ty: Some(ty),
            value: Some(value),
            mechanism: Some(mechanism),
            // The stack of the layer says nothing about the handler: an empty one is not replaced.
            ..Exception::default()
        };
        let mut event = Event::default();
        event.exception.push(exception);
        event.contexts.response =
            status.map(|status_code| ResponseContext { status_code: Some(status_code), ..Default::default() });
        event
    });
}
