//! An event, drawn from its title to what led up to it.

use watchpost_protocol::{Breadcrumb, Event, Exception, Frame, Level, Timestamp};

use super::page::{Line, Page, Style, wrap};
use super::{facts, format};

/// A long message is cut after this many rows.
const MESSAGE_ROWS: usize = 8;
/// The application's own frames that are shown, the innermost first.
const FRAMES: usize = 12;
/// The frames that are shown if none is known to be the application's.
const LIBRARY_FRAMES: usize = 5;
/// The newest breadcrumbs that are shown.
const CRUMBS: usize = 30;
/// How far a frame's place may be pushed to the right by its function's name.
const FUNCTION_COLUMNS: usize = 52;

pub(super) fn draw(page: &mut Page, event: &Event) {
    let level = event.level.unwrap_or(Level::Error);
    page.edge(color(level));
    heading(page, event, level);
    causes(page, event);
    page.section();
    stack(page, event);
    page.section();
    about(page, event);
    page.section();
    trail(page, event);
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

/// What the server shows as the title: the error that was captured, which is the last of its chain, else the message.
fn title(event: &Event) -> String {
    if let Some(exception) = event.exception.last() {
        return describe(exception);
    }
    let message =
        event.logentry.as_ref().and_then(|entry| entry.formatted.clone().or_else(|| entry.message.clone()));
    message.unwrap_or_else(|| "(no message)".to_owned())
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

fn stack(page: &mut Page, event: &Event) {
    let frames = innermost_first(event);
    let own: Vec<&Frame> = frames.iter().copied().filter(|frame| frame.in_app == Some(true)).collect();
    let (shown, rest, of) = if own.is_empty() {
        (
            frames.iter().copied().take(LIBRARY_FRAMES).collect::<Vec<_>>(),
            frames.len().saturating_sub(LIBRARY_FRAMES),
            "",
        )
    } else {
        let hidden = own.len().saturating_sub(FRAMES);
        let libraries = frames.len() - own.len();
        let shown: Vec<&Frame> = own.into_iter().take(FRAMES).collect();
        // Counting the two apart would be more than anyone wants to know.
        (shown, libraries + hidden, if hidden == 0 { " of libraries" } else { "" })
    };
    let column =
        shown.iter().map(|frame| function(frame).chars().count()).max().unwrap_or(0).min(FUNCTION_COLUMNS);
    for (at, frame) in shown.iter().enumerate() {
        // The first is where to look.
        let (mark, style) = if at == 0 { ("  → ", Style::Bold) } else { ("    ", Style::Plain) };
        let line = Line::new().put(Style::Cyan, mark).put(style, &function(frame));
        page.push(line.clipped(column + 4).to(column + 6).put(Style::Dim, &place(frame)));
        if let (0, Some(source)) = (at, &frame.context_line) {
            page.push(Line::new().put(Style::Dim, "      │ ").put(Style::Cyan, source.trim()));
        }
    }
    if rest > 0 {
        let frames = if rest == 1 { "frame" } else { "frames" };
        page.push(Line::new().put(
            Style::Dim,
            &format!("    … {rest} {frames}{of}", of = if of.is_empty() { " more" } else { of }),
        ));
    }
}

/// The stack of the outermost error that has one, else of the thread that captured the event.
fn innermost_first(event: &Event) -> Vec<&Frame> {
    let of_error = event.exception.iter().rev().find_map(|exception| exception.stacktrace.as_ref());
    let current = || event.threads.iter().filter(|thread| thread.current != Some(false));
    let stack = of_error.or_else(|| current().find_map(|thread| thread.stacktrace.as_ref()));
    stack.into_iter().flat_map(|stack| stack.frames.iter().rev()).collect()
}

fn function(frame: &Frame) -> String {
    let name = frame.function.as_deref().or(frame.symbol.as_deref()).or(frame.module.as_deref());
    match (name, frame.instruction_addr) {
        (Some(name), _) => name.to_owned(),
        (None, Some(addr)) => addr.to_string(),
        (None, None) => "?".to_owned(),
    }
}

fn place(frame: &Frame) -> String {
    let file = frame.filename.as_deref().or(frame.abs_path.as_deref()).unwrap_or_default();
    match frame.lineno {
        Some(line) if !file.is_empty() => format!("{file}:{line}"),
        _ => file.to_owned(),
    }
}

fn about(page: &mut Page, event: &Event) {
    facts::request(page, event.request.as_ref(), &event.contexts);
    if let Some(transaction) = &event.transaction {
        facts::fact(page, "transaction", transaction);
    }
    facts::user(page, event.user.as_ref());
    facts::tags(page, &event.tags);
    if let Some(trace) = &event.contexts.trace {
        facts::fact(
            page,
            "trace",
            &format!("{}  span {}", short(&trace.trace_id.to_string()), short(&trace.span_id.to_string())),
        );
    }
}

fn trail(page: &mut Page, event: &Event) {
    let hidden = event.breadcrumbs.len().saturating_sub(CRUMBS);
    if hidden > 0 {
        page.push(Line::new().put(Style::Dim, &format!("  … {hidden} earlier breadcrumbs")));
    }
    let crumbs = || event.breadcrumbs.iter().skip(hidden);
    let times: Vec<String> = crumbs().map(|crumb| when(crumb, event.timestamp)).collect();
    let time_end = 2 + longest(times.iter().map(String::as_str));
    let level_end = time_end + 2 + longest(crumbs().map(|crumb| crumb.level.as_str()));
    let category_end =
        level_end + 2 + longest(crumbs().filter_map(|crumb| crumb.category.as_deref())).min(24);
    for (crumb, time) in crumbs().zip(&times) {
        let category = crumb.category.as_deref().unwrap_or_default();
        let line = Line::new()
            .to(time_end - time.chars().count())
            .put(Style::Dim, time)
            .to(time_end + 2)
            .put(color(crumb.level), crumb.level.as_str())
            .to(level_end + 2)
            .put(Style::Cyan, category)
            .clipped(category_end)
            .to(category_end + 2);
        page.push(what(crumb, line));
    }
}

fn what(crumb: &Breadcrumb, mut line: Line) -> Line {
    let mut apart = "";
    if let Some(message) = &crumb.message {
        line = line.put(Style::Plain, message.trim_end());
        apart = "  ";
    }
    for (key, value) in &crumb.data {
        line = line.put(Style::Plain, apart).join(facts::pair(key, &format::value(value)));
        apart = "  ";
    }
    line
}

fn when(crumb: &Breadcrumb, event: Option<Timestamp>) -> String {
    match (crumb.timestamp, event) {
        (Some(crumb), Some(event)) => format::before(event.as_micros().saturating_sub(crumb.as_micros())),
        (Some(crumb), None) => format::clock(crumb),
        (None, _) => String::new(),
    }
}

fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

/// Enough of an id to find it again.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn color(level: Level) -> Style {
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
