//! The conformance vectors of the protocol, read as data.
//!
//! They stand in `tests/data/vectors.json`; `WATCHPOST_VECTORS` may name another file of the same form. Each area that is built is checked vector by
//! vector. Where we differ on purpose, the check says why, and asserts what we do instead. What is not built is reported as skipped, by name.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says on stdout what it skipped"
)]

#[path = "vectors/grammars.rs"]
mod grammars;
#[path = "vectors/pipeline.rs"]
mod pipeline;

use serde_json::Value;

/// What came of one vector.
enum Checked {
    Same,
    /// We do something else on purpose, and it was checked that we do.
    Differs(&'static str),
    /// It is about something that is not built.
    Skipped(&'static str),
}

type Outcome = Result<Checked, String>;

/// An area by name, and how one of its vectors is checked.
type Area = (&'static str, fn(&str, &Value, &Value) -> Outcome);

const AREAS: [Area; 13] = [
    ("dsn", grammars::dsn),
    ("sentry_trace", grammars::sentry_trace),
    ("baggage", grammars::baggage),
    ("trace_continuation", grammars::trace_continuation),
    ("rate_limits", grammars::rate_limits),
    ("envelope", grammars::envelope),
    ("environment", grammars::environment),
    ("exceptions", grammars::exceptions),
    ("dsc", pipeline::dsc),
    ("sampling", pipeline::sampling),
    ("scope_merge", pipeline::scope_merge),
    ("truncation", pipeline::truncation),
    ("client_reports", pipeline::client_reports),
];

#[test]
fn every_area_that_is_built_agrees_with_its_vectors() {
    let file = std::env::var("WATCHPOST_VECTORS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/data/vectors.json").to_owned());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let areas = vectors["areas"].as_object().expect("a map of areas");

    let mut failures = Vec::new();
    for (name, area) in areas {
        let Some((_, check)) = AREAS.iter().find(|(built, _)| built == name) else {
            println!("{name}: skipped, not built yet");
            continue;
        };
        failures.extend(check_area(name, area, *check));
    }
    assert!(AREAS.iter().all(|(name, _)| areas.contains_key(*name)), "an area is missing from {file}");
    assert!(failures.is_empty(), "{} vectors fail:\n{}", failures.len(), failures.join("\n"));
}

fn check_area(name: &str, area: &Value, check: fn(&str, &Value, &Value) -> Outcome) -> Vec<String> {
    let (mut same, mut notes, mut failures) = (0, Vec::new(), Vec::new());
    for vector in area["vectors"].as_array().expect("a list of vectors") {
        let id = vector["id"].as_str().expect("an id");
        match check(id, &vector["input"], &vector["expected"]) {
            Ok(Checked::Same) => same += 1,
            Ok(Checked::Differs(reason)) => notes.push(format!("  {id}: differs on purpose: {reason}")),
            Ok(Checked::Skipped(what)) => notes.push(format!("  {id}: skipped: {what}")),
            Err(problem) => failures.push(format!("{id}: {problem}")),
        }
    }
    println!("{name}: {same} agree, {} noted, {} fail", notes.len(), failures.len());
    for note in notes {
        println!("{note}");
    }
    failures
}

/// `Same` if both are equal, else what each was.
fn equal<T: PartialEq + std::fmt::Debug>(ours: T, expected: T) -> Outcome {
    if ours == expected { Ok(Checked::Same) } else { Err(format!("ours {ours:?}, expected {expected:?}")) }
}

/// A deviation: `holds` says that we do what the reason says.
fn differs(holds: bool, reason: &'static str) -> Outcome {
    if holds {
        Ok(Checked::Differs(reason))
    } else {
        Err(format!("not even what we do on purpose: {reason}"))
    }
}
