//! Events that stand for something else than themselves.

use std::time::Duration;

use tracing_core::{Event, Level, LevelFilter};
use watchpost_core::layer::{Recorder, Slot, Trace, add_record, scratch};
use watchpost_core::{FieldValue, Fields, Scopes};

use super::Events;
use crate::event;
use crate::layer::EventPlace;
use crate::semantics;
use crate::visit::EventVisitor;

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Becomes {
    Issue,
    Breadcrumb,
    Nothing,
}

/// The levels of a layer, as far as they concern what events stand for.
pub(crate) struct Levels {
    pub(crate) spans: LevelFilter,
    pub(crate) breadcrumbs: LevelFilter,
}

impl Events {
    /// Hears what an event tells; says what becomes of the event itself, which would become `otherwise`.
    pub(crate) fn hear(
        self,
        event: &Event<'_>,
        place: &EventPlace,
        levels: &Levels,
        otherwise: Becomes,
    ) -> Becomes {
        match self {
            Events::Query => query(event, place, levels, otherwise),
            Events::Outcome => {
                outcome(event, place);
                if otherwise == Becomes::Issue { Becomes::Breadcrumb } else { otherwise }
            }
            Events::Failure(_) if otherwise == Becomes::Issue && has_reported(place) => Becomes::Breadcrumb,
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

/// A query becomes a span that ends now, unless the span that it happened in is the query already; and a breadcrumb.
fn query(event: &Event<'_>, place: &EventPlace, levels: &Levels, otherwise: Becomes) -> Becomes {
    let level = match *event.metadata().level() {
        Level::DEBUG => Level::INFO,
        level => level,
    };
    let is_db = |recorder: &Recorder, slot| recorder.has_field(slot, |key| key.starts_with("db."));
    let around = place.around().and_then(|(trace, slot)| Some((trace, trace.recorder()?, slot)));
    let around = around.filter(|(_, recorder, slot)| level <= levels.spans && !is_db(recorder, *slot));
    let breadcrumb = otherwise != Becomes::Issue && level <= levels.breadcrumbs;
    if around.is_some() || breadcrumb {
        scratch::with(|said| {
            event.record(&mut EventVisitor { fields: said, exceptions: Vec::new(), mechanism: None });
            let Some(text) = query_text(said) else { return };
            if let Some((trace, recorder, slot)) = around {
                add_span(event, trace, recorder, slot, said, text);
            }
            if breadcrumb {
                let trace = place.around().map(|(trace, _)| &**trace);
                add_breadcrumb(place.scopes(), trace, level, said, text);
            }
        });
    }
    if otherwise == Becomes::Issue { Becomes::Issue } else { Becomes::Nothing }
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

fn add_breadcrumb(scopes: &Scopes, trace: Option<&Trace>, level: Level, said: &Fields, text: &str) {
    add_record(
        scopes,
        trace,
        event::level(level),
        || "query".into(),
        |fields| {
            fields.push("message", text.into());
            push_rows(fields, said);
            if let Some(seconds) = said.get("elapsed_secs") {
                fields.push("elapsed_secs", seconds);
            }
        },
    );
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
    if *event.metadata().level() == Level::ERROR {
        recorder.fail(place.mark.slot);
    }
    let Some(span) = place.recorded() else { return };
    scratch::with(|said| {
        event.record(&mut EventVisitor { fields: said, exceptions: Vec::new(), mechanism: None });
        let Some(status) = said.get("status") else { return };
        scratch::with(|fields| {
            fields.push("http.response.status_code", status);
            span.record(fields);
        });
    });
}

/// Whether something was reported in the unit of work already.
fn has_reported(place: &EventPlace) -> bool {
    let scopes = place.scopes();
    scopes.is_unit() && scopes.isolation().last_event_id().is_some()
}
