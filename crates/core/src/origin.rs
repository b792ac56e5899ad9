//! What made a span, and what it says of it.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use watchpost_protocol::{SpanLink, Timestamp, TransactionSource};

use crate::finished::FinishedSpan;
use crate::known::IsTelling;
use crate::span_data::SpanData;

/// Where a span was made in the program, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Site {
    /// The source file.
    pub file: Option<&'static str>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The module path.
    pub module: Option<&'static str>,
}

/// What a span starts with that is made by hand.
#[derive(Debug, Clone)]
pub(crate) struct SpanInit {
    /// Its name; the description of a child, the name of a transaction.
    pub name: Cow<'static, str>,
    /// Its operation, as `db`.
    pub op: Option<Cow<'static, str>>,
    /// What made it, as `auto.http.axum`; `manual` by default.
    pub origin: &'static str,
    /// Where it was made.
    pub site: Site,
}

/// What a layer knows of a place in the program.
pub type CallsiteData = &'static (dyn Any + Send + Sync);

/// What a span starts with that is made by a layer: a pointer to what the layer knows about its place in the program, and how to read
/// it. The caller copies three words; what they mean is asked on the worker.
#[derive(Clone, Copy)]
pub struct Callsite {
    /// What the layer knows.
    pub data: CallsiteData,
    /// How to read it.
    pub reader: &'static Reader,
}

/// How a layer reads its callsites, on the worker. They are told apart by where their data stands: what a callsite always says is asked once.
#[derive(Debug)]
pub struct Reader {
    /// Where a callsite is.
    pub site: fn(CallsiteData) -> Site,
    /// Writes it into a span that has its ids, times and attributes already: the description, the operation, the origin,
    /// and what the attributes mean. What the program set by hand is set afterwards, and stays.
    ///
    /// It says what the description is, as the name of a transaction: of a root it becomes that. `None` leaves the name that the root
    /// started with.
    pub describe: fn(CallsiteData, &mut FinishedSpan<'_>) -> Option<TransactionSource>,
    /// Which attributes, by their names, may change what `describe` says: the spans of a callsite that have none of them are described once for
    /// all, so `describe` has to say the same of the same data and the same such attributes. `None`: any may.
    pub telling: fn(CallsiteData) -> Option<IsTelling>,
}

impl fmt::Debug for Callsite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callsite").finish_non_exhaustive()
    }
}

/// What made a span.
#[derive(Debug)]
pub(crate) enum Origin {
    ByHand(Box<SpanInit>),
    Layer(Callsite),
}

/// What the program set by hand.
#[derive(Debug, Default)]
pub(crate) struct Set {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) op: Option<Cow<'static, str>>,
    pub(crate) links: Vec<SpanLink>,
    /// When it began and ended, if not when it was started and finished.
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
}

/// Says what a span is: as its maker does, then as the program did. A layer says what the description is, too.
pub(crate) fn describe<'a>(
    span: &mut FinishedSpan<'a>,
    origin: &'a Origin,
    set: Option<&'a Set>,
) -> Option<TransactionSource> {
    let source = match origin {
        Origin::ByHand(init) => {
            span.description = Some(Cow::Borrowed(&init.name));
            span.op = init.op.as_deref().map(Cow::Borrowed);
            span.origin = Some(init.origin);
            init.site.write_to(&mut span.data);
            None
        }
        Origin::Layer(callsite) => (callsite.reader.describe)(callsite.data, span),
    };
    if let Some(set) = set {
        span.description = set.name.as_deref().map(Cow::Borrowed).or(span.description.take());
        span.op = set.op.as_deref().map(Cow::Borrowed).or(span.op.take());
        span.links.clone_from(&set.links);
    }
    source
}

impl Site {
    /// Writes the place into attributes; what is there already stays.
    pub fn write_to(&self, data: &mut SpanData<'_>) {
        if let Some(file) = self.file {
            data.insert_new("code.file.path", file);
        }
        if let Some(line) = self.line {
            data.insert_new("code.line.number", line);
        }
        if let Some(module) = self.module {
            data.insert_new("code.namespace", module);
        }
    }
}
