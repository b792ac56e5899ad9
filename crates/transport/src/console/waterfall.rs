//! A transaction, drawn as its spans over time.

use watchpost_protocol::{SpanStatus, Timestamp, Transaction};

use super::issue::short;
use super::page::{Line, Page, Style};
use super::tree;
use super::{bar, facts, format};

/// Spans that are drawn, the root among them.
const ROWS: usize = 60;
/// What a duration takes, `999 min 59 s` at most.
const DURATION_COLUMNS: usize = 10;

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
            op: trace.and_then(|trace| trace.op.as_deref()).unwrap_or("default"),
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
    let right = Line::new()
        .put(Style::Dim, &transaction.start_timestamp.map(format::clock).unwrap_or_default())
        .put(Style::Plain, "  ")
        .put(Style::Dim, short(&trace));
    page.push(left.with_right(right, page.room()));
}

fn waterfall(page: &mut Page, transaction: &Transaction, root: &Root<'_>) {
    let rows = tree::rows(&transaction.spans);
    let shown = || rows.iter().take(ROWS - 1);
    let statuses = shown().filter_map(|row| mark(row.span.status)).chain(mark(root.status));
    let status_columns = statuses.map(|mark| mark.chars().count() + 2).max().unwrap_or(0);
    let room = page.room().saturating_sub(DURATION_COLUMNS + status_columns + 2);
    let columns = Columns { label: room * 11 / 20, bar: (room - room * 11 / 20).saturating_sub(3) };

    let length = root.end.saturating_sub(root.start);
    let whole = bar::Window { start: root.start, length };
    page.push(columns.row(label("", root.op, ""), whole, (root.start, root.end), root.status));
    for row in shown() {
        let span = row.span;
        let at = (span.start_timestamp.as_micros(), span.timestamp.as_micros());
        let op = span.op.as_deref().unwrap_or("default");
        let description = span.description.as_deref().unwrap_or_default();
        page.push(columns.row(label(&row.branch, op, description), whole, at, span.status));
    }
    let hidden = rows.len().saturating_sub(ROWS - 1);
    if hidden > 0 {
        page.push(Line::new().put(Style::Dim, &format!("… {} more spans", format::count(hidden as u64))));
    }
}

struct Columns {
    label: usize,
    bar: usize,
}

impl Columns {
    fn row(
        &self,
        label: Line,
        window: bar::Window,
        (start, end): (i64, i64),
        status: Option<SpanStatus>,
    ) -> Line {
        let style = if is_ok(status) { Style::Cyan } else { Style::Red };
        let (cells, border) = bar::draw(window, start, end, self.bar);
        let duration = format::duration(end.saturating_sub(start).max(0));
        let line = label
            .clipped(self.label)
            .to(self.label)
            .put(Style::Dim, "▕")
            .put(style, &cells)
            .put(Style::Dim, border);
        let line = line.to(self.label + self.bar + 2 + DURATION_COLUMNS + 1 - duration.chars().count());
        let line = line.put(Style::Plain, &duration);
        match mark(status) {
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

fn mark(status: Option<SpanStatus>) -> Option<String> {
    status.filter(|status| !is_ok(Some(*status))).map(|status| format!("✗ {status}"))
}
