//! The fields of a span that say something about the span itself.

use std::borrow::Cow;

use tracing_core::Metadata;
use watchpost_core::layer::{Site, SpanInit, SpanRef};
use watchpost_core::{FieldValue, Fields};
use watchpost_protocol::{SpanStatus, TransactionSource};

/// What a span begins with, by its callsite and its fields.
pub(crate) fn init(metadata: &'static Metadata<'static>, fields: &Fields) -> SpanInit {
    let text = |key: &str| match fields.get(key) {
        Some(FieldValue::Str(text)) if !text.is_empty() => Some(text.to_owned()),
        _ => None,
    };
    let name = text("sentry.name").or_else(|| text("otel.name"));
    let op = text("sentry.op").map(Cow::Owned).or_else(|| kind_op(fields).map(Cow::Borrowed));
    SpanInit {
        name: name.map_or(Cow::Borrowed(metadata.name()), Cow::Owned),
        op: Some(op.unwrap_or(Cow::Borrowed("function"))),
        origin: "auto.function.tracing",
        site: site(metadata),
    }
}

/// Where the callsite is.
pub(crate) fn site(metadata: &'static Metadata<'static>) -> Site {
    Site { file: metadata.file(), line: metadata.line(), module: metadata.module_path() }
}

/// The operation that OpenTelemetry's `otel.kind` stands for, where it stands for one alone.
fn kind_op(fields: &Fields) -> Option<&'static str> {
    let Some(FieldValue::Str(kind)) = fields.get("otel.kind") else { return None };
    let http = fields.iter().any(|(key, _)| key.starts_with("http."));
    let db = fields.iter().any(|(key, _)| key.starts_with("db."));
    match kind.to_ascii_lowercase().as_str() {
        "server" if http => Some("http.server"),
        "client" if http => Some("http.client"),
        "client" if db => Some("db"),
        "producer" => Some("queue.publish"),
        "consumer" => Some("queue.process"),
        _ => None,
    }
}

/// Applies what is said about a span after it began, and records the rest.
pub(crate) fn apply(span: &SpanRef, fields: &Fields) {
    for (key, value) in fields.iter() {
        let FieldValue::Str(text) = value else { continue };
        match key {
            "otel.name" | "sentry.name" => {
                span.set_name(Cow::Owned(text.to_owned()), Some(TransactionSource::Custom))
            }
            "sentry.op" => span.set_op(Cow::Owned(text.to_owned())),
            _ => {}
        }
    }
    status(span, fields);
    span.record(fields);
}

/// `otel.status_code` is the status, in either spelling.
pub(crate) fn status(span: &SpanRef, fields: &Fields) {
    if let Some(FieldValue::Str(code)) = fields.get("otel.status_code") {
        if code.eq_ignore_ascii_case("error") {
            span.set_status(SpanStatus::InternalError);
        } else if code.eq_ignore_ascii_case("ok") {
            span.set_status(SpanStatus::Ok);
        }
    }
}
