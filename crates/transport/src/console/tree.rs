//! Spans in the order of their tree.

use std::collections::HashMap;

use watchpost_protocol::{SpanId, SpanRecord};

/// Deeper spans are not indented further.
const DEPTH: usize = 12;

/// One span, and the branch that leads to it.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) span: &'a SpanRecord,
    pub(super) branch: String,
}

/// Every span exactly once: parents before children, siblings by their start. A span whose parent is not here, or is one of its own
/// descendants, hangs on the root.
pub(super) fn rows(spans: &[SpanRecord]) -> Vec<Row<'_>> {
    let mut parents = parents(spans);
    cut_cycles(&mut parents);
    let (top, children) = children(spans, &parents);

    let mut rows = Vec::with_capacity(spans.len());
    // What is still to be drawn, the next on top: a stack of our own, because a tree may be as deep as it has spans.
    let mut todo = Vec::new();
    put_on(&mut todo, &top, "", 0);
    while let Some(Next { index, guides, last, depth }) = todo.pop() {
        let Some(span) = spans.get(index) else { continue };
        rows.push(Row { span, branch: format!("{guides}{}", if last { "└ " } else { "├ " }) });
        let below =
            if depth >= DEPTH { guides } else { format!("{guides}{}", if last { "  " } else { "│ " }) };
        put_on(&mut todo, children.get(&index).map_or(&[][..], Vec::as_slice), &below, depth + 1);
    }
    rows
}

struct Next {
    index: usize,
    guides: String,
    last: bool,
    depth: usize,
}

fn put_on(todo: &mut Vec<Next>, siblings: &[usize], guides: &str, depth: usize) {
    for (at, index) in siblings.iter().enumerate().rev() {
        todo.push(Next { index: *index, guides: guides.to_owned(), last: at + 1 == siblings.len(), depth });
    }
}

/// Each span's parent, `None` for the root and for what is not here.
fn parents(spans: &[SpanRecord]) -> Vec<Option<usize>> {
    let mut known: HashMap<SpanId, usize> = HashMap::new();
    for (index, span) in spans.iter().enumerate() {
        known.entry(span.span_id).or_insert(index);
    }
    spans.iter().map(|span| span.parent_span_id.and_then(|parent| known.get(&parent).copied())).collect()
}

/// Frees one span of every circle, so that the rest can be reached.
fn cut_cycles(parents: &mut [Option<usize>]) {
    // The walk on which a span was first met.
    let mut met: Vec<Option<usize>> = vec![None; parents.len()];
    for walk in 0..parents.len() {
        let mut at = walk;
        while let (Some(mark), Some(parent)) = (met.get_mut(at), parents.get_mut(at)) {
            match *mark {
                Some(earlier) if earlier == walk => {
                    *parent = None;
                    break;
                }
                Some(_) => break,
                None => *mark = Some(walk),
            }
            match *parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
    }
}

fn children(spans: &[SpanRecord], parents: &[Option<usize>]) -> (Vec<usize>, HashMap<usize, Vec<usize>>) {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| spans.get(*index).map(|span| span.start_timestamp));
    let mut top = Vec::new();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    for index in order {
        match parents.get(index).copied().flatten() {
            Some(parent) => children.entry(parent).or_default().push(index),
            None => top.push(index),
        }
    }
    (top, children)
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Timestamp;

    use super::*;

    fn span(id: u8, parent: u8, start: i64) -> SpanRecord {
        SpanRecord {
            span_id: SpanId::from_bytes([id; 8]),
            parent_span_id: Some(SpanId::from_bytes([parent; 8])),
            start_timestamp: Timestamp::from_micros(start),
            ..SpanRecord::default()
        }
    }

    fn picture(spans: &[SpanRecord]) -> Vec<String> {
        let name = |row: Row<'_>| format!("{}{:x}", row.branch, row.span.span_id.as_bytes()[0]);
        rows(spans).into_iter().map(name).collect()
    }

    #[test]
    fn a_tree_is_drawn_parents_first_and_by_start() {
        let spans =
            [span(5, 3, 40), span(4, 0, 50), span(3, 2, 30), span(2, 0, 10), span(6, 2, 20), span(7, 4, 60)];
        assert_eq!(picture(&spans), ["├ 2", "│ ├ 6", "│ └ 3", "│   └ 5", "└ 4", "  └ 7"]);
    }

    #[test]
    fn orphans_hang_on_the_root() {
        assert_eq!(picture(&[span(1, 9, 20), span(2, 0, 10), span(3, 1, 30)]), ["├ 2", "└ 1", "  └ 3"]);
    }

    #[test]
    fn circles_are_cut_and_nothing_is_drawn_twice() {
        assert_eq!(picture(&[span(1, 1, 0)]), ["└ 1"]);
        assert_eq!(picture(&[span(1, 2, 0), span(2, 3, 1), span(3, 1, 2), span(4, 2, 3)]).len(), 4);
        assert_eq!(picture(&[span(1, 0, 0), span(1, 0, 1), span(2, 1, 2)]), ["├ 1", "│ └ 2", "└ 1"]);
    }

    #[test]
    fn a_very_deep_tree_is_drawn_to_its_end() {
        let spans: Vec<SpanRecord> = (0..2000u64)
            .map(|number| SpanRecord {
                span_id: SpanId::from_bytes((number + 1).to_be_bytes()),
                parent_span_id: number
                    .checked_sub(1)
                    .map(|parent| SpanId::from_bytes((parent + 1).to_be_bytes())),
                ..SpanRecord::default()
            })
            .collect();
        let rows = rows(&spans);
        assert_eq!(rows.len(), 2000);
        assert!(rows.iter().all(|row| row.branch.chars().count() <= 2 * (DEPTH + 1)));
    }
}
