//! Events: issues and breadcrumbs.

use tracing_core::{Level as TracingLevel, Metadata};
use watchpost_core::layer::{Trace, scratch};
use watchpost_core::{FieldValue, Fields, Scopes, layer, scrub};
use watchpost_protocol::{Event, Level, LogEntry, Map, Mechanism, Value};

use crate::visit::EventVisitor;

/// The level that a tracing level has in the protocol; TRACE, which it does not know, is `debug`.
pub(crate) fn level(level: TracingLevel) -> Level {
    match level {
        TracingLevel::ERROR => Level::Error,
        TracingLevel::WARN => Level::Warning,
        TracingLevel::INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// Captures an event as an issue, whose message is the field `title` if it has one of this name. The span that it happened in went wrong,
/// unless it says otherwise.
pub(crate) fn issue(
    scopes: &Scopes,
    event: &tracing_core::Event<'_>,
    span_fields: bool,
    title: Option<&str>,
) {
    let metadata = event.metadata();
    let level = level(*metadata.level());
    let span = scopes.span_ref();
    let recorded = span.and_then(|span| Some((span.trace().recorder()?, span.slot())));
    if let Some((recorder, slot)) = recorded {
        recorder.fail(slot);
    }
    layer::capture(scopes, level, None, || {
        scratch::with(|fields| {
            let mut visitor = EventVisitor {
                fields,
                exceptions: Vec::new(),
                mechanism: Some(Mechanism {
                    ty: "auto.log.tracing".into(),
                    handled: Some(true),
                    ..Mechanism::default()
                }),
            };
            event.record(&mut visitor);
            let exceptions = visitor.exceptions;
            let around =
                recorded.filter(|_| span_fields).map(|(recorder, slot)| recorder.fields_around(slot));
            build(metadata, title, exceptions, fields, &around.unwrap_or_default())
        })
    });
}

fn build(
    metadata: &Metadata<'_>,
    title: Option<&str>,
    exceptions: Vec<watchpost_protocol::Exception>,
    fields: &Fields,
    around: &Fields,
) -> Event {
    let level = level(*metadata.level());
    let mut event =
        Event { level: Some(level), logger: Some(metadata.target().to_owned()), ..Event::default() };
    let title = title.and_then(|field| fields.get(field));
    let message = title.or_else(|| fields.get("message")).map(|message| message.to_string());
    // An event without a message is named by its callsite, so that two different ones are two issues.
    let formatted = message.or_else(|| exceptions.is_empty().then(|| spelled_out(metadata, fields)));
    event.logentry = formatted.map(|text| LogEntry { formatted: Some(text), ..LogEntry::default() });
    *event.exception = exceptions;
    let mut data = Map::new();
    for (key, value) in around.iter().chain(fields.iter()) {
        match key.strip_prefix("tags.") {
            Some(tag) => {
                event.tags.insert(tag.to_owned(), value.to_string());
            }
            None if key == "message" => {}
            None => {
                data.insert(key.to_owned(), value.to_json());
            }
        }
    }
    if !data.is_empty() {
        event.contexts.other.insert("Rust Tracing Fields".into(), Value::Object(data));
    }
    let mut place = Map::new();
    place.insert("module_path".into(), metadata.module_path().into());
    place.insert("file".into(), metadata.file().into());
    place.insert("line".into(), metadata.line().into());
    event.contexts.other.insert("Rust Tracing Location".into(), Value::Object(place));
    event
}

/// A message is not searched for secrets: what is named as one does not go into it.
fn spelled_out(metadata: &Metadata<'_>, fields: &Fields) -> String {
    let show = |(key, value): (&str, FieldValue<'_>)| match scrub::names_a_secret(key) {
        true => format!("{key}={}", scrub::FILTERED),
        false => format!("{key}={value}"),
    };
    let fields: Vec<String> = fields.iter().map(show).collect();
    if fields.is_empty() { metadata.name().to_owned() } else { fields.join(" ") }
}

/// Adds an event as a breadcrumb.
pub(crate) fn breadcrumb(scopes: &Scopes, trace: Option<&Trace>, event: &tracing_core::Event<'_>) {
    let metadata = event.metadata();
    layer::add_record(
        scopes,
        trace,
        level(*metadata.level()),
        || metadata.target().into(),
        |fields| {
            event.record(&mut EventVisitor { fields, exceptions: Vec::new(), mechanism: None });
        },
    );
}
