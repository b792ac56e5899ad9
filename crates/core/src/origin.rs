//! What made a span, and what it says of it.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use watchpost_protocol::{Map, SpanLink, SpanRecord, TransactionSource, Value};

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

/// What a span starts with that is made by a layer: a pointer to what the layer knows about its place in the program, and how to read
/// it. The caller copies three words; what they mean is asked on the worker.
#[derive(Clone, Copy)]
pub struct Callsite {
    /// What the layer knows.
    pub data: &'static (dyn Any + Send + Sync),
    /// Writes it into a record that has its ids, times and attributes already: the description, the operation, the origin, the place,
    /// and what the attributes mean. What the program set by hand is set afterwards, and stays.
    ///
    /// It says what the description is, as the name of a transaction: of a root it becomes that. `None` leaves the name that the root
    /// started with.
    pub describe: fn(&'static (dyn Any + Send + Sync), &mut SpanRecord) -> Option<TransactionSource>,
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
}

/// Says what a span is: as its maker does, then as the program did. A layer says what the description is, too.
pub(crate) fn describe(
    record: &mut SpanRecord,
    origin: Origin,
    set: Option<Box<Set>>,
) -> Option<TransactionSource> {
    let source = match origin {
        Origin::ByHand(init) => {
            record.description = Some(init.name.into_owned());
            record.op = init.op.map(Cow::into_owned);
            record.origin = Some(init.origin.to_owned());
            init.site.write_to(&mut record.data);
            None
        }
        Origin::Layer(callsite) => (callsite.describe)(callsite.data, record),
    };
    if let Some(set) = set {
        record.description = set.name.map(Cow::into_owned).or(record.description.take());
        record.op = set.op.map(Cow::into_owned).or(record.op.take());
        record.links = set.links;
    }
    source
}

impl Site {
    /// Writes the place into attributes; what is there already stays.
    pub fn write_to(&self, data: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Option<Value>| {
            if let (Some(value), false) = (value, data.contains_key(key)) {
                data.insert(key.to_owned(), value);
            }
        };
        put("code.file.path", self.file.map(Value::from));
        put("code.line.number", self.line.map(Value::from));
        put("code.namespace", self.module.map(Value::from));
    }
}
