//! A transaction, drawn as its spans over time.

use watchpost_protocol::{SpanStatus, Timestamp, Transaction};

use super::issue::short;
use super::page::{Line, Page, Style};
use super::tree;
use super::{bar, facts, format};

/// Spans that are drawn, the root among them.
const ROWS: usize = 60;
/// A span should have one.
const NO_OP: &str = "(no op)";

pub(super) fn draw(page: &mut Page, transaction: &Transaction) {
    let root = Root::of(transaction);
    page.edge(if is_ok(root.status) { Style::Green } else { Style::Red });
    heading(page, transaction);
    page.section();
    waterfall(page, transaction, &root);
    page.section();
    facts::request(page, transaction.request.as_ref(), &transaction.contexts);
    facts::user(page, transaction.user.as_ref());
    facts::tags(page, &transaction.tags);
}

struct Root<'a> {
    op: &'a str,
    status: Option<SpanStatus>,
    start: i64,
    end: i64,
}

impl<'a> Root<'a> {
    fn of(transaction: &'a Transaction) -> Self {
        let trace = transaction.contexts.trace.as_ref();
        // Both times are required; without them there still are the spans'.
        let first = || transaction.spans.iter().map(|span| span.start_timestamp).min();
        let last = || transaction.spans.iter().map(|span| span.timestamp).max();
        Root {
            op: trace.and_then(|trace| trace.op.as_deref()).unwrap_or(NO_OP),
            status: trace.and_then(|trace| trace.status),
            start: transaction.start_timestamp.or_else(first).map_or(0, Timestamp::as_micros),
            end: transaction.timestamp.or_else(last).map_or(0, Timestamp::as_micros),
        }
    }
}

fn heading(page: &mut Page, transaction: &Transaction) {
    let name = if transaction.transaction.is_empty() { "(no name)" } else { &transaction.transaction };
    let left = Line::new().put(Style::Bold, "TRACE  ").put(Style::Bold, name);
    let trace =
        transaction.contexts.trace.as_ref().map(|trace| trace.trace_id.to_string()).unwrap_or_default();
    let spans = match transaction.spans.len() {
        1 => "1 span  ".to_owned(),
        spans => format!("{} spans  ", format::count(spans as u64)),
    };
    let right = Line::new()
        .put(Style::Dim, &spans)
        .put(Style::Dim, &transaction.start_timestamp.map(format::clock).unwrap_or_default())
        .put(Style::Plain, "  ")
        .put(Style::Dim, short(&trace));
    page.push(left.with_right(right, page.room()));
}

fn waterfall(page: &mut Page, transaction: &Transaction, root: &Root<'_>) {
    let mut bars = vec![Bar::new(label("", root.op, ""), root.start, root.end, root.status)];
    let rows = tree::rows(&transaction.spans);
    for tree::Row { span, branch } in rows.iter().take(ROWS - 1) {
        let description = span.description.as_deref().unwrap_or_default();
        let label = label(branch, span.op.as_deref().unwrap_or(NO_OP), description);
        bars.push(Bar::new(label, span.start_timestamp.as_micros(), span.timestamp.as_micros(), span.status));
    }
    let window = bar::Window { start: root.start, length: root.end.saturating_sub(root.start) };
    let columns = Columns::fitting(page.room(), &bars);
    for bar in bars {
        page.push(columns.row(bar, window));
    }
    let hidden = rows.len().saturating_sub(ROWS - 1);
    if hidden > 0 {
        let spans = if hidden == 1 { "span" } else { "spans" };
        page.push(Line::new().put(Style::Dim, &format!("… {} more {spans}", format::count(hidden as u64))));
    }
}

struct Bar {
    label: Line,
    start: i64,
    end: i64,
    duration: String,
    mark: Option<String>,
}

impl Bar {
    fn new(label: Line, start: i64, end: i64, status: Option<SpanStatus>) -> Self {
        let duration = format::duration(end.saturating_sub(start).max(0));
        let mark = status.filter(|status| !is_ok(Some(*status))).map(|status| format!("✗ {status}"));
        Bar { label, start, end, duration, mark }
    }
}

/// How wide the parts of a row are: label, blank, border, bar, border, duration, mark.
struct Columns {
    label: usize,
    bar: usize,
    duration: usize,
}

impl Columns {
    /// The label and the bar share what the others leave.
    fn fitting(room: usize, bars: &[Bar]) -> Self {
        let width = |text: &str| text.chars().count() + 2;
        let duration = bars.iter().map(|bar| width(&bar.duration)).max().unwrap_or(0);
        let mark = bars.iter().filter_map(|bar| bar.mark.as_deref()).map(width).max().unwrap_or(0);
        let shared = room.saturating_sub(duration + mark + 3);
        let label = shared * 11 / 20;
        Columns { label, bar: shared - label, duration }
    }

    fn row(&self, bar: Bar, window: bar::Window) -> Line {
        let style = if bar.mark.is_none() { Style::Cyan } else { Style::Red };
        let (cells, border) = bar::draw(window, bar.start, bar.end, self.bar);
        let line = bar.label.clipped(self.label).to(self.label + 1);
        let line = line.put(Style::Dim, "▕").put(style, &cells).put(Style::Dim, border);
        let end = line.width() + self.duration;
        let line = line.to(end - bar.duration.chars().count()).put(Style::Plain, &bar.duration);
        match bar.mark {
            Some(mark) => line.put(Style::Plain, "  ").put(Style::Red, &mark),
            None => line,
        }
    }
}

fn label(branch: &str, op: &str, description: &str) -> Line {
    Line::new()
        .put(Style::Dim, branch)
        .put(Style::Blue, op)
        .put(Style::Plain, "  ")
        .put(Style::Plain, description)
}

fn is_ok(status: Option<SpanStatus>) -> bool {
    matches!(status, None | Some(SpanStatus::Ok))
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::{SpanId, SpanRecord};

    use super::super::samples;
    use super::*;

    fn picture(transaction: &Transaction, color: bool) -> String {
        let mut page = Page::new(100, color);
        draw(&mut page, transaction);
        page.finish()
    }

    #[test]
    fn a_trace_is_drawn() {
        assert_eq!(
            picture(&samples::transaction(), false),
            "\
▌ TRACE  POST /checkout/{id}                                         6 spans  14:13:20.250  0a0a0a0a
▌
▌ http.server                          ▕███████████████████████████████▏  380.0 ms  ✗ internal_error
▌ ├ auth  session of the user          ▕▐▌                             ▏   14.5 ms
▌ ├ shop::cart  load                   ▕ ▐██████████▎                  ▏  130.0 ms
▌ │ ├ db.query  SELECT * FROM carts W… ▕  █████▉                       ▏   72.0 ms
▌ │ └ cache.get  prices                ▕       ▕                       ▏     85 µs
▌ ├ http.client  POST https://gateway… ▕            ▐█████████████████▍▏  217.0 ms  ✗ unavailable
▌ └ task  an orphan that outlives the… ▕                             ▐█▸  550.0 ms
▌
▌   user         id=42
▌   tags         plan=pro

"
        );
    }

    #[test]
    fn of_many_spans_the_first_are_drawn_and_the_rest_counted() {
        let mut transaction = samples::transaction();
        let numbered = (0..1000u64).map(|number| SpanRecord {
            span_id: SpanId::from_bytes((number + 1).to_be_bytes()),
            start_timestamp: samples::at(number as i64),
            timestamp: samples::at(number as i64),
            op: Some(format!("op.{number}")),
            ..SpanRecord::default()
        });
        transaction.spans = numbered.collect();
        let shown = picture(&transaction, false);
        assert!(shown.contains("1,000 spans") && shown.contains("▌ … 941 more spans"), "{shown}");
        assert!(shown.contains("op.58 ") && !shown.contains("op.59 "), "{shown}");
    }

    #[test]
    fn a_trace_without_anything_is_drawn_too() {
        assert_eq!(
            picture(&Transaction::default(), false),
            "\
▌ TRACE  (no name)                                                                       0 spans
▌
▌ (no op)                                          ▕▏                                        ▏  0 µs

"
        );
    }

    #[test]
    fn long_durations_move_the_others_aside() {
        let mut transaction = samples::transaction();
        transaction.timestamp = Some(samples::at(90_000_000 * 60));
        let shown = picture(&transaction, false);
        let ends = |unit: &str| {
            shown.lines().find_map(|line| line.split_once(unit)).map(|(left, _)| left.chars().count())
        };
        assert_eq!(
            ends("90 min 00 s").map(|column| column + 11),
            ends("14.5 ms").map(|column| column + 7),
            "{shown}"
        );
    }

    #[test]
    fn rows_fit_any_width() {
        for columns in [0, 40, 61, 200] {
            let mut page = Page::new(columns, false);
            draw(&mut page, &samples::transaction());
            let shown = page.finish();
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(columns.max(40)), "{shown}");
        }
    }
}
