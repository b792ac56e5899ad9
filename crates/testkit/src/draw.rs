//! Pictures: an event in a few lines, a transaction as a tree. Times and ids are left out, so that a test may compare the whole.

use std::fmt::Write;

use watchpost_protocol::{Event, Level, SpanId, SpanRecord, SpanStatus, Transaction};

/// An event: its level and title, the chain of causes, the transaction, the user, the tags and the trail.
#[must_use]
pub fn event(event: &Event) -> String {
    let mut picture = String::new();
    let mut chain = event.exception.iter().rev().map(|exception| {
        let (ty, value) = (exception.ty.as_deref(), exception.value.as_deref());
        match (ty, value) {
            (Some(ty), Some(value)) => format!("{ty}: {value}"),
            (ty, value) => ty.or(value).unwrap_or_default().to_owned(),
        }
    });
    let message = event.logentry.as_ref().and_then(|entry| entry.formatted.clone());
    let title = chain.next().or_else(|| message.clone()).unwrap_or_default();
    let _ = writeln!(picture, "{}: {title}", event.level.unwrap_or(Level::Error));
    for cause in chain {
        let _ = writeln!(picture, "  caused by {cause}");
    }
    if let Some(message) = message.filter(|message| *message != title) {
        let _ = writeln!(picture, "  message: {message}");
    }
    if let Some(name) = &event.transaction {
        let _ = writeln!(picture, "  in {name}");
    }
    if let Some(id) = event.user.as_ref().and_then(|user| user.id.as_ref()) {
        let _ = writeln!(picture, "  user: {id}");
    }
    tags(&mut picture, event.tags.iter());
    for crumb in event.breadcrumbs.iter() {
        let _ = writeln!(picture, "  - {}: {}", crumb.level, crumb.message.as_deref().unwrap_or_default());
    }
    picture
}

/// A transaction: the root with its tags, and below it the tree of its spans, in the order in which they began.
#[must_use]
pub fn transaction(transaction: &Transaction) -> String {
    let mut picture = String::new();
    let root = transaction.contexts.trace.clone().unwrap_or_default();
    line(&mut picture, 0, root.op.as_deref(), &transaction.transaction, root.status);
    if let Some(id) = transaction.user.as_ref().and_then(|user| user.id.as_ref()) {
        let _ = writeln!(picture, "  user: {id}");
    }
    tags(&mut picture, transaction.tags.iter());
    let mut spans: Vec<&SpanRecord> = transaction.spans.iter().collect();
    spans.sort_by_key(|span| span.start_timestamp);
    children(&mut picture, &spans, root.span_id, 1);
    picture
}

fn children(picture: &mut String, spans: &[&SpanRecord], parent: SpanId, depth: usize) {
    // A tree that is deeper than any real one is not followed further: a test must not end in a stack overflow.
    for span in spans.iter().filter(|span| span.parent_span_id == Some(parent) && depth < 200) {
        line(
            picture,
            depth,
            span.op.as_deref(),
            span.description.as_deref().unwrap_or_default(),
            span.status,
        );
        children(picture, spans, span.span_id, depth + 1);
    }
}

fn line(picture: &mut String, depth: usize, op: Option<&str>, name: &str, status: Option<SpanStatus>) {
    let _ = write!(picture, "{:indent$}{} {name}", "", op.unwrap_or("default"), indent = 2 * depth);
    let _ = match status {
        Some(SpanStatus::Ok) | None => writeln!(picture),
        Some(status) => writeln!(picture, " [{status}]"),
    };
}

fn tags<'a>(picture: &mut String, tags: impl Iterator<Item = (&'a String, &'a String)>) {
    let tags: Vec<String> = tags.map(|(key, value)| format!("{key}={value}")).collect();
    if !tags.is_empty() {
        let _ = writeln!(picture, "  tags: {}", tags.join(" "));
    }
}
