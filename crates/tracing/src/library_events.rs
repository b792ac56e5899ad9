//! What is heard in the events of a library that stand for something else than themselves.

use std::time::Duration;

use tracing_core::Event;
use watchpost_core::layer::{Heard, InTrace, Recorder, Said, Slot, Trace, add_heard_in, scratch};
use watchpost_core::{FieldValue, Fields, Scopes, Site};

use crate::event;
use crate::filter::EventFilter;
use crate::libraries::Events;
use crate::place::EventPlace;
use crate::visit::EventVisitor;
use crate::{libraries, semantics};

impl Events {
    /// Hears what an event tells; says what becomes of the event itself, which would become `otherwise`.
    pub(crate) fn hear(self, event: &Event<'_>, place: &EventPlace, otherwise: EventFilter) -> EventFilter {
        match self {
            Events::Query => query(event, place, otherwise),
            Events::Outcome => {
                outcome(event, place);
                no_issue(otherwise)
            }
            Events::Failure(_) if has_reported(place.around().0) => no_issue(otherwise),
            Events::Failure(_) => otherwise,
        }
    }

    /// The field that says what happened, if the message does not.
    pub(crate) fn title(self) -> Option<&'static str> {
        match self {
            Events::Failure(field) => Some(field),
            Events::Query | Events::Outcome => None,
        }
    }
}

/// Whether an error was reported in the unit of work already. The process as a whole is none.
fn has_reported(scopes: &Scopes) -> bool {
    scopes.is_unit() && scopes.isolation().has_reported_error()
}

/// What would be an issue is a breadcrumb.
fn no_issue(otherwise: EventFilter) -> EventFilter {
    if otherwise.contains(EventFilter::ISSUE) {
        otherwise.without(EventFilter::ISSUE) | EventFilter::BREADCRUMB
    } else {
        otherwise
    }
}

/// A query becomes a span that ends now, unless the span that it happened in is the query already; and a breadcrumb.
fn query(event: &Event<'_>, place: &EventPlace, becomes: EventFilter) -> EventFilter {
    let (scopes, trace) = place.around();
    let is_db = |recorder: &Recorder, slot| recorder.has_field(slot, |key| key.starts_with("db."));
    let parent = trace.and_then(|(trace, slot)| Some((trace, trace.recorder()?, slot)));
    let parent =
        parent.filter(|(_, recorder, slot)| becomes.contains(EventFilter::SPAN) && !is_db(recorder, *slot));
    scratch::with(|said| {
        event.record(&mut EventVisitor::new(event.metadata(), said, None));
        let Some(text) = query_text(said) else { return };
        if let Some((trace, recorder, slot)) = parent {
            add_span(event, trace, recorder, slot, said, text);
        }
        if becomes.contains(EventFilter::BREADCRUMB) {
            add_breadcrumb(scopes, trace, event, said, text);
        }
    });
    becomes.without(EventFilter::BREADCRUMB)
}

/// sqlx says the text in `db.statement`, with empty lines around it; a short one in `summary` only.
fn query_text(said: &Fields) -> Option<&str> {
    let text = |key| match said.get(key) {
        Some(FieldValue::Str(text)) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ => None,
    };
    text("db.statement").or_else(|| text("summary"))
}

/// What sqlx says about the rows, and what it is called in the conventions.
const ROWS: &[(&str, &str)] =
    &[("rows_affected", "db.response.affected_rows"), ("rows_returned", "db.response.returned_rows")];

fn add_span(event: &Event<'_>, trace: &Trace, recorder: &Recorder, parent: Slot, said: &Fields, text: &str) {
    let Some(FieldValue::F64(seconds)) = said.get("elapsed_secs") else { return };
    let Ok(took) = Duration::try_from_secs_f64(seconds) else { return };
    scratch::with(|fields| {
        fields.push("db.query.text", text.into());
        push_rows(fields, said);
        if let Err(why) = recorder.add(parent, semantics::callsite(event.metadata()), took, fields) {
            trace.count(why);
        }
    });
}

fn add_breadcrumb(scopes: &Scopes, trace: Option<InTrace<'_>>, event: &Event<'_>, said: &Fields, text: &str) {
    let level = event::log_level(libraries::event_level(event.metadata()));
    add_heard_in(scopes, trace, Heard { level, breadcrumb: true, log: None }, |fields| {
        fields.push("message", text.into());
        push_rows(fields, said);
        if let Some(seconds) = said.get("elapsed_secs") {
            fields.push("elapsed_secs", seconds);
        }
        Said { logger: "query".into(), site: Site::default() }
    });
}

fn push_rows(fields: &mut Fields, said: &Fields) {
    for (from, to) in ROWS {
        if let Some(rows) = said.get(from) {
            fields.push(to, rows);
        }
    }
}

/// tower-http says the status of a response, and that one failed. Only the request's own span is told: without it the event is in another,
/// which may have ended well.
fn outcome(event: &Event<'_>, place: &EventPlace) {
    let EventPlace::Span(place) = place else { return };
    let Some(recorder) = place.node.recorder().filter(|_| place.mark.own) else { return };
    if *event.metadata().level() == tracing_core::Level::ERROR {
        recorder.fail(place.mark.slot);
    }
    let Some(span) = place.recorded() else { return };
    scratch::with(|said| {
        event.record(&mut EventVisitor::new(event.metadata(), said, None));
        let Some(status) = said.get("status") else { return };
        scratch::with(|fields| {
            fields.push("http.response.status_code", status);
            span.record(fields);
        });
    });
}
