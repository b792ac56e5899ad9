//! Metrics, and the attributes of scopes.

use serde_json::{Value, json};
use watchpost::protocol::Metric;
use watchpost::{global_scope, isolation_scope, metrics, with_scope};
use watchpost_testkit::capture;

use crate::{Outcome, Vector, equal, list, unknown};

pub(crate) fn metrics_and_attributes(vector: &Vector<'_>) -> Outcome {
    let keys: Vec<&str> = vector.input.as_object().ok_or_else(unknown)?.keys().map(String::as_str).collect();
    match keys[..] {
        ["calls"] => types(vector),
        ["layers"] => precedence(vector),
        _ => Err(unknown()),
    }
}

/// Each call is `kind name value [unit]`.
fn types(vector: &Vector<'_>) -> Outcome {
    let mut calls = Vec::new();
    for call in list(&vector.input["calls"])? {
        let words: Vec<String> = call.as_str().ok_or_else(unknown)?.split(' ').map(str::to_owned).collect();
        let value: f64 = words.get(2).and_then(|value| value.parse().ok()).ok_or_else(unknown)?;
        calls.push((words, value));
    }
    let captured = capture(|| {
        for (words, value) in &calls {
            let name = words[1].clone();
            let measured = match &*words[0] {
                "count" => metrics::count(name, *value),
                "gauge" => metrics::gauge(name, *value),
                _ => metrics::distribution(name, *value),
            };
            if let Some(unit) = words.get(3) {
                drop(measured.unit(unit.clone()));
            }
        }
    });
    let picture = |metric: Metric| json!({ "name": metric.name, "type": metric.ty, "value": metric.value, "unit": metric.unit });
    let ours: Vec<Value> = captured.metrics().into_iter().map(picture).collect();
    equal(&json!(ours), vector.expected)
}

/// Every layer sets `w`, the global one also `g`; the first metric sets nothing itself, the second one does.
fn precedence(vector: &Vector<'_>) -> Outcome {
    equal(&vector.input["layers"], &json!(["global", "isolation", "current", "telemetry"]))?;
    let captured = capture(|| {
        global_scope().set_attribute("w", "global");
        global_scope().set_attribute("g", 1);
        isolation_scope().set_attribute("w", "isolation");
        with_scope(|current| {
            current.set_attribute("w", "current");
            metrics::count("m", 1);
            metrics::count("m", 1).attribute("w", "telemetry");
        });
        global_scope().clear(); // it is the process's: left as it was
    });
    let value = |metric: &Metric, key: &str| metric.attributes.get(key).and_then(|value| value.to_json());
    let ours = captured.metrics();
    let ours: Vec<Value> =
        ours.iter().map(|it| json!({ "w": value(it, "w"), "g": value(it, "g") })).collect();
    equal(&json!(ours), vector.expected)
}
