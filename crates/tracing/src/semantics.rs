//! The semantic mapper: what the fields of a span say about the span itself.
//!
//! It runs on the worker, on the attributes that a span ended with. Only what has to be known at once is asked where it happens: the name
//! of a root, which samplers and other processes are told, and what is recorded later.

use std::any::Any;
use std::borrow::Cow;

use tracing_core::Metadata;
use watchpost_core::layer::{Callsite, RootName, Site, SpanRef};
use watchpost_core::{FieldValue, Fields};
use watchpost_protocol::{Map, SpanRecord, SpanStatus, TransactionSource, Value};

/// What made the spans of this layer (`protocol.md` §6.6).
const ORIGIN: &str = "auto.function.tracing";

/// The operation of a span that nothing else is known of.
const OP: &str = "function";

/// What core copies of a callsite.
pub(crate) fn callsite(metadata: &'static Metadata<'static>) -> Callsite {
    Callsite { data: metadata, describe }
}

/// Writes what is known of a callsite, and what the attributes mean, into the record of its span.
fn describe(data: &'static (dyn Any + Send + Sync), span: &mut SpanRecord) {
    let Some(metadata) = data.downcast_ref::<Metadata<'static>>() else { return };
    let name = take_text(&mut span.data, "sentry.name").or_else(|| take_text(&mut span.data, "otel.name"));
    let op = take_text(&mut span.data, "sentry.op").or_else(|| kind_op(&span.data).map(str::to_owned));
    span.description = Some(name.unwrap_or_else(|| metadata.name().to_owned()));
    span.op = Some(op.unwrap_or_else(|| OP.to_owned()));
    span.origin = Some(ORIGIN.to_owned());
    span.status = span.status.or_else(|| status(span.data.get("otel.status_code").and_then(Value::as_str)?));
    site(metadata).write_to(&mut span.data);
}

fn take_text(data: &mut Map<String, Value>, key: &str) -> Option<String> {
    match data.remove(key)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Where the callsite is.
fn site(metadata: &'static Metadata<'static>) -> Site {
    Site { file: metadata.file(), line: metadata.line(), module: metadata.module_path() }
}

/// What has to be known of a root when it starts.
pub(crate) fn root_name(metadata: &'static Metadata<'static>, fields: &Fields) -> RootName {
    if fields.is_empty() {
        let (name, op) = (metadata.name().into(), Some(OP.into()));
        return RootName { name, op, source: TransactionSource::Component };
    }
    let text = |key: &str| match fields.get(key) {
        Some(FieldValue::Str(text)) if !text.is_empty() => Some(Cow::Owned(text.to_owned())),
        _ => None,
    };
    let name = text("sentry.name").or_else(|| text("otel.name"));
    RootName {
        name: name.unwrap_or(Cow::Borrowed(metadata.name())),
        op: Some(text("sentry.op").unwrap_or(Cow::Borrowed(OP))),
        source: TransactionSource::Component,
    }
}

/// The operation that OpenTelemetry's `otel.kind` stands for, where it stands for one alone.
fn kind_op(data: &Map<String, Value>) -> Option<&'static str> {
    let kind = data.get("otel.kind")?.as_str()?;
    let has = |prefix: &str| data.keys().any(|key| key.starts_with(prefix));
    match kind.to_ascii_lowercase().as_str() {
        "server" if has("http.") => Some("http.server"),
        "client" if has("http.") => Some("http.client"),
        "client" if has("db.") => Some("db"),
        "producer" => Some("queue.publish"),
        "consumer" => Some("queue.process"),
        _ => None,
    }
}

/// Applies what is said about a span after it began, and records it.
pub(crate) fn record(span: &SpanRef, fields: &Fields) {
    for (key, value) in fields.iter() {
        let FieldValue::Str(text) = value else { continue };
        match key {
            "otel.name" | "sentry.name" => {
                span.set_name(Cow::Owned(text.to_owned()), Some(TransactionSource::Custom))
            }
            "sentry.op" => span.set_op(Cow::Owned(text.to_owned())),
            "otel.status_code" => {
                if let Some(status) = status(text) {
                    span.set_status(status);
                }
            }
            _ => {}
        }
    }
    span.record(fields);
}

/// `otel.status_code` in either spelling.
fn status(code: &str) -> Option<SpanStatus> {
    if code.eq_ignore_ascii_case("error") {
        Some(SpanStatus::InternalError)
    } else if code.eq_ignore_ascii_case("ok") {
        Some(SpanStatus::Ok)
    } else {
        None
    }
}
