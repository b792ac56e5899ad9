//! Logs: levels, templates, what is around them.

use serde_json::{Value, json};
use watchpost::protocol::{AttributeValue, Log};
use watchpost::{User, logger, set_user};
use watchpost_testkit::{Captured, capture, capture_with, options};

use crate::known::Deviation;
use crate::{Outcome, Vector, count, differs, equal, only, switch, text, unknown};

pub(crate) fn logs(vector: &Vector<'_>) -> Outcome {
    let keys: Vec<&str> = vector.input.as_object().ok_or_else(unknown)?.keys().map(String::as_str).collect();
    match keys[..] {
        ["call"] => level(vector),
        ["params", "template"] => template(vector),
        ["logs"] => container(vector),
        ["span"] => trace(vector),
        ["send_default_pii", "user"] => user(vector),
        ["hook"] => hook(vector),
        _ => Err(unknown()),
    }
}

fn only_log(captured: &Captured) -> Result<Log, String> {
    let [log] = captured.logs().try_into().map_err(|logs| format!("not one log: {logs:?}"))?;
    Ok(log)
}

fn level(vector: &Vector<'_>) -> Outcome {
    let call = text(vector.input, "call")?.ok_or_else(unknown)?;
    let log = only_log(&capture(|| match call {
        "trace" => logger::trace!("m"),
        "info" => logger::info!("m"),
        "error" => logger::error!("m"),
        _ => {}
    }))?;
    // The text of the severity is the level.
    let ours = json!({
        "level": log.level, "severity_number": log.severity_number, "severity_text": log.level.as_str(),
    });
    equal(&ours, vector.expected)
}

/// A template is a literal of the program, so each has to stand here. One without parameters is text, which is given as such.
fn template(vector: &Vector<'_>) -> Outcome {
    let template = text(vector.input, "template")?.ok_or_else(unknown)?;
    let params = &vector.input["params"];
    let log = only_log(&capture(|| match template {
        "Braces with params: {user}" => {
            logger::info!("Braces with params: {user}", user = params["user"].as_str().unwrap_or_default());
        }
        "n={n} f={f} b={b}" => logger::info!(
            "n={n} f={f} b={b}",
            n = params["n"].as_i64().unwrap_or_default(),
            f = params["f"].as_f64().unwrap_or_default(),
            b = params["b"].as_bool().unwrap_or(true),
        ),
        _ => logger::info!("{template}"),
    }))?;
    const PARAMETER: &str = "sentry.message.parameter.";
    let ours: serde_json::Map<String, Value> = log
        .attributes
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(PARAMETER)?.to_owned(), json!(value))))
        .collect();
    let template = log.attributes.get("sentry.message.template").and_then(AttributeValue::to_json);
    equal(&json!(ours), &vector.expected["params"])?;
    equal(&json!(template), &vector.expected["template_attr"])?;
    let expected = text(vector.expected, "body")?.ok_or_else(unknown)?;
    if expected.contains("False") {
        return differs(Deviation::PrintedAsRustPrints, &*log.body, expected, "n=1 f=2 b=false");
    }
    equal(&*log.body, expected)
}

fn container(vector: &Vector<'_>) -> Outcome {
    let logs = count(vector.input, "logs")?;
    let captured = capture(|| (0..logs).for_each(|_| logger::info!("m")));
    let item = &captured.envelopes().first().ok_or("nothing was sent")?.items[0];
    let payload: Value = item.decode().map_err(|error| error.to_string())?;
    equal(&json!({ "headers": item.header, "payload_version": payload["version"] }), vector.expected)
}

fn trace(vector: &Vector<'_>) -> Outcome {
    equal(&vector.input["span"], &Value::Null)?;
    let log = only_log(&capture(|| logger::info!("m")))?;
    let has_trace_id = log.trace_id.as_bytes() != &[0; 16];
    equal(&json!({ "has_trace_id": has_trace_id, "has_span_id": log.span_id.is_some() }), vector.expected)
}

/// What the program says of its user is its own to say.
fn user(vector: &Vector<'_>) -> Outcome {
    let user: User =
        serde_json::from_value(vector.input["user"].clone()).map_err(|error| error.to_string())?;
    let pii = switch(vector.input, "send_default_pii")?.ok_or_else(unknown)?;
    let log = only_log(&capture_with(options().send_default_pii(pii), || {
        set_user(user.clone());
        logger::info!("m");
    }))?;
    let ours = log.attributes.iter().filter(|(key, _)| key.starts_with("user."));
    let ours: serde_json::Map<_, _> =
        ours.map(|(key, value)| (key.clone(), json!(value.to_json()))).collect();
    let instead = json!({ "user.id": user.id, "user.name": user.username, "user.email": user.email });
    differs(Deviation::UserIsTheProgramsOwn, &json!(ours), vector.expected, &instead)
}

fn hook(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["sent"])?;
    equal(text(vector.input, "hook")?, Some("panics"))?;
    let captured = capture_with(options().before_send_log(|_| panic!("a hook of the vector's")), || {
        logger::info!("m");
    });
    equal(captured.logs().len(), count(vector.expected, "sent")?)
}
