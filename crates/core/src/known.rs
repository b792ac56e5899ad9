//! What is known of a callsite, found out and printed once: of most spans only the ids, the times and a few attributes are their own.

use watchpost_protocol::TransactionSource;
use watchpost_protocol::json::{JsonWriter, Printed};

use crate::fields::FieldValue;
use crate::span_data::SpanData;

/// Whether an attribute of this name may change what a span says.
pub type IsTelling = fn(&str) -> bool;

/// What is known of a callsite.
#[derive(Debug)]
pub(crate) struct Known {
    /// Where it is, as attributes of its spans.
    pub(crate) place: SpanData<'static>,
    printed_place: Printed,
    pub(crate) likeness: Option<Likeness>,
}

impl Known {
    pub(crate) fn new(place: SpanData<'static>, likeness: Option<Likeness>) -> Self {
        let printed_place = Printed::new(|json| place.write_members(json));
        Known { place, printed_place, likeness }
    }

    /// Writes where it is as members of an object that has those of `data` besides.
    pub(crate) fn write_beside(&self, data: &SpanData<'_>, json: &mut JsonWriter<'_>) {
        write_beside(data, (self.place.mask(), self.place.iter()), json, || &self.printed_place);
    }
}

/// Writes attributes as members of an object: those that `data` does not have itself. As a rule that is all of them, and they are printed already.
pub(crate) fn write_beside<'v, 'p>(
    data: &SpanData<'_>,
    (mask, attributes): (u64, impl Iterator<Item = (&'static str, FieldValue<'v>)>),
    json: &mut JsonWriter<'_>,
    printed: impl FnOnce() -> &'p Printed,
) {
    if !data.may_have(mask) {
        return json.members(printed());
    }
    for (key, value) in attributes.filter(|(key, _)| data.get(key).is_none()) {
        value.write_member(key, json);
    }
}

/// What the spans of a callsite say if none of their attributes means anything.
#[derive(Debug)]
pub(crate) struct Likeness {
    pub(crate) op: Option<&'static str>,
    pub(crate) description: Option<&'static str>,
    pub(crate) origin: Option<&'static str>,
    /// What the description is, as the name of a transaction.
    pub(crate) source: Option<TransactionSource>,
    is_telling: IsTelling,
    /// `,"op":"function","description":"load","origin":"auto.function.tracing"`
    pub(crate) printed: Printed,
}

impl Likeness {
    pub(crate) fn new(
        texts: [Option<&'static str>; 3],
        source: Option<TransactionSource>,
        is_telling: IsTelling,
    ) -> Self {
        let [op, description, origin] = texts;
        let printed = Printed::new(|json| write_texts(texts, json));
        Likeness { op, description, origin, source, is_telling, printed }
    }

    /// Whether a span with these attributes is one of them.
    pub(crate) fn is_of(&self, data: &SpanData<'_>) -> bool {
        !data.iter().any(|(key, _)| (self.is_telling)(key))
    }
}

/// Writes what a span says of itself: its operation, its description and its origin, as members of an object that has others already.
pub(crate) fn write_texts([op, description, origin]: [Option<&str>; 3], json: &mut JsonWriter<'_>) {
    for (name, text) in [(r#","op":"#, op), (r#","description":"#, description), (r#","origin":"#, origin)] {
        if let Some(text) = text {
            json.raw(name);
            json.text(text);
        }
    }
}
