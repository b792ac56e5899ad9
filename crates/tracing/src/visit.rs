//! Reading the fields of a callsite, with their types, into buffers that are used again.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing_core::field::{Field, Visit};
use watchpost_core::layer::exceptions;
use watchpost_core::{Fields, mute};
use watchpost_protocol::{Exception, Mechanism};

thread_local! {
    static SCRATCH: RefCell<Fields> = const { RefCell::new(Fields::new()) };
}

/// Lends the thread's buffer to `work`. A value of the program that makes spans or events while it is printed makes none of ours: it might
/// print itself in them, for ever.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut Fields) -> T) -> T {
    let _muted = mute::enter();
    let mut fields =
        SCRATCH.try_with(|scratch| scratch.try_borrow_mut().map(|mut it| std::mem::take(&mut *it)));
    let mut own = Fields::new();
    let buffer = match &mut fields {
        Ok(Ok(lent)) => lent,
        _ => &mut own,
    };
    buffer.clear();
    let result = work(buffer);
    if let Ok(Ok(lent)) = fields {
        let _ = SCRATCH.try_with(|scratch| scratch.try_borrow_mut().map(|mut it| *it = lent));
    }
    result
}

/// Collects every field as it is.
pub(crate) struct SpanVisitor<'a>(pub(crate) &'a mut Fields);

/// Collects the fields of an event: its message and its error apart from the rest.
pub(crate) struct EventVisitor<'a> {
    pub(crate) fields: &'a mut Fields,
    pub(crate) message: Option<String>,
    /// The exception chain of a `&dyn Error` field, made only if the event will be an issue.
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) mechanism: Option<Mechanism>,
}

macro_rules! record {
    ($($name:ident: $type:ty),+ $(,)?) => {
        $(fn $name(&mut self, field: &Field, value: $type) {
            self.0.push(field.name(), value.into());
        })+
    };
}

impl Visit for SpanVisitor<'_> {
    record!(record_i64: i64, record_u64: u64, record_f64: f64, record_bool: bool, record_str: &str);

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.push_debug(field.name(), &value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.push_debug(field.name(), &value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.push_debug(field.name(), &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_debug(field.name(), value);
    }
}

impl Visit for EventVisitor<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        SpanVisitor(self.fields).record_i64(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        SpanVisitor(self.fields).record_u64(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        SpanVisitor(self.fields).record_f64(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        SpanVisitor(self.fields).record_bool(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = Some(value.to_owned());
        } else {
            SpanVisitor(self.fields).record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        match self.mechanism.take() {
            Some(mechanism) => self.exceptions = exceptions(value, mechanism),
            None => SpanVisitor(self.fields).record_error(field, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // A value that panics when printed harms nobody: the message ends where it did.
            let mut message = String::new();
            let _ = catch_unwind(AssertUnwindSafe(|| write!(message, "{value:?}")));
            self.message = Some(message);
        } else {
            SpanVisitor(self.fields).record_debug(field, value);
        }
    }
}
