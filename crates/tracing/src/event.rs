//! Events: issues and breadcrumbs.

use std::borrow::Cow;

use tracing_core::field::ValueSet;
use tracing_core::{Level as TracingLevel, Metadata};
use watchpost_core::layer::{Beyond, Draft, Heard, InTrace, Said, fit_tag, scratch};
use watchpost_core::{FieldValue, Fields, Scopes, Site, layer, scrub::FILTERED};
use watchpost_protocol::{Event, Level, LogEntry, LogLevel, Map, Mechanism, Value};

use crate::filter::EventFilter;
use crate::log_record::LogRecord;
use crate::visit::EventVisitor;

/// The level that a tracing level has in the protocol; TRACE, which it does not know, is `debug`.
fn level(level: TracingLevel) -> Level {
    match level {
        TracingLevel::ERROR => Level::Error,
        TracingLevel::WARN => Level::Warning,
        TracingLevel::INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// As [`level`], for a log.
pub(crate) fn log_level(level: TracingLevel) -> LogLevel {
    match level {
        TracingLevel::ERROR => LogLevel::Error,
        TracingLevel::WARN => LogLevel::Warn,
        TracingLevel::INFO => LogLevel::Info,
        TracingLevel::DEBUG => LogLevel::Debug,
        TracingLevel::TRACE => LogLevel::Trace,
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
    layer::capture_logged(scopes, level, line_of(metadata), || {
        scratch::with(|fields| {
            let mechanism =
                Mechanism { ty: "auto.log.tracing".into(), handled: Some(true), ..Mechanism::default() };
            let mut visitor = EventVisitor::new(metadata, fields, Some(mechanism));
            event.record(&mut visitor);
            let (error, place) = (visitor.error, Place::of(metadata, visitor.log));
            let around =
                recorded.filter(|_| span_fields).map(|(recorder, slot)| recorder.fields_around(slot));
            let event =
                build(scopes, metadata, title, place, error.is_some(), fields, &around.unwrap_or_default());
            match (error, layer::named_error(fields)) {
                (Some(error), _) => Draft::of_error(error, event),
                (None, Some(text)) => Draft::of_text(event, text),
                (None, None) => event.into(),
            }
        })
    });
}

/// The function of `tracing` that its macros call, and that has the event on its stack: unless it is inlined where the macro stands.
pub(crate) fn made_by(event: &tracing_core::Event<'_>) -> Beyond {
    let dispatch: fn(&'static Metadata<'static>, &'static ValueSet<'static>) = tracing_core::Event::dispatch;
    Beyond::KeptBy { at: std::ptr::from_ref(event).addr(), function: dispatch as usize }
}

/// No two callsites have one address.
fn line_of(metadata: &Metadata<'_>) -> u64 {
    std::ptr::from_ref(metadata).addr() as u64
}

/// Where an event was said.
struct Place {
    target: String,
    module: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

impl Place {
    fn of(metadata: &Metadata<'_>, log: Option<LogRecord>) -> Self {
        let target = || metadata.target().to_owned();
        match log {
            Some(LogRecord { target: said, module, file, line }) => {
                Place { target: said.unwrap_or_else(target), module, file, line }
            }
            None => Place {
                target: target(),
                module: metadata.module_path().map(str::to_owned),
                file: metadata.file().map(str::to_owned),
                line: metadata.line(),
            },
        }
    }
}

fn build(
    scopes: &Scopes,
    metadata: &Metadata<'_>,
    title: Option<&str>,
    place: Place,
    has_error: bool,
    fields: &Fields,
    around: &Fields,
) -> Event {
    let level = level(*metadata.level());
    let mut event = Event { level: Some(level), logger: Some(place.target), ..Event::default() };
    let title = title.and_then(|field| fields.get(field));
    let message = title.or_else(|| fields.get("message")).map(|message| message.to_string());
    // An event without a message is named by its callsite, so that two different ones are two issues.
    let formatted = message.or_else(|| (!has_error).then(|| spelled_out(scopes, metadata, fields)));
    event.logentry = formatted.map(|text| LogEntry { formatted: Some(text), ..LogEntry::default() });
    let mut data = Map::new();
    for (key, value) in around.iter().chain(fields.iter()) {
        match key.strip_prefix("tags.") {
            Some(tag) => {
                let (tag, value) = fit_tag(tag.to_owned(), value.to_string());
                event.tags.insert(tag, value);
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
    let mut location = Map::new();
    location.insert("module_path".into(), place.module.into());
    location.insert("file".into(), place.file.into());
    location.insert("line".into(), place.line.into());
    event.contexts.other.insert("Rust Tracing Location".into(), Value::Object(location));
    event
}

/// A message is not searched for secrets: what is named as one does not go into it.
fn spelled_out(scopes: &Scopes, metadata: &Metadata<'_>, fields: &Fields) -> String {
    let show = |(key, value): (&str, FieldValue<'_>)| match layer::hides(scopes, key) {
        true => format!("{key}={FILTERED}"),
        false => format!("{key}={value}"),
    };
    let fields: Vec<String> = fields.iter().map(show).collect();
    if fields.is_empty() { metadata.name().to_owned() } else { fields.join(" ") }
}

/// Adds an event as a breadcrumb, as a log, or both.
pub(crate) fn heard(
    scopes: &Scopes,
    trace: Option<InTrace<'_>>,
    event: &tracing_core::Event<'_>,
    becomes: EventFilter,
) {
    let metadata = event.metadata();
    let heard = Heard {
        level: log_level(*metadata.level()),
        breadcrumb: becomes.contains(EventFilter::BREADCRUMB),
        log: becomes.contains(EventFilter::LOG).then_some("auto.log.tracing"),
    };
    layer::add_heard_in(scopes, trace, heard, |fields| {
        let mut visitor = EventVisitor::new(metadata, fields, None);
        event.record(&mut visitor);
        match visitor.log {
            // All records of the `log` crate have one callsite, which says nothing of them.
            Some(log) => Said {
                logger: log.target.map_or(Cow::Borrowed(metadata.target()), Cow::Owned),
                site: Site::default(),
            },
            None => Said {
                logger: Cow::Borrowed(metadata.target()),
                site: Site { file: metadata.file(), line: metadata.line(), module: metadata.module_path() },
            },
        }
    });
}

/// Whether an event is a record that the log bridge has heard already.
pub(crate) fn is_heard(metadata: &Metadata<'_>) -> bool {
    layer::is_passed_on() && LogRecord::is_one(metadata)
}
