//! Spans about models: what a template calls them, pipelines, and tokens.

use serde_json::{Map, Value, json};
use watchpost::ai_track;
use watchpost::gen_ai::{SpanTemplate, TokenUsage, set_pipeline_name};
use watchpost::protocol::TraceContext;
use watchpost::{start_transaction, with_isolation_scope};
use watchpost_testkit::capture;

use crate::known::Deviation;
use crate::{Outcome, Vector, differs, equal, only, text, unknown};

pub(crate) fn span_templates(vector: &Vector<'_>) -> Outcome {
    let has = |key: &str| vector.input.get(key).is_some();
    if has("template") {
        template(vector)
    } else if has("ai_track") {
        track(vector)
    } else if has("input_tokens") || has("output_tokens") || has("total_tokens") {
        tokens(vector)
    } else {
        Err(unknown())
    }
}

/// The root span that `work` makes, with its name.
fn made(work: impl FnOnce()) -> Result<(String, TraceContext), String> {
    let captured = capture(|| with_isolation_scope(|_| work()));
    let transaction = captured.transactions().into_iter().next().ok_or("no transaction was sent")?;
    Ok((transaction.transaction, transaction.contexts.trace.unwrap_or_default()))
}

fn template(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["template", "function", "kwargs"])?;
    only(vector.expected, &["op", "name"])?;
    let template = match text(vector.input, "template")? {
        Some("default") => SpanTemplate::Default,
        Some("ai_agent") => SpanTemplate::AiAgent,
        Some("ai_tool") => SpanTemplate::AiTool,
        Some("ai_chat") => SpanTemplate::AiChat,
        _ => return Err(unknown()),
    };
    let function = text(vector.input, "function")?.ok_or_else(unknown)?;
    let kwargs = vector.input.get("kwargs").unwrap_or(&Value::Null);
    let model = text(kwargs, "model")?.or(text(kwargs, "model_name")?);
    let (name, root) = made(|| drop(template.span(function, model).start()))?;
    equal(&json!({ "op": root.op, "name": name }), vector.expected)
}

fn track(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["ai_track", "enclosing_pipeline"])?;
    only(vector.expected, &["op", "description", "gen_ai.pipeline.name"])?;
    let description = text(vector.input, "ai_track")?.ok_or_else(unknown)?.to_owned();
    let enclosing = text(vector.input, "enclosing_pipeline")?;
    let (name, root) = made(|| {
        set_pipeline_name(enclosing);
        ai_track(description, || ());
    })?;
    let pipeline = root.data.get("gen_ai.pipeline.name");
    equal(&json!({ "op": root.op, "description": name, "gen_ai.pipeline.name": pipeline }), vector.expected)
}

/// What old names of token counts are called today.
const RENAMED: [(&str, &str); 3] = [
    ("gen_ai.usage.input_tokens.cached", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.input_tokens.cache_write", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.output_tokens.reasoning", "gen_ai.usage.reasoning.output_tokens"),
];

fn tokens(vector: &Vector<'_>) -> Outcome {
    let parts = [
        "input_tokens",
        "input_tokens_cached",
        "input_tokens_cache_write",
        "output_tokens",
        "output_tokens_reasoning",
        "total_tokens",
    ];
    only(vector.input, &parts)?;
    let [
        input_tokens,
        input_tokens_cached,
        input_tokens_cache_write,
        output_tokens,
        output_tokens_reasoning,
        total_tokens,
    ] = parts.map(|part| vector.input[part].as_u64());
    let usage = TokenUsage {
        input_tokens,
        input_tokens_cached,
        input_tokens_cache_write,
        output_tokens,
        output_tokens_reasoning,
        total_tokens,
    };
    let (_, root) = made(|| usage.record(&start_transaction("call").start()))?;
    let ours: Map<String, Value> =
        root.data.into_iter().filter(|(key, _)| key.starts_with("gen_ai.usage.")).collect();
    let expected = vector.expected.as_object().ok_or_else(unknown)?.clone();
    let mut renamed = expected.clone();
    for (old, new) in RENAMED {
        if let Some(value) = renamed.remove(old) {
            renamed.insert(new.to_owned(), value);
        }
    }
    if renamed == expected {
        return equal(ours, expected);
    }
    differs(Deviation::TokensHaveNewNames, ours, expected, renamed)
}
