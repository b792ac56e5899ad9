//! Reading the fields of a callsite, with their types, into buffers that are used again.

use std::error::Error;
use std::fmt;

use tracing_core::Metadata;
use tracing_core::field::{Field, Visit};
use watchpost_core::Fields;
use watchpost_core::layer::{ErrorRecord, View};
use watchpost_protocol::Mechanism;

use crate::log_record::LogRecord;

/// Collects every field as it is.
pub(crate) struct SpanVisitor<'a>(pub(crate) &'a mut Fields);

/// Collects the fields of an event, the message among them; of an issue, its error apart.
pub(crate) struct EventVisitor<'a> {
    pub(crate) fields: &'a mut Fields,
    /// What was read of a `&dyn Error` field, only if the event will be an issue.
    pub(crate) error: Option<ErrorRecord>,
    pub(crate) mechanism: Option<Mechanism>,
    /// Where the event really was said, if it is a record of the `log` crate in the shape of an event.
    pub(crate) log: Option<LogRecord>,
}

impl<'a> EventVisitor<'a> {
    pub(crate) fn new(
        metadata: &'static Metadata<'static>,
        fields: &'a mut Fields,
        mechanism: Option<Mechanism>,
    ) -> Self {
        let log = LogRecord::is_one(metadata).then(LogRecord::default);
        EventVisitor { fields, error: None, mechanism, log }
    }
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
        if self.log.as_mut().is_some_and(|log| log.take_number(field, value)) {
            return;
        }
        SpanVisitor(self.fields).record_u64(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        SpanVisitor(self.fields).record_f64(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        SpanVisitor(self.fields).record_bool(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.log.as_mut().is_some_and(|log| log.take_text(field, value)) {
            return;
        }
        SpanVisitor(self.fields).record_str(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        match self.mechanism.take() {
            Some(mechanism) => self.error = Some(ErrorRecord::of(&View::erased(value), mechanism)),
            None => SpanVisitor(self.fields).record_error(field, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        SpanVisitor(self.fields).record_debug(field, value);
    }
}
