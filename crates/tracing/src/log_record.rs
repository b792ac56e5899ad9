//! Records of the `log` crate that `tracing-log` has put into the shape of events: all of a level have one callsite, and say in fields where
//! they really are from.

use tracing_core::Metadata;
use tracing_core::field::Field;

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
