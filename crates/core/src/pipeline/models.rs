//! What spans about models get on the worker, whoever made them: what they inherit, the sum of their tokens, and an end to what they say.

mod content;

use std::collections::BTreeMap;

use watchpost_protocol::{Map, SpanId, SpanRecord, Value};

use crate::finished::FinishedSpan;

/// What is recommended on all of them, and said on one (§17.2): a span has that of the nearest span around it.
const INHERITED: [&str; 3] = ["gen_ai.pipeline.name", "gen_ai.agent.name", "gen_ai.conversation.id"];
const PIPELINE: &str = INHERITED[0];

/// Completes the spans of a trace; `pipeline` is the one that the scopes name.
pub(super) fn complete(root: &mut SpanRecord, children: &mut [SpanRecord], pipeline: Option<&str>) {
    if !is_about_models(root) && !children.iter().any(is_about_models) {
        return;
    }
    let inherited = inherited(root, children, pipeline);
    for span in std::iter::once(root).chain(children).filter(|span| is_about_models(span)) {
        for (key, value) in inherited.get(&span.span_id).into_iter().flatten() {
            span.data.entry(*key).or_insert_with(|| value.clone());
        }
        add_up(&mut span.data);
        content::fit(&mut span.data);
    }
}

/// Whether there is anything to complete.
pub(super) fn are_seen_in<'s, 'b: 's>(mut spans: impl Iterator<Item = &'s FinishedSpan<'b>>) -> bool {
    spans.any(|span| op_is_of_models(span.op.as_deref()))
}

fn is_about_models(span: &SpanRecord) -> bool {
    op_is_of_models(span.op.as_deref())
}

fn op_is_of_models(op: Option<&str>) -> bool {
    op.is_some_and(|op| op.starts_with("gen_ai."))
}

type Inherited = Vec<(&'static str, Value)>;

/// What each span about models has from those around it.
fn inherited(
    root: &SpanRecord,
    children: &[SpanRecord],
    pipeline: Option<&str>,
) -> BTreeMap<SpanId, Inherited> {
    let by_id: BTreeMap<SpanId, &SpanRecord> = children.iter().map(|span| (span.span_id, span)).collect();
    let around = |span: &SpanRecord| -> Option<&SpanRecord> {
        if span.span_id == root.span_id {
            return None;
        }
        span.parent_span_id.and_then(|parent| by_id.get(&parent).copied()).or(Some(root))
    };
    let find = |span: &SpanRecord, key: &'static str| {
        let mut next = Some(span);
        // No tree is deeper than it has spans: whatever the parents say, this ends.
        for _ in 0..=children.len() {
            let span = next?;
            if let Some(value) = span.data.get(key).cloned().or_else(|| pipeline_of(span, key)) {
                return Some((key, value));
            }
            next = around(span);
        }
        None
    };
    let of_scopes = |key: &'static str| pipeline.filter(|_| key == PIPELINE).map(|name| (key, name.into()));
    std::iter::once(root)
        .chain(children)
        .filter(|span| is_about_models(span))
        .map(|span| {
            let found = INHERITED.into_iter().filter_map(|key| find(span, key).or_else(|| of_scopes(key)));
            (span.span_id, found.collect())
        })
        .collect()
}

/// A pipeline is called what its span is.
fn pipeline_of(span: &SpanRecord, key: &str) -> Option<Value> {
    let is_pipeline = key == PIPELINE && span.op.as_deref() == Some("ai.pipeline");
    span.description.clone().filter(|_| is_pipeline).map(Value::from)
}

/// The sum of what went in and came out, where nobody says it.
fn add_up(data: &mut Map<String, Value>) {
    const TOTAL: &str = "gen_ai.usage.total_tokens";
    let tokens = |key: &str| data.get(key)?.as_u64();
    let sum = || tokens("gen_ai.usage.input_tokens")?.checked_add(tokens("gen_ai.usage.output_tokens")?);
    if let (false, Some(sum)) = (data.contains_key(TOTAL), sum()) {
        data.insert(TOTAL.to_owned(), sum.into());
    }
}
