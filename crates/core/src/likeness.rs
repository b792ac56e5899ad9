//! What all spans of a callsite say alike, described and printed once: of most spans only the ids, the times and a few attributes are their
//! own.

use watchpost_protocol::TransactionSource;
use watchpost_protocol::json::Printed;

use crate::span_data::SpanData;

/// What the spans of a callsite have in common if none of their attributes means anything.
#[derive(Debug)]
pub(crate) struct Likeness {
    pub(crate) op: Option<&'static str>,
    pub(crate) description: Option<&'static str>,
    pub(crate) origin: Option<&'static str>,
    /// What the description is, as the name of a transaction.
    pub(crate) source: Option<TransactionSource>,
    /// The attributes that each of them has: where it was made, as a rule.
    pub(crate) data: SpanData<'static>,
    /// Whether an attribute of this name may make a span say something else.
    is_telling: fn(&str) -> bool,
    /// `,"op":"function","description":"load","origin":"auto.function.tracing","data":{"code.line.number":7`
    pub(crate) printed: Printed,
}

impl Likeness {
    pub(crate) fn new(
        texts: [Option<&'static str>; 3],
        source: Option<TransactionSource>,
        data: SpanData<'static>,
        is_telling: fn(&str) -> bool,
    ) -> Self {
        let [op, description, origin] = texts;
        let printed = Printed::new(|json| {
            let names = [r#","op":"#, r#","description":"#, r#","origin":"#];
            for (name, text) in names.into_iter().zip(texts) {
                if let Some(text) = text {
                    json.raw(name);
                    json.text(text);
                }
            }
            json.raw(r#","data":{"#);
            data.write_members(json);
        });
        Likeness { op, description, origin, source, data, is_telling, printed }
    }

    /// Whether a span with these attributes is one of them.
    pub(crate) fn is_of(&self, data: &SpanData<'_>) -> bool {
        !data.may_share(&self.data) && !data.iter().any(|(key, _)| (self.is_telling)(key))
    }
}
