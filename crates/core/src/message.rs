//! Messages: an event without an error (`protocol.md` §5.9).

use watchpost_protocol::{Event, LogEntry, Value};

/// The event of a plain message.
pub(crate) fn event(message: &str) -> Event {
    with_template(message.to_owned(), None, Vec::new())
}

/// The event of a message made from a template: the template groups, the parameters tell the cases apart (features E07).
pub(crate) fn with_template(formatted: String, template: Option<&str>, params: Vec<Value>) -> Event {
    let entry = LogEntry {
        formatted: Some(formatted),
        message: template.map(str::to_owned),
        params,
        ..LogEntry::default()
    };
    Event { logentry: Some(entry), ..Event::default() }
}
