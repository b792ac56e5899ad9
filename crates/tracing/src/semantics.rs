//! The semantic mapper: what the fields of a span say about the span itself.
//!
//! Most crates speak the names of OpenTelemetry's conventions, so one mapper covers more than code for each of them would. What it knows stands
//! in tables, and to teach it something is to add a row:
//!
//! | table | says |
//! |---|---|
//! | `renames` | what old names are called today |
//! | `kinds` | by what a kind of span is known, its operation and its name |
//! | `status` | which attribute says how a span ended |
//! | [`libraries`] | what one library does in a way of its own |
//!
//! It runs on the worker, on the attributes that a span ended with. Only what has to be known at once is asked where it happens: the name
//! of a root, which samplers and other processes are told.

mod attributes;
mod kinds;
mod status;
mod template;

use std::any::Any;
use std::borrow::Cow;

use tracing_core::Metadata;
use watchpost_core::layer::{Callsite, RootName, Site, Slot, SpanRef};
use watchpost_core::{FieldValue, Fields};
use watchpost_protocol::{Map, SpanRecord, TransactionSource, Value};

use crate::libraries::{self, Library, ORIGIN};
use crate::renames;
use attributes::{Attributes, Beginning};
use kinds::Kind;

/// The operation of a span that nothing else is known of.
const OP: &str = "function";

/// What is told about a span in its fields and is an attribute no more once it has been told.
const TOLD: &[&str] = &["sentry.name", "sentry.op", "otel.name"];

/// What core copies of a callsite.
pub(crate) fn callsite(metadata: &'static Metadata<'static>) -> Callsite {
    Callsite { data: metadata, describe }
}

/// Writes what is known of a callsite, and what the attributes mean, into the record of its span.
fn describe(data: &'static (dyn Any + Send + Sync), span: &mut SpanRecord) -> Option<TransactionSource> {
    let metadata = data.downcast_ref::<Metadata<'static>>()?;
    let library = libraries::of(metadata);
    if let Some(library) = library {
        library.write_to(&mut span.data);
    }
    let mut source = TransactionSource::Component;
    let mut meaning = Meaning::default();
    if span.data.is_telling() {
        renames::apply(&mut span.data);
        let kind = kinds::of(&span.data);
        renames::apply_to_peer(&mut span.data, kind.is_some_and(|kind| kind.incoming));
        meaning = Meaning::of(&span.data, kind);
        span.status = span.status.or_else(|| status::of(&span.data));
        TOLD.iter().for_each(|told| drop(span.data.remove(*told)));
        write_numbers(&mut span.data);
    }
    meaning.complete(library, &span.data);
    let mut name = Cow::Borrowed(metadata.name());
    if let Some((given, what)) = meaning.name {
        (name, source) = (given, what);
    }
    span.description = Some(name.into_owned());
    span.op = Some(meaning.op.map_or_else(|| OP.to_owned(), Cow::into_owned));
    span.origin = Some(library.map_or(ORIGIN, |library| library.origin).to_owned());
    if metadata.is_span() {
        site(metadata).write_to(&mut span.data);
    }
    Some(source)
}

/// What has to be known of a root when it starts.
pub(crate) fn root_name(metadata: &'static Metadata<'static>, fields: &Fields) -> RootName {
    let library = libraries::of(metadata);
    let (renames, adds) = library.map_or((&[][..], &[][..]), |library| (library.renames, library.adds));
    let mut meaning = Meaning::default();
    if let Some(attributes) = Beginning::of(fields, renames, adds) {
        meaning = Meaning::of(&attributes, kinds::of(&attributes));
        meaning.complete(library, &attributes);
    }
    let (name, source) =
        meaning.name.unwrap_or((Cow::Borrowed(metadata.name()), TransactionSource::Component));
    let op = meaning.op.or(library.and_then(|library| library.op).map(Cow::Borrowed));
    RootName { name: name.into(), op: Some(op.unwrap_or(Cow::Borrowed(OP))), source }
}

/// Records what is said about a span after it began. A root is renamed at once: what is captured in it from now on says so.
pub(crate) fn record(span: &SpanRef, fields: &Fields) {
    if span.is_own() && span.slot() == Slot::ROOT {
        for (key, value) in fields.iter() {
            if let ("sentry.name" | "otel.name", FieldValue::Str(name)) = (key, value) {
                span.set_name(Cow::Owned(name.to_owned()), Some(TransactionSource::Custom));
            }
        }
    }
    span.record(fields);
}

/// The name and the operation that attributes give a span.
#[derive(Debug, Default)]
struct Meaning {
    name: Option<(Cow<'static, str>, TransactionSource)>,
    op: Option<Cow<'static, str>>,
}

impl Meaning {
    fn of(attributes: &impl Attributes, kind: Option<&Kind>) -> Meaning {
        let text = |key| attributes.text(key).map(|text| Cow::Owned(text.into_owned()));
        let by_hand = || Some((text("sentry.name")?, TransactionSource::Custom));
        let better = || kind?.better(attributes);
        let given = || {
            let name = text("otel.name")?;
            if kind.is_some_and(|kind| kind.is_poor(&name, attributes)) {
                return None;
            }
            let route = attributes.text("http.route").is_some();
            Some((name, if route { TransactionSource::Route } else { TransactionSource::Custom }))
        };
        let made = || kind?.name(attributes);
        Meaning {
            name: by_hand().or_else(better).or_else(given).or_else(made),
            op: text("sentry.op").or_else(|| kind?.op(attributes)),
        }
    }

    /// Adds what is known of the library where the attributes are silent.
    fn complete(&mut self, library: Option<&Library>, attributes: &impl Attributes) {
        let Some(library) = library else { return };
        if self.op.is_none() {
            self.op = library.op.map(Cow::Borrowed);
        }
        if self.name.is_none() {
            let name = library.named.and_then(|named| template::render(named, attributes));
            self.name = name.map(|name| (name, TransactionSource::Custom));
        }
    }
}

/// Attributes that are numbers, also if a library has printed them.
const NUMBERS: &[&str] = &[
    "client.port",
    "http.request.body.size",
    "http.response.body.size",
    "http.response.status_code",
    "network.peer.port",
    "server.port",
    "url.port",
];

fn write_numbers(data: &mut Map<String, Value>) {
    for key in NUMBERS {
        if let Some(value) = data.get_mut(*key)
            && let Some(number) = value.as_str().and_then(|text| text.parse::<u64>().ok())
        {
            *value = number.into();
        }
    }
}

/// Where the callsite is.
fn site(metadata: &'static Metadata<'static>) -> Site {
    Site { file: metadata.file(), line: metadata.line(), module: metadata.module_path() }
}
