//! Feature flags: which are remembered, and how many a span tells.

use serde_json::{Value, json};
use watchpost::{add_feature_flag, start_transaction};
use watchpost_core::flags::FeatureFlags;
use watchpost_testkit::capture;

use crate::{Checked, Outcome, Vector, count, equal, list, only, unknown};

pub(crate) fn feature_flags(vector: &Vector<'_>) -> Outcome {
    if vector.input.get("sets").is_some() {
        remembered(vector)
    } else if vector.input.get("flags_set").is_some() {
        on_a_span(vector)
    } else {
        Err(unknown())
    }
}

/// After each evaluation, what is remembered of all so far.
fn remembered(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["capacity", "sets"])?;
    let mut flags = FeatureFlags::new(count(vector.input, "capacity")?);
    let (sets, expected) = (list(&vector.input["sets"])?, list(vector.expected)?);
    equal(sets.len(), expected.len())?;
    for (set, expected) in sets.iter().zip(expected) {
        let (name, value) = (set[0].as_str().ok_or_else(unknown)?, set[1].clone());
        flags.set(name, value);
        let ours: Vec<Value> = flags.iter().map(|(name, value)| json!([name, value])).collect();
        equal(&json!(ours), expected)?;
    }
    Ok(Checked::Same)
}

fn on_a_span(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["flags_set"])?;
    only(vector.expected, &["flag.evaluation.* on span"])?;
    let set = count(vector.input, "flags_set")?;
    let captured = capture(|| {
        let _span = start_transaction("task").enter();
        for flag in 0..set {
            add_feature_flag(format!("flag-{flag}"), true);
        }
    });
    let transaction = captured.transactions().into_iter().next().ok_or("no transaction was sent")?;
    let root = transaction.contexts.trace.ok_or("it has no root")?;
    let told = root.data.keys().filter(|key| key.starts_with("flag.evaluation.")).count();
    equal(told, count(vector.expected, "flag.evaluation.* on span")?)
}
