//! The console: issues, traces, logs, metrics and check-ins drawn for a person in a terminal.

mod bar;
mod facts;
mod format;
mod issue;
mod page;
mod profile;
mod records;
#[cfg(test)]
mod samples;
mod stack;
mod trail;
mod tree;
mod waterfall;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use watchpost_core::{Delivery, Transport};
use watchpost_protocol::{
    CheckIn, ClientReport, Envelope, Event, Item, ItemType, Log, Metric, Profile, ProfileChunk,
    SessionAggregate, SessionAggregates, SessionUpdate, Transaction,
};

use self::page::{Line, Page, Style};

/// The width where the terminal does not say.
const COLUMNS: usize = 100;

/// Draws envelopes instead of sending them: an issue with its causes, its stack and what led up to it; a transaction as a
/// waterfall; a profile as its hottest functions; logs, metrics and check-ins as lines; what was lost. It needs no account and no network.
///
/// Text that a program reports is neutralised: no message can move the cursor. A stream that cannot be written to is left
/// alone, and every envelope counts as delivered. Not done: the width of wide characters, and kinds of items other
/// than these, which get one line each.
///
/// ```
/// # mod watchpost { pub use watchpost_core::*; pub use watchpost_protocol::{self as protocol, *}; pub use watchpost_transport as transport; }
/// use watchpost::{Envelope, Event, Transport};
/// use watchpost::protocol::{Item, LogEntry};
/// use watchpost::transport::ConsoleTransport;
///
/// let mut event = Event::default();
/// event.logentry = Some(LogEntry { formatted: Some("the cart is empty".into()), ..LogEntry::default() });
/// let mut envelope = Envelope::default();
/// envelope.items.push(Item::event(&event)?);
/// ConsoleTransport::stderr().deliver(&envelope);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ConsoleTransport {
    writer: Mutex<Box<dyn Write + Send>>,
    color: bool,
    columns: usize,
}

impl ConsoleTransport {
    /// Draws into any writer: without colour, 100 columns wide.
    #[must_use]
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        ConsoleTransport { writer: Mutex::new(writer), color: false, columns: COLUMNS }
    }

    /// Draws on the standard output; see [`stderr`](Self::stderr) for colour and width.
    #[must_use]
    pub fn stdout() -> Self {
        ConsoleTransport::on(io::stdout())
    }

    /// Draws on the standard error: in colour if that is a terminal and `NO_COLOR` is not set, as wide as `COLUMNS` says (else 100).
    #[must_use]
    pub fn stderr() -> Self {
        ConsoleTransport::on(io::stderr())
    }

    fn on(stream: impl Write + IsTerminal + Send + 'static) -> Self {
        // An empty `NO_COLOR` is as good as none (no-color.org).
        let may_color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let color = may_color && stream.is_terminal();
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        ConsoleTransport::new(Box::new(stream)).color(color).columns(columns.unwrap_or(COLUMNS))
    }

    /// Sets whether to draw in colour.
    #[must_use]
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }

    /// Sets how wide to draw, in columns; 40 at least.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    fn picture(&self, envelope: &Envelope) -> String {
        envelope.items.iter().map(|item| self.draw(item)).collect()
    }

    fn draw(&self, item: &Item) -> String {
        let mut page = Page::new(self.columns, self.color);
        let drawn = match &item.header.ty {
            ItemType::Event => item.decode::<Event>().map(|event| issue::draw(&mut page, &event)),
            ItemType::Feedback => item.decode::<Event>().map(|event| records::feedback(&mut page, &event)),
            ItemType::Transaction => {
                item.decode::<Transaction>().map(|transaction| waterfall::draw(&mut page, &transaction))
            }
            ItemType::ClientReport => {
                item.decode::<ClientReport>().map(|report| quiet(&mut page, &lost(&report)))
            }
            ItemType::Log => item.decode_entries().map(|logs: Vec<Log>| records::logs(&mut page, &logs)),
            ItemType::TraceMetric => {
                item.decode_entries().map(|metrics: Vec<Metric>| records::metrics(&mut page, &metrics))
            }
            ItemType::CheckIn => {
                item.decode::<CheckIn>().map(|check_in| records::check_in(&mut page, &check_in))
            }
            ItemType::ProfileChunk => {
                item.decode::<ProfileChunk>().map(|chunk| profile::chunk(&mut page, &chunk))
            }
            ItemType::Profile => {
                item.decode::<Profile>().map(|profile| profile::of_transaction(&mut page, &profile))
            }
            ItemType::Sessions => {
                item.decode::<SessionAggregates>().map(|sessions| quiet(&mut page, &counted(&sessions)))
            }
            ItemType::Session => {
                item.decode::<SessionUpdate>().map(|session| quiet(&mut page, &ended(&session)))
            }
            _ => {
                quiet(&mut page, &named(item));
                Ok(())
            }
        };
        if let Err(error) = drawn {
            quiet(&mut page, &format!("{}, unreadable: {error}", named(item)));
        }
        page.finish()
    }
}

fn quiet(page: &mut Page, text: &str) {
    page.push(Line::new().put(Style::Dim, text));
}

fn counted(sessions: &SessionAggregates) -> String {
    let sum = |count: fn(&SessionAggregate) -> u64| sessions.aggregates.iter().map(count).sum::<u64>();
    let ends = [
        (sum(|minute| minute.exited), "exited"),
        (sum(|minute| minute.errored), "errored"),
        (sum(|minute| minute.abnormal), "abnormal"),
        (sum(|minute| minute.unhandled), "unhandled"),
        (sum(|minute| minute.crashed), "crashed"),
    ];
    let ends = ends.into_iter().filter(|(count, _)| *count > 0);
    let ends = ends.map(|(count, end)| format!("{} {end}", format::count(count)));
    format!("sessions: {}", ends.collect::<Vec<_>>().join(", "))
}

fn ended(session: &SessionUpdate) -> String {
    format!("session: {}, errors: {}", session.status, format::count(session.errors))
}

fn lost(report: &ClientReport) -> String {
    let one = |lost: &watchpost_protocol::DiscardedEvent| {
        format!("{} {} ({})", format::count(lost.quantity), lost.category, lost.reason)
    };
    format!("lost: {}", report.discarded_events.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn named(item: &Item) -> String {
    let mut name = item.header.ty.to_string();
    if let Some(file) = &item.header.filename {
        name = format!("{name} {file}");
    }
    if let Some(count) = item.header.item_count {
        name = format!("{name}: {} items", format::count(count));
    }
    format!("{name}, {} bytes", format::count(item.payload.len() as u64))
}

impl Transport for ConsoleTransport {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        let picture = self.picture(envelope);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe is the reader's affair; the program goes on.
        let _ = writer.write_all(picture.as_bytes()).and_then(|()| writer.flush());
        Delivery::Accepted { limits: Vec::new() }
    }
}

impl fmt::Debug for ConsoleTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleTransport")
            .field("color", &self.color)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use watchpost_protocol::{Category, DiscardReason, DiscardedEvent, ItemHeader};

    use super::*;

    struct Pipe(mpsc::Sender<u8>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let sent = bytes.iter().try_for_each(|byte| self.0.send(*byte));
            sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn drawn(items: Vec<Item>) -> String {
        let (sender, received) = mpsc::channel();
        let transport = ConsoleTransport::new(Box::new(Pipe(sender)));
        transport.deliver(&Envelope { items, ..Envelope::default() });
        drop(transport);
        String::from_utf8(received.into_iter().collect()).unwrap()
    }

    #[test]
    fn a_report_of_losses_and_other_items_take_one_line_each() {
        let lost = |reason, category, quantity| DiscardedEvent { reason, category, quantity };
        let report = ClientReport {
            timestamp: Some(samples::at(0)),
            discarded_events: vec![
                lost(DiscardReason::BeforeSend, Category::Error, 3),
                lost(DiscardReason::QueueOverflow, Category::Span, 1200),
            ],
        };
        let odd = Item {
            payload: b"odd".to_vec(),
            header: ItemHeader::new(ItemType::Unknown("od\x1bd".to_owned())),
        };
        let broken = Item { payload: b"{".to_vec(), header: ItemHeader::new(ItemType::Event) };
        let attachment = Item::attachment("tail.log", None, vec![0; 2048]);
        let minute = SessionAggregate { exited: 1_000, unhandled: 2, ..SessionAggregate::default() };
        let sessions = SessionAggregates { aggregates: vec![minute.clone(), minute], ..Default::default() };
        let sessions = Item::sessions(&sessions).unwrap();
        let session = Item::session(&SessionUpdate { errors: 1, ..SessionUpdate::default() }).unwrap();
        let report = Item::client_report(&report).unwrap();
        let shown = drawn(vec![report, odd, attachment, broken, sessions, session]);
        let rows: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(rows[0], "▌ lost: 3 error (before_send), 1,200 span (queue_overflow)");
        assert_eq!(rows[1], "▌ od␛d, 3 bytes");
        assert_eq!(rows[2], "▌ attachment tail.log, 2,048 bytes");
        assert!(rows[3].starts_with("▌ event, 1 bytes, unreadable: EOF"), "{shown}");
        assert_eq!(rows[4], "▌ sessions: 2,000 exited, 4 unhandled");
        assert_eq!(rows[5], "▌ session: ok, errors: 1");
    }

    #[test]
    fn a_user_s_words_are_drawn_with_what_is_known_of_them() {
        let mut event = Event::default();
        let feedback =
            serde_json::json!({ "message": "The button\ndoes nothing", "name": "Sam", "source": "cli" });
        event.contexts.other.insert("feedback".into(), feedback);
        let shown = drawn(vec![Item::feedback(&event).unwrap()]);
        let rows: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(rows, ["▌ feedback  The button", "▌           does nothing", "▌           name=Sam"]);
    }

    #[test]
    fn flags_stand_beside_the_tags_of_an_issue() {
        let mut event = samples::event();
        let flags =
            serde_json::json!({ "values": [{ "flag": "new-cart", "result": true }, { "flag": "odd" }] });
        event.contexts.other.insert("flags".into(), flags);
        let shown = drawn(vec![Item::event(&event).unwrap()]);
        let row = shown.lines().find(|line| line.contains("flags")).unwrap();
        assert_eq!(row, "▌   flags        new-cart=true");
    }

    #[test]
    fn an_issue_and_its_trace_are_drawn_from_the_wire() {
        let items = vec![
            Item::event(&samples::event()).unwrap(),
            Item::transaction(&samples::transaction()).unwrap(),
        ];
        let shown = drawn(items);
        assert!(
            shown.contains("CheckoutError: the card was declined") && shown.contains("▌ TRACE"),
            "{shown}"
        );
    }

    #[test]
    fn a_closed_pipe_harms_nobody() {
        let (sender, received) = mpsc::channel();
        drop(received);
        let transport = Arc::new(ConsoleTransport::new(Box::new(Pipe(sender))));
        let envelope =
            Envelope { items: vec![Item::event(&samples::event()).unwrap()], ..Envelope::default() };
        assert_eq!(transport.deliver(&envelope), Delivery::Accepted { limits: vec![] });
    }
}
