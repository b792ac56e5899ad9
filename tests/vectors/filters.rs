//! What of traces the program does not want, and which URLs may be told of them.

use serde_json::Value;
use watchpost::{Pattern, SpanRule, start_span, start_transaction, trace_headers_for};
use watchpost_testkit::{capture_with, options};

use crate::reports::lost;
use crate::traces::program_at;
use crate::{Outcome, Vector, equal, list, only, text, unknown};

pub(crate) fn propagation_targets(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["dsn", "targets", "url"])?;
    let dsn = text(vector.input, "dsn")?.ok_or_else(unknown)?;
    let url = text(vector.input, "url")?.ok_or_else(unknown)?;
    let mut options = program_at(dsn)?;
    if let targets @ Value::Array(_) = &vector.input["targets"] {
        let targets = list(targets)?.iter().map(|target| expression(target.as_str().ok_or_else(unknown)?));
        options = options.trace_propagation_targets(targets.collect::<Result<Vec<_>, _>>()?);
    }
    let mut headers = Vec::new();
    capture_with(options, || headers = trace_headers_for(url));
    equal(Some(!headers.is_empty()), vector.expected.as_bool())
}

pub(crate) fn trace_filters(vector: &Vector<'_>) -> Outcome {
    if vector.input.get("rules").is_some() { ignore_spans(vector) } else { ignore_status_codes(vector) }
}

fn ignore_spans(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["rules", "name", "attributes"])?;
    let name = text(vector.input, "name")?.ok_or_else(unknown)?.to_owned();
    let rules = list(&vector.input["rules"])?.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let mut set = Ok(());
    let captured = capture_with(options().ignore_spans(rules), || {
        let _root = start_transaction("root").enter();
        let span = start_span(name).start();
        set = attributes(&vector.input["attributes"]).try_for_each(|(key, value)| {
            match value {
                Value::String(value) => span.set_attribute(key, value),
                Value::Bool(value) => span.set_attribute(key, *value),
                value => match (value.as_i64(), value.as_f64()) {
                    (Some(value), _) => span.set_attribute(key, value),
                    (None, Some(value)) => span.set_attribute(key, value),
                    (None, None) => return Err(unknown()),
                },
            }
            Ok(())
        });
    });
    set?;
    let transactions = captured.transactions();
    let spans = &transactions.first().ok_or("the transaction was not sent")?.spans;
    let ignored = spans.is_empty();
    equal(captured.losses(), if ignored { vec!["ignored/span: 1".to_owned()] } else { Vec::new() })?;
    equal(Some(ignored), vector.expected.as_bool())
}

fn rule(rule: &Value) -> Result<SpanRule, String> {
    if let Some(name) = rule.as_str() {
        return Ok(pattern(name)?.into());
    }
    only(rule, &["name", "attributes"])?;
    let mut made = SpanRule::new();
    if let Some(name) = text(rule, "name")? {
        made = made.name(pattern(name)?);
    }
    for (key, value) in attributes(&rule["attributes"]) {
        made = match value {
            Value::String(value) => made.attribute_like(key, pattern(value)?),
            Value::Bool(value) => made.attribute(key, *value),
            value => match (value.as_i64(), value.as_f64()) {
                (Some(value), _) => made.attribute(key, value),
                (None, Some(value)) => made.attribute(key, value),
                (None, None) => return Err(unknown()),
            },
        };
    }
    Ok(made)
}

fn attributes(map: &Value) -> impl Iterator<Item = (&str, &Value)> {
    map.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// A text, or an expression if it says so.
fn pattern(text: &str) -> Result<Pattern, String> {
    match text.strip_prefix("re:") {
        Some(regex) => expression(regex),
        None => Ok(text.into()),
    }
}

fn expression(regex: &str) -> Result<Pattern, String> {
    Pattern::regex(regex).map_err(|error| error.to_string())
}

fn ignore_status_codes(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["trace_ignore_status_codes", "status"])?;
    only(vector.expected, &["sent", "lost"])?;
    let code = |value: &Value| value.as_u64().and_then(|code| u16::try_from(code).ok()).ok_or_else(unknown);
    let codes = list(&vector.input["trace_ignore_status_codes"])?.iter().map(code);
    let options = options().trace_ignore_status_codes(codes.collect::<Result<Vec<_>, _>>()?);
    let status = code(&vector.input["status"])?;
    let captured = capture_with(options, || {
        start_transaction("GET /").start().set_attribute("http.response.status_code", status);
    });
    equal(Some(captured.transactions().len() as u64), vector.expected["sent"].as_u64())?;
    equal(captured.losses(), lost(&vector.expected["lost"])?)
}
