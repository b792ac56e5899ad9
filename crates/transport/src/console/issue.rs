//! An event, drawn from its title to what led up to it.

use watchpost_protocol::{Event, Exception, Level};

use super::page::{Line, Page, Style, wrap};
use super::{facts, format, stack, trail};

/// A long message is cut after this many rows.
const MESSAGE_ROWS: usize = 8;

pub(super) fn draw(page: &mut Page, event: &Event) {
    let level = event.level.unwrap_or(Level::Error);
    page.edge(color(level));
    heading(page, event, level);
    causes(page, event);
    page.section();
    stack::draw(page, event);
    page.section();
    about(page, event);
    page.section();
    trail::draw(page, event);
}

fn heading(page: &mut Page, event: &Event, level: Level) {
    let word = level.to_string().to_uppercase();
    let unhandled = is_unhandled(event);
    let mut line = Line::new().put(loud(level), &word).put(Style::Plain, "  ");
    if unhandled {
        line = line.put(Style::RedBold, "unhandled").put(Style::Plain, "  ");
    }
    let time = event.timestamp.map(format::clock).unwrap_or_default();
    let id = event.event_id.to_string();
    let right = Line::new().put(Style::Dim, &time).put(Style::Plain, "  ").put(Style::Dim, short(&id));

    let indent = line.width();
    let columns = page.room().saturating_sub(indent + right.width() + 2);
    let rows = wrap(&title(event), columns.max(20));
    let cut = rows.len() > MESSAGE_ROWS;
    let mut rows = rows.into_iter().take(MESSAGE_ROWS);
    let first = rows.next().unwrap_or_default();
    page.push(line.put(Style::Bold, &first).with_right(right, page.room()));
    for row in rows {
        page.push(Line::new().to(indent).put(Style::Bold, &row));
    }
    if cut {
        page.push(Line::new().to(indent).put(Style::Dim, "…"));
    }
}

/// What the server shows as the issue's title: the error that was captured, which is the last of its chain, else the message.
fn title(event: &Event) -> String {
    match (event.exception.last(), message(event)) {
        (Some(exception), _) => describe(exception),
        (None, Some(message)) => message.to_owned(),
        (None, None) => "(no message)".to_owned(),
    }
}

fn message(event: &Event) -> Option<&str> {
    let entry = event.logentry.as_ref()?;
    entry.formatted.as_deref().or(entry.message.as_deref())
}

fn describe(exception: &Exception) -> String {
    // A made-up type says nothing.
    let synthetic = exception.mechanism.as_ref().is_some_and(|mechanism| mechanism.synthetic == Some(true));
    match (exception.ty.as_deref().filter(|_| !synthetic), exception.value.as_deref()) {
        (Some(ty), Some(value)) if !value.is_empty() => format!("{ty}: {value}"),
        (Some(ty), _) => ty.to_owned(),
        (None, value) => value.or(exception.ty.as_deref()).unwrap_or("(no message)").to_owned(),
    }
}

fn is_unhandled(event: &Event) -> bool {
    event
        .exception
        .iter()
        .filter_map(|exception| exception.mechanism.as_ref())
        .any(|mechanism| mechanism.handled == Some(false))
}

/// The chain behind the title, each error followed by its own cause.
fn causes(page: &mut Page, event: &Event) {
    const LABEL: &str = "  caused by  ";
    for exception in event.exception.iter().rev().skip(1) {
        let rows = wrap(&describe(exception), page.room() - LABEL.len());
        let mut line = Line::new().put(Style::Dim, LABEL);
        for row in rows.into_iter().take(MESSAGE_ROWS) {
            page.push(line.put(Style::Plain, &row));
            line = Line::new().to(LABEL.len());
        }
    }
}

fn about(page: &mut Page, event: &Event) {
    // What was said of an error, if that is something else.
    let title = title(event);
    let said = message(event).and_then(|message| message.trim().lines().next());
    if let Some(said) = said.filter(|said| !title.contains(said)) {
        facts::fact(page, "message", said);
    }
    facts::fields(page, &event.contexts, |key, value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_of_error = event.exception.iter().any(|exception| exception.value.as_ref() == Some(&text));
        is_of_error || title.contains(&format!("{key}={text}")) // an event without a message is called so
    });
    facts::request(page, event.request.as_ref(), &event.contexts);
    if let Some(transaction) = &event.transaction {
        facts::fact(page, "transaction", transaction);
    }
    facts::user(page, event.user.as_ref());
    facts::tags(page, &event.tags);
    facts::flags(page, &event.contexts);
    if let Some(trace) = &event.contexts.trace {
        let (trace, span) = (trace.trace_id.to_string(), trace.span_id.to_string());
        facts::fact(page, "trace", &format!("{}  span {}", short(&trace), short(&span)));
    }
}

/// Enough of an id to find it again.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

pub(super) fn color(level: Level) -> Style {
    match level {
        Level::Fatal | Level::Error => Style::Red,
        Level::Warning => Style::Yellow,
        Level::Info => Style::Blue,
        Level::Debug => Style::Dim,
    }
}

fn loud(level: Level) -> Style {
    match level {
        Level::Fatal | Level::Error => Style::RedBold,
        other => color(other),
    }
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::{EventId, LogEntry};

    use super::super::samples;
    use super::*;

    fn picture(event: &Event, color: bool) -> String {
        let mut page = Page::new(100, color);
        draw(&mut page, event);
        page.finish()
    }

    #[test]
    fn what_was_said_of_an_error_is_drawn_once() {
        let mut event = samples::event();
        let said = |text: &str| Some(LogEntry { formatted: Some(text.to_owned()), ..LogEntry::default() });
        event.logentry = said("could not check out\nat all");
        assert!(picture(&event, false).contains("\n▌   message      could not check out\n"));
        event.logentry = said("the card was declined");
        assert!(!picture(&event, false).contains("message"));
    }

    #[test]
    fn an_issue_is_drawn() {
        assert_eq!(
            picture(&samples::event(), false),
            "\
▌ ERROR  unhandled  CheckoutError: the card was declined                      14:13:20.250  7d7d7d7d
▌   caused by  GatewayError: no answer from the gateway
▌   caused by  io::Error: connection reset by peer
▌
▌   → shop::checkout::charge_card  src/checkout.rs:88
▌       │ gateway.charge(card).await?;
▌     shop::checkout::handler      src/checkout.rs:41
▌     … 23 frames of libraries
▌
▌   request      500 POST https://shop.test/checkout/42?currency=eur → /checkout/{id}
▌   transaction  POST /checkout/{id}
▌   user         id=42  email=ada@shop.test
▌   tags         plan=pro  shard=7
▌   trace        0a0a0a0a  span b7b7b7b7
▌
▌    −1.204 s  info     shop::cart  cart loaded  items=3
▌   −310.5 ms  info     http        status_code=200  url=https://stock.test/7
▌     −900 µs  warning  warehouse   stock is low  sku=\"tea pot\"

"
        );
    }

    #[test]
    fn the_fields_of_an_event_are_drawn_beside_its_error() {
        let mut event = samples::event();
        let fields = serde_json::json!({
            "error": "the card was declined", "order": 42, "note": "by hand\nat night", "card": "card",
            "otel.kind": "server", "sentry.op": "task",
        });
        event.contexts.other.insert("Rust Tracing Fields".into(), fields);
        let record =
            serde_json::json!({ "file": "till.rs", "line": 7, "module_path": "shop", "paid": false });
        event.contexts.other.insert("Rust Log Record".into(), record);
        let shown = picture(&event, false);
        let row = shown.lines().find(|row| row.contains("fields")).unwrap();
        assert_eq!(row, r#"▌   fields       card=card  note="by hand\nat night"  order=42  paid=false"#);

        event.exception.clear();
        let spelled_out = Some("order=42 note=by hand\nat night card=card".to_owned());
        event.logentry = Some(LogEntry { formatted: spelled_out, ..LogEntry::default() });
        let shown = picture(&event, false);
        let row = shown.lines().find(|row| row.contains("fields")).unwrap();
        assert_eq!(row, r#"▌   fields       error="the card was declined"  paid=false"#);
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let colored = picture(&samples::event(), true);
        let mut plain = String::new();
        let mut inside = false;
        for char in colored.chars() {
            match char {
                '\x1b' => inside = true,
                'm' if inside => inside = false,
                _ if inside => {}
                other => plain.push(other),
            }
        }
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&plain), trimmed(&picture(&samples::event(), false)));
        assert!(colored.contains("\x1b[1;31mERROR\x1b[0m"));
    }

    #[test]
    fn nothing_in_an_event_reaches_the_terminal_as_it_is() {
        let wire = serde_json::to_string(&samples::event()).unwrap();
        // Every text that is not known to be an id, a level or a number gets an escape and a line break.
        let nasty = wire.replace("shop", "\\u001b[2Jsh\\nop").replace("card", "\\u009b1Acard");
        let shown = picture(&serde_json::from_str(&nasty).unwrap(), false);
        assert!(shown.contains('␛') && shown.contains('�'), "{shown}");
        assert!(!shown.contains(|char: char| char.is_control() && char != '\n'), "{shown}");
        assert!(shown.lines().all(|line| line.is_empty() || line.starts_with('▌')), "{shown}");
    }

    #[test]
    fn a_message_is_its_own_title_and_may_be_long() {
        let formatted = format!("first line\n{}\n{}", "word ".repeat(30), "x\n".repeat(30));
        let event = Event {
            level: Some(Level::Warning),
            logentry: Some(LogEntry { formatted: Some(formatted), ..LogEntry::default() }),
            ..Event::default()
        };
        let shown = picture(&event, false);
        let rows: Vec<&str> = shown.lines().collect();
        assert!(rows[0].starts_with("▌ WARNING  first line  "), "{shown}");
        assert!(rows[1].starts_with("▌          word word"), "{shown}");
        assert_eq!(rows[MESSAGE_ROWS], "▌          …", "{shown}");
    }

    #[test]
    fn an_empty_event_is_drawn_too() {
        let shown = picture(&Event { event_id: EventId::from_bytes([1; 16]), ..Event::default() }, false);
        assert_eq!(
            shown.lines().next(),
            Some(
                "▌ ERROR  (no message)                                                                       01010101"
            )
        );
    }
}
