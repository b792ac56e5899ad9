//! From a record to an event or a breadcrumb.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use log::kv::{Key, Value as KvValue, VisitSource};
use log::{Metadata, Record};
use watchpost_core::layer::{Draft, Said, named_error};
use watchpost_core::{FieldValue, Fields, Site};
use watchpost_protocol::{Event, Level, LogEntry, LogLevel, Map, Value};

/// The level that a log level has in the protocol.
pub(crate) fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug | log::Level::Trace => Level::Debug,
    }
}

/// As [`level`], for a log.
pub(crate) fn log_level(level: log::Level) -> LogLevel {
    match level {
        log::Level::Error => LogLevel::Error,
        log::Level::Warn => LogLevel::Warn,
        log::Level::Info => LogLevel::Info,
        log::Level::Debug => LogLevel::Debug,
        log::Level::Trace => LogLevel::Trace,
    }
}

/// Records of `tracing`'s own: span life cycles, which are no messages of the program.
pub(crate) fn is_from_tracing(metadata: &Metadata<'_>) -> bool {
    matches!(metadata.target(), "tracing::span" | "tracing::span::active")
}

/// No two lines of the program have one number.
pub(crate) fn line_of(record: &Record<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (record.target(), record.file(), record.line()).hash(&mut hasher);
    hasher.finish()
}

/// The event of a record. One that names an error, as `err:% = error`, is about that.
pub(crate) fn event(record: &Record<'_>) -> Draft {
    let mut event = Event {
        level: Some(level(record.level())),
        logger: Some(record.target().to_owned()),
        logentry: Some(LogEntry {
            formatted: Some(record.args().to_string()),
            message: record.args().as_str().map(str::to_owned),
            ..LogEntry::default()
        }),
        ..Event::default()
    };
    let (mut place, mut values) = (Map::new(), Fields::new());
    key_values(record, &mut values);
    let error = named_error(&values);
    values.write_to(&mut place);
    if let Some(file) = record.file() {
        place.insert("file".into(), file.into());
    }
    if let Some(line) = record.line() {
        place.insert("line".into(), line.into());
    }
    if let Some(module) = record.module_path() {
        place.insert("module_path".into(), module.into());
    }
    if !place.is_empty() {
        event.contexts.other.insert("Rust Log Record".into(), Value::Object(place));
    }
    match error {
        Some(error) => Draft::of_text(event, error),
        None => event.into(),
    }
}

/// Where a record was said.
pub(crate) fn said(record: &Record<'_>) -> Said {
    let site = Site { file: record.file_static(), line: record.line(), module: record.module_path_static() };
    Said { logger: category(record), site }
}

/// Its target, which as a rule is the module that it stands in.
fn category(record: &Record<'_>) -> Cow<'static, str> {
    match record.module_path_static() {
        Some(module) if module == record.target() => Cow::Borrowed(module),
        _ => Cow::Owned(record.target().to_owned()),
    }
}

/// Prints the message and the key-values of a record.
pub(crate) fn collect(record: &Record<'_>, fields: &mut Fields) {
    fields.push_debug("message", record.args());
    key_values(record, fields);
}

/// Collects the key-values of a record, with their types.
fn key_values(record: &Record<'_>, fields: &mut Fields) {
    struct Collect<'a>(&'a mut Fields);
    impl<'kvs> VisitSource<'kvs> for Collect<'_> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: KvValue<'kvs>) -> Result<(), log::kv::Error> {
            let number = value.to_bool().map(FieldValue::from);
            let number = number.or_else(|| value.to_i64().map(FieldValue::from));
            let number = number.or_else(|| value.to_u64().map(FieldValue::from));
            match number.or_else(|| value.to_f64().map(FieldValue::from)) {
                Some(number) => self.0.push_owned_key(key.as_str(), number),
                None => self.0.push_owned_key(key.as_str(), value.to_string().as_str().into()),
            }
            Ok(())
        }
    }
    // The visitor never fails, and a source that does has given what it had.
    let _ = record.key_values().visit(&mut Collect(fields));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_target_its_message_and_the_types_of_its_values() {
        let pairs =
            [("items", KvValue::from(3)), ("plan", KvValue::from("pro")), ("paid", KvValue::from(true))];
        let record = |target| {
            let mut builder = Record::builder();
            builder.target(target).module_path_static(Some("shop::cart")).key_values(&pairs);
            builder.args(format_args!("cart loaded")).build()
        };
        let mut fields = Fields::new();
        collect(&record("shop::cart"), &mut fields);
        let mut map = Map::new();
        fields.write_to(&mut map);
        let expected = serde_json::json!({"message": "cart loaded", "items": 3, "plan": "pro", "paid": true});
        assert_eq!(Value::Object(map), expected);
        assert!(matches!(category(&record("shop::cart")), Cow::Borrowed("shop::cart")));
        assert_eq!(category(&record("payments")), "payments");
    }
}
