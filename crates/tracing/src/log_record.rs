//! Records of the `log` crate that `tracing-log` has put into the shape of events: all of a level have one callsite, and say in fields where
//! they really are from.

use std::fmt::Debug;

use tracing_core::field::{Field, FieldSet, Visit};
use tracing_core::metadata::Kind;
use tracing_core::{Event, Metadata};

/// What `tracing-log` says of each.
const FIELDS: &[&str] = &["message", "log.target", "log.module_path", "log.file", "log.line"];

/// Where a record was said.
#[derive(Debug, Default)]
pub(crate) struct LogRecord {
    pub(crate) target: Option<String>,
    pub(crate) module: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

impl LogRecord {
    /// Whether events of this callsite are such records.
    pub(crate) fn is_one(metadata: &Metadata<'_>) -> bool {
        metadata.target() == "log" && metadata.fields().field("log.target").is_some()
    }

    /// What a record says of where it is from.
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let mut record = LogRecord::default();
        event.record(&mut Places(&mut record));
        record
    }

    /// As if the callsite were where the record is from; `callsite` is that of all of its level.
    pub(crate) fn metadata<'a>(&'a self, callsite: &'a Metadata<'static>) -> Metadata<'a> {
        Metadata::new(
            callsite.name(),
            self.target.as_deref().unwrap_or(callsite.target()),
            *callsite.level(),
            self.file.as_deref(),
            self.line,
            self.module.as_deref(),
            FieldSet::new(FIELDS, callsite.callsite()),
            Kind::EVENT,
        )
    }

    /// Takes a field that says where the record is from; false for any other.
    pub(crate) fn take_text(&mut self, field: &Field, value: &str) -> bool {
        let place = match field.name() {
            "log.target" => &mut self.target,
            "log.module_path" => &mut self.module,
            "log.file" => &mut self.file,
            _ => return false,
        };
        *place = Some(value.to_owned());
        true
    }

    /// As [`take_text`](Self::take_text), for the line.
    pub(crate) fn take_number(&mut self, field: &Field, value: u64) -> bool {
        let is_line = field.name() == "log.line";
        if is_line {
            self.line = u32::try_from(value).ok();
        }
        is_line
    }
}

/// Looks at nothing but where a record is from.
struct Places<'a>(&'a mut LogRecord);

impl Visit for Places<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.take_text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.take_number(field, value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
