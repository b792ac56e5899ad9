//! Release health.

use serde_json::{Value, json};
use watchpost::{SessionMode, capture_error, end_session, start_session, with_isolation_scope};
use watchpost_testkit::options;

use crate::support::Watched;
use crate::{Checked, Outcome, Vector, count, equal, list, only, unknown};

pub(crate) fn sessions(vector: &Vector<'_>) -> Outcome {
    let has = |key: &str| vector.input.get(key).is_some();
    if has("requests") {
        requests(vector)
    } else if has("events") {
        run(vector)
    } else {
        Err(unknown())
    }
}

/// The program of the vectors, which have its release and its environment only in what they expect.
fn program(expected: &Value, mode: SessionMode) -> Result<Watched, String> {
    let attribute = |key: &str| expected["attrs"][key].as_str().ok_or_else(unknown);
    let options = options()
        .release(attribute("release")?)
        .and_then(|options| options.environment(attribute("environment").unwrap_or_default()))
        .map_err(|error| error.to_string())?;
    Ok(Watched::new(options.default_integrations(false).session_mode(mode)))
}

/// A run of a program, in which these events happen.
fn run(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["events"])?;
    only(vector.expected, &["status", "errors", "attrs"])?;
    if list(&vector.input["events"])?.iter().any(|event| event != "handled error") {
        return Err(unknown());
    }
    let program = program(vector.expected, SessionMode::Application)?;
    program.run(|| {
        start_session();
        for _ in vector.input["events"].as_array().into_iter().flatten() {
            capture_error(&std::fmt::Error);
        }
    });
    let updates = program.close().session_updates();
    let [update] = &updates[..] else { return Err(format!("not one update: {updates:?}")) };
    let ours = json!({ "status": update.status, "errors": update.errors, "attrs": update.attrs });
    equal(&ours, vector.expected)
}

/// Requests, some of which have an error that is handled.
fn requests(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["requests", "with_error"])?;
    only(vector.expected, &["attrs", "aggregates"])?;
    let (all, failing) = (count(vector.input, "requests")?, count(vector.input, "with_error")?);
    let program = program(vector.expected, SessionMode::Request)?;
    program.run(|| {
        for request in 0..all {
            with_isolation_scope(|_| {
                start_session();
                if request < failing {
                    capture_error(&std::fmt::Error);
                }
                end_session();
            });
        }
    });
    let captured = program.close();
    let mut item = captured.envelopes().iter().flat_map(|envelope| &envelope.items);
    let item = item.find(|item| item.header.ty.as_str() == "sessions").ok_or("nothing was counted")?;
    let mut ours: Value = item.decode().map_err(|error| error.to_string())?;
    let minute = ours["aggregates"][0].as_object_mut().and_then(|minute| minute.remove("started"));
    equal(
        minute.is_some_and(|minute| minute.as_str().is_some_and(|text| text.ends_with(":00.000000Z"))),
        true,
    )?;
    equal(&ours, vector.expected)?;
    Ok(Checked::Same)
}
