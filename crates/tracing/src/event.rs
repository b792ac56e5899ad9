//! Events: issues and breadcrumbs.

use std::collections::BTreeMap;

use tracing_core::{Level as TracingLevel, Metadata};
use watchpost_core::{FieldValue, Fields, Scopes, layer};
use watchpost_protocol::{Breadcrumb, Event, Level, LogEntry, Map, Mechanism, Value};

use crate::visit::{EventVisitor, with_scratch};

/// The level that a tracing level has in the protocol; TRACE, which it does not know, is `debug`.
pub(crate) fn level(level: TracingLevel) -> Level {
    match level {
        TracingLevel::ERROR => Level::Error,
        TracingLevel::WARN => Level::Warning,
        TracingLevel::INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// Captures an event as an issue.
pub(crate) fn issue(scopes: &Scopes, event: &tracing_core::Event<'_>) {
    let metadata = event.metadata();
    let level = level(*metadata.level());
    layer::capture(scopes, level, None, || {
        with_scratch(|fields| {
            let mut visitor = EventVisitor {
                fields,
                message: None,
                exceptions: Vec::new(),
                mechanism: Some(Mechanism {
                    ty: "auto.log.tracing".into(),
                    handled: Some(true),
                    ..Mechanism::default()
                }),
            };
            event.record(&mut visitor);
            let (message, exceptions) = (visitor.message, visitor.exceptions);
            build(metadata, level, message, exceptions, fields)
        })
    });
}

fn build(
    metadata: &Metadata<'_>,
    level: Level,
    message: Option<String>,
    exceptions: Vec<watchpost_protocol::Exception>,
    fields: &Fields,
) -> Event {
    let mut event =
        Event { level: Some(level), logger: Some(metadata.target().to_owned()), ..Event::default() };
    // An event without a message is named by its callsite, so that two different ones are two issues.
    let formatted = message.or_else(|| exceptions.is_empty().then(|| spelled_out(metadata, fields)));
    event.logentry = formatted.map(|text| LogEntry { formatted: Some(text), ..LogEntry::default() });
    *event.exception = exceptions;
    let (tags, data) = tags_and_data(fields);
    event.tags = tags;
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

fn spelled_out(metadata: &Metadata<'_>, fields: &Fields) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if fields.is_empty() { metadata.name().to_owned() } else { fields.join(" ") }
}

/// Fields named `tags.*` are tags; the rest is data.
fn tags_and_data(fields: &Fields) -> (BTreeMap<String, String>, Map<String, Value>) {
    let (mut tags, mut data) = (BTreeMap::new(), Map::new());
    for (key, value) in fields.iter() {
        match key.strip_prefix("tags.") {
            Some(tag) => {
                tags.insert(tag.to_owned(), value.to_string());
            }
            None => {
                data.insert(key.to_owned(), value.to_json());
            }
        }
    }
    (tags, data)
}

/// Adds an event as a breadcrumb.
pub(crate) fn breadcrumb(scopes: &Scopes, event: &tracing_core::Event<'_>) {
    let metadata = event.metadata();
    let crumb = |fields: &mut Fields| {
        let mut visitor = EventVisitor { fields, message: None, exceptions: Vec::new(), mechanism: None };
        event.record(&mut visitor);
        let message = visitor.message;
        let mut data = Map::new();
        for (key, value) in fields.iter() {
            if let FieldValue::Str("") = value {
                continue;
            }
            data.insert(key.to_owned(), value.to_json());
        }
        Breadcrumb {
            level: level(*metadata.level()),
            category: Some(metadata.target().to_owned().into()),
            message,
            data,
            ..Breadcrumb::default()
        }
    };
    layer::add_breadcrumb(scopes, || with_scratch(crumb));
}
