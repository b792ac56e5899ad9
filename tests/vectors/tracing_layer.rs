//! What becomes of the spans and events of `tracing`.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tracing::field::FieldSet;
use tracing::metadata::Kind;
use tracing::subscriber::{Interest, with_default};
use tracing::{Callsite, Level, Metadata};
use tracing_subscriber::prelude::*;
use watchpost::capture_message;
use watchpost::tracing::{CaptureLayer, layer};
use watchpost_testkit::{Captured, capture_with, options};

use crate::known::Deviation;
use crate::{Outcome, Vector, count, differs, equal, list, only, switch, text, unknown};

pub(crate) fn tracing_layer(vector: &Vector<'_>) -> Outcome {
    if vector.input.get("span").is_some() { span(vector) } else { level(vector) }
}

/// What a level means: for an event, and for a span.
fn level(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["level"])?;
    only(vector.expected, &["sentry_level", "event_becomes", "span_recorded"])?;
    let metadata = |kind| {
        let level = level_of(vector.input)?;
        Ok::<_, String>(Made {
            name: "made",
            target: "vectors",
            level,
            file: None,
            line: None,
            module: None,
            kind,
        })
    };
    let event = metadata(Kind::EVENT)?.callsite(&[]);
    let span = metadata(Kind::SPAN)?.callsite(&[]);

    let emitted = seen(layer(), switch(vector.input, "send_default_pii")?, || emit(event));
    let becomes = match (&emitted.events()[..], crumbs(&emitted)) {
        ([_, _], 0) => "Exc",
        ([_], 1) => "Breadcrumb",
        ([_], 0) => "Ignore",
        _ => "several things",
    };
    // A layer that keeps everything tells the level of what the default one ignores.
    let everything = seen(layer().breadcrumbs(Level::TRACE), None, || emit(event));
    let first = everything.events().into_iter().next().ok_or("no event was sent")?;
    let level = first.breadcrumbs.first().map_or(first.level, |crumb| Some(crumb.level));
    let recorded = seen(layer(), None, || drop(open(span))).transactions().len() == 1;
    let ours = json!({ "sentry_level": level, "event_becomes": becomes, "span_recorded": recorded });
    equal(&ours, vector.expected)
}

fn crumbs(captured: &Captured) -> usize {
    captured.events().last().map_or(0, |event| event.breadcrumbs.len())
}

/// A span with its fields, as a child of nothing.
fn span(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["span", "values", "send_default_pii"])?;
    only(vector.expected, &["op", "description", "origin", "data"])?;
    let described = &vector.input["span"];
    only(described, &["fields", "file", "level", "line", "module_path", "name", "target"])?;
    let leaked = |key: &str| Ok::<_, String>(text(described, key)?.map(|text| &*text.to_owned().leak()));
    let name = leaked("name")?.ok_or_else(unknown)?;
    let made = Made {
        name,
        target: leaked("target")?.ok_or_else(unknown)?,
        level: level_of(described)?,
        file: leaked("file")?,
        line: u32::try_from(count(described, "line")?).ok(),
        module: leaked("module_path")?,
        kind: Kind::SPAN,
    };
    let field = |field: &Value| Ok(&*field.as_str().ok_or_else(unknown)?.to_owned().leak());
    let fields = list(&described["fields"])?.iter().map(field).collect::<Result<Vec<_>, String>>()?;
    let path = format!("{}::{name}", made.module.unwrap_or_default());
    let callsite = made.callsite(fields.leak());
    let values = vector.input["values"].as_object().ok_or_else(unknown)?;

    let mut recorded = Ok(());
    let captured = seen(layer(), switch(vector.input, "send_default_pii")?, || {
        let span = open(callsite);
        recorded = values.iter().try_for_each(|(key, value)| record(&span, key, value));
    });
    recorded?;
    let root = captured.transactions().into_iter().next().ok_or("no transaction was sent")?;
    let mut trace = root.contexts.trace.unwrap_or_default();
    // Where the span was made is said too, in attributes that the vectors do not have.
    trace.data.retain(|key, _| !key.starts_with("code.") && !key.starts_with("thread."));
    let ours = json!({
        "op": trace.op, "description": root.transaction, "origin": trace.origin, "data": trace.data,
    });
    let mut instead = vector.expected.clone();
    equal(text(vector.expected, "description")?, Some(path.as_str()))?;
    instead["description"] = name.into();
    instead["origin"] = "auto.function.tracing".into();
    if vector.expected["data"] == vector.input["values"] {
        return differs(Deviation::SpanHasItsOwnName, &ours, vector.expected, &instead);
    }
    for (key, _) in values {
        equal(text(&vector.expected["data"], key)?, Some("[Filtered]"))?;
    }
    instead["data"] = vector.input["values"].clone();
    differs(Deviation::FieldsAreSent, &ours, vector.expected, &instead)
}

/// What is sent when `work` is seen by this layer, and a message afterwards.
fn seen(layer: CaptureLayer, send_default_pii: Option<bool>, work: impl FnOnce()) -> Captured {
    let options = options().send_default_pii(send_default_pii.unwrap_or(false));
    let subscriber = tracing_subscriber::registry().with(layer);
    capture_with(options, || {
        with_default(subscriber, || {
            work();
            capture_message("afterwards");
        });
    })
}

fn level_of(input: &Value) -> Result<Level, String> {
    text(input, "level")?.and_then(|level| level.parse().ok()).ok_or_else(unknown)
}

/// A callsite that no macro has written: a vector says what it is.
struct Made {
    name: &'static str,
    target: &'static str,
    level: Level,
    file: Option<&'static str>,
    line: Option<u32>,
    module: Option<&'static str>,
    kind: Kind,
}

/// What the macros of `tracing` keep in a static.
#[derive(Default)]
struct MadeCallsite(OnceLock<Metadata<'static>>);

impl Made {
    /// Never freed: `tracing` holds on to callsites for as long as the process lives.
    fn callsite(self, fields: &'static [&'static str]) -> &'static MadeCallsite {
        let callsite: &'static MadeCallsite = Box::leak(Box::default());
        let fields = FieldSet::new(fields, tracing::callsite::Identifier(callsite));
        callsite.0.get_or_init(|| {
            let Made { name, target, level, file, line, module, kind } = self;
            Metadata::new(name, target, level, file, line, module, fields, kind)
        });
        callsite
    }
}

impl Callsite for MadeCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("it is set when the callsite is made")
    }
}

fn emit(callsite: &'static MadeCallsite) {
    let metadata = callsite.0.get().expect("it is set when the callsite is made");
    tracing::Event::dispatch(metadata, &metadata.fields().value_set(&NO_VALUES));
}

fn open(callsite: &'static MadeCallsite) -> tracing::Span {
    let metadata = callsite.0.get().expect("it is set when the callsite is made");
    tracing::Span::new(metadata, &metadata.fields().value_set(&NO_VALUES))
}

/// Values are recorded one by one, since their number is the vector's.
const NO_VALUES: [(&tracing::field::Field, Option<&dyn tracing::field::Value>); 0] = [];

fn record(span: &tracing::Span, key: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Bool(value) => span.record(key, value),
        Value::String(value) => span.record(key, value.as_str()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => span.record(key, number),
            (None, Some(number)) => span.record(key, number),
            _ => return Err(unknown()),
        },
        _ => return Err(format!("no check knows how to record {value}")),
    };
    Ok(())
}
