//! From a record to an event or a breadcrumb.

use log::Record;
use log::kv::{Key, Value as KvValue, VisitSource};
use watchpost_protocol::{Breadcrumb, Event, Level, LogEntry, Map, Value};

/// The level that a log level has in the protocol.
pub(crate) fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug | log::Level::Trace => Level::Debug,
    }
}

/// Records of `tracing`'s own: span life cycles, which are no messages of the program.
pub(crate) fn is_from_tracing(record: &Record<'_>) -> bool {
    matches!(record.target(), "tracing::span" | "tracing::span::active")
}

pub(crate) fn event(record: &Record<'_>) -> Event {
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
    let mut place = key_values(record);
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
    event
}

pub(crate) fn breadcrumb(record: &Record<'_>) -> Breadcrumb {
    Breadcrumb {
        level: level(record.level()),
        category: Some(record.target().to_owned().into()),
        message: Some(record.args().to_string()),
        data: key_values(record),
        ..Breadcrumb::default()
    }
}

/// The key-values of a record, with their types.
fn key_values(record: &Record<'_>) -> Map<String, Value> {
    struct Collect(Map<String, Value>);
    impl<'kvs> VisitSource<'kvs> for Collect {
        fn visit_pair(&mut self, key: Key<'kvs>, value: KvValue<'kvs>) -> Result<(), log::kv::Error> {
            let value = value
                .to_bool()
                .map(Value::from)
                .or_else(|| value.to_i64().map(Value::from))
                .or_else(|| value.to_u64().map(Value::from))
                .or_else(|| value.to_f64().filter(|number| number.is_finite()).map(Value::from))
                .unwrap_or_else(|| value.to_string().into());
            self.0.insert(key.to_string(), value);
            Ok(())
        }
    }
    let mut collect = Collect(Map::new());
    // The visitor never fails, and a source that does has given what it had.
    let _ = record.key_values().visit(&mut collect);
    collect.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_target_its_message_and_the_types_of_its_values() {
        let pairs =
            [("items", KvValue::from(3)), ("plan", KvValue::from("pro")), ("paid", KvValue::from(true))];
        let crumb = breadcrumb(
            &Record::builder()
                .level(log::Level::Warn)
                .target("shop::cart")
                .args(format_args!("cart loaded"))
                .key_values(&pairs.as_slice())
                .build(),
        );
        assert_eq!(crumb.category.as_deref(), Some("shop::cart"));
        assert_eq!((crumb.level, crumb.message.as_deref()), (Level::Warning, Some("cart loaded")));
        assert_eq!(Value::Object(crumb.data), serde_json::json!({"items": 3, "plan": "pro", "paid": true}));
    }
}
