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

use std::borrow::Cow;

use tracing_core::Metadata;
use watchpost_core::layer::{
    Callsite, CallsiteData, FinishedSpan, IsTelling, Reader, RootName, Site, Slot, SpanData, SpanRef,
};
use watchpost_core::{FieldValue, Fields};
use watchpost_protocol::TransactionSource;

use crate::libraries::{self, Library, ORIGIN};
use crate::renames;
use attributes::{Attributes, Beginning, is_telling};
use kinds::Kind;

/// The operation of a span that nothing else is known of.
const OP: &str = "function";

/// What is told about a span in its fields and is an attribute no more once it has been told.
const TOLD: &[&str] = &["sentry.name", "sentry.op", "otel.name"];

/// What core copies of a callsite.
pub(crate) fn callsite(metadata: &'static Metadata<'static>) -> Callsite {
    Callsite { data: metadata, reader: &READER }
}

static READER: Reader = Reader { site, describe, telling };

/// Of a library nothing is known beforehand: it may have names of its own.
fn telling(data: CallsiteData) -> Option<IsTelling> {
    let metadata = data.downcast_ref::<Metadata<'static>>()?;
    libraries::of(metadata).is_none().then_some(is_telling)
}

/// Writes what is known of a callsite, and what the attributes mean, into its span.
fn describe(data: CallsiteData, span: &mut FinishedSpan<'_>) -> Option<TransactionSource> {
    let metadata = data.downcast_ref::<Metadata<'static>>()?;
    let library = libraries::of(metadata);
    if let Some(library) = library {
        library.write_to(&mut span.data);
    }
    let mut source = TransactionSource::Component;
    let mut meaning = Meaning::default();
    if span.data.iter().any(|(key, _)| is_telling(key)) {
        renames::apply(&mut span.data);
        let kind = kinds::of(&span.data);
        renames::apply_to_peer(&mut span.data, kind.is_some_and(|kind| kind.incoming));
        meaning = Meaning::of(&span.data, kind);
        span.status = span.status.or_else(|| status::of(&span.data));
        TOLD.iter().for_each(|told| drop(span.data.remove(told)));
        write_numbers(&mut span.data);
    }
    meaning.complete(library, &span.data);
    let mut name = Cow::Borrowed(metadata.name());
    if let Some((given, what)) = meaning.name {
        (name, source) = (given, what);
    }
    span.description = Some(name);
    span.op = Some(meaning.op.unwrap_or(Cow::Borrowed(OP)));
    span.origin = Some(library.map_or(ORIGIN, |library| library.origin));
    Some(source)
}

/// What has to be known of a root when it starts.
pub(crate) fn root_name(metadata: &'static Metadata<'static>, fields: &Fields) -> RootName {
    let library = libraries::of(metadata);
    let (renames, adds) = library.map_or((&[][..], &[][..]), |library| (library.renames, library.adds));
    let (mut meaning, mut kind) = (Meaning::default(), None);
    if let Some(attributes) = Beginning::of(fields, renames, adds) {
        kind = kinds::of(&attributes);
        meaning = Meaning::of(&attributes, kind);
        meaning.complete(library, &attributes);
    }
    let (name, source) = match meaning.name {
        Some((name, source)) => (Cow::Owned(name.into_owned()), source),
        None => (Cow::Borrowed(metadata.name()), TransactionSource::Component),
    };
    let of_library = library.and_then(|library| library.op);
    let mut known = kind.into_iter().flat_map(Kind::ops).chain(of_library);
    let op = match meaning.op {
        None => Cow::Borrowed(of_library.unwrap_or(OP)),
        // Nothing is copied that is in a table.
        Some(op) => known.find(|known| *known == op).map_or_else(|| op.into_owned().into(), Cow::Borrowed),
    };
    RootName { name: name.into(), op: Some(op), source }
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
struct Meaning<'a> {
    name: Option<(Cow<'a, str>, TransactionSource)>,
    op: Option<Cow<'a, str>>,
}

impl<'a> Meaning<'a> {
    fn of(attributes: &impl Attributes<'a>, kind: Option<&Kind>) -> Self {
        let text = |key| attributes.text(key);
        let by_hand = || Some((text("sentry.name")?, TransactionSource::Custom));
        let better = || kind?.better(attributes);
        let given = || {
            let name = text("otel.name")?;
            if kind.is_some_and(|kind| kind.is_poor(&name, attributes)) {
                return None;
            }
            let route = attributes.has("http.route");
            Some((name, if route { TransactionSource::Route } else { TransactionSource::Custom }))
        };
        let made = || kind?.name(attributes);
        Meaning {
            name: by_hand().or_else(better).or_else(given).or_else(made),
            op: text("sentry.op").or_else(|| kind?.op(attributes)),
        }
    }

    /// Adds what is known of the library where the attributes are silent.
    fn complete(&mut self, library: Option<&Library>, attributes: &impl Attributes<'a>) {
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

fn write_numbers(data: &mut SpanData<'_>) {
    for key in NUMBERS {
        if let Some(FieldValue::Str(text)) = data.get(key)
            && let Ok(number) = text.parse::<u64>()
        {
            data.insert(key, number);
        }
    }
}

/// Where a span was made; a library's event that stands for one was made in the library.
fn site(data: CallsiteData) -> Site {
    match data.downcast_ref::<Metadata<'static>>() {
        Some(metadata) if metadata.is_span() => {
            Site { file: metadata.file(), line: metadata.line(), module: metadata.module_path() }
        }
        _ => Site::default(),
    }
}
