//! The conformance vectors of the protocol, read as data.
//!
//! They stand in `tests/data/vectors.json`; `WATCHPOST_VECTORS` may name another file of the same form, with more of them. A second file,
//! `tests/data/vectors_more.json`, has an example of what the first one does not show. Each area that is built is a test, which checks it
//! vector by vector. Where we differ on purpose, the check asserts that we still do, and what we do instead;
//! the reasons are one list, in `known`. A vector whose form no check knows fails: nothing passes
//! unseen.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says on stdout what it skipped"
)]

#[path = "vectors/crons.rs"]
mod crons;
#[path = "vectors/environment.rs"]
mod environment;
#[path = "vectors/errors.rs"]
mod errors;
#[path = "vectors/filters.rs"]
mod filters;
#[path = "vectors/flags.rs"]
mod flags;
#[path = "vectors/grammars.rs"]
mod grammars;
#[path = "vectors/known.rs"]
mod known;
#[path = "vectors/logs.rs"]
mod logs;
#[path = "vectors/metrics.rs"]
mod metrics;
#[path = "vectors/models.rs"]
mod models;
#[path = "vectors/privacy.rs"]
mod privacy;
#[path = "vectors/reports.rs"]
mod reports;
#[path = "vectors/sampling.rs"]
mod sampling;
#[path = "vectors/scopes.rs"]
mod scopes;
#[path = "vectors/sessions.rs"]
mod sessions;
mod support;
#[path = "vectors/traces.rs"]
mod traces;
#[path = "vectors/tracing_layer.rs"]
mod tracing_layer;
#[path = "vectors/truncation.rs"]
mod truncation;
#[path = "vectors/wire.rs"]
mod wire;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use known::{Deviation, Unchecked};
use serde_json::Value;

/// One vector, without what it says about itself (`note`, `deviation`).
struct Vector<'a> {
    input: &'a Value,
    expected: &'a Value,
}

/// What came of one vector.
enum Checked {
    Same,
    /// We do something else on purpose, and it was checked that we do.
    Differs(Deviation),
    /// The same, as far as it can be checked.
    Partly(Unchecked),
    /// Nothing of it can be checked.
    Skipped(Unchecked),
    /// Of its parts, one this and one that.
    Parts(Vec<Checked>),
}

/// An error fails the test, with the vector's id.
type Outcome = Result<Checked, String>;

type Check = fn(&Vector<'_>) -> Outcome;

/// A test of its own for each area that is built, and the list of them.
macro_rules! areas {
    ($($area:ident: $check:path,)*) => {
        const BUILT: &[(&str, Check)] = &[$((stringify!($area), $check)),*];

        $(#[test]
        fn $area() {
            check_area(stringify!($area), $check);
        })*
    };
}

areas! {
    dsn: grammars::dsn,
    sentry_trace: grammars::sentry_trace,
    baggage: grammars::baggage,
    rate_limits: wire::rate_limits,
    envelope: wire::envelope,
    environment: environment::environment,
    trace_continuation: traces::trace_continuation,
    dsc: traces::dsc,
    sampling: sampling::sampling,
    propagation_targets: filters::propagation_targets,
    trace_filters: filters::trace_filters,
    scope_merge: scopes::scope_merge,
    truncation: truncation::truncation,
    client_reports: reports::client_reports,
    exceptions: errors::exceptions,
    error_filters: errors::error_filters,
    tracing_layer: tracing_layer::tracing_layer,
    logs: logs::logs,
    metrics_and_attributes: metrics::metrics_and_attributes,
    crons: crons::crons,
    scrubber: privacy::scrubber,
    url_scrub: privacy::url_scrub,
    feature_flags: flags::feature_flags,
    span_templates: models::span_templates,
    sessions: sessions::sessions,
}

#[test]
fn every_area_is_checked() {
    let areas = areas();
    let areas = areas.as_object().expect("a map of areas");
    let is_checked = |name: &str| BUILT.iter().any(|(built, _)| *built == name);
    let unchecked: Vec<&String> = areas.keys().filter(|name| !is_checked(name)).collect();
    assert!(unchecked.is_empty(), "nobody checks {unchecked:?}");
}

/// No reason has become idle.
#[test]
fn every_reason_is_met() {
    let tallies: Vec<Tally> = BUILT.iter().map(|(area, check)| Tally::of(area, *check)).collect();
    let deviations: BTreeSet<Deviation> = tallies.iter().flat_map(|tally| tally.differing.clone()).collect();
    assert_eq!(deviations, Deviation::ALL.iter().copied().collect());
    let unchecked: BTreeSet<Unchecked> = tallies.iter().flat_map(|tally| tally.unchecked.clone()).collect();
    assert_eq!(unchecked, Unchecked::ALL.iter().copied().collect());
}

fn check_area(area: &str, check: Check) {
    let Tally { same, differing, unchecked, notes, failures } = Tally::of(area, check);
    let (differing, unchecked) = (differing.len(), unchecked.len());
    println!("{area}: {same} as expected, {differing} differ on purpose, {unchecked} skipped\n{notes}");
    assert!(failures.is_empty(), "these vectors fail:\n{failures}");
}

/// What came of the vectors of one area.
#[derive(Default)]
struct Tally {
    same: usize,
    differing: Vec<Deviation>,
    unchecked: Vec<Unchecked>,
    notes: String,
    failures: String,
}

impl Tally {
    fn of(area: &str, check: Check) -> Tally {
        /// The global scope is the process's: one area at a time.
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);

        let mut tally = Tally::default();
        for file in [areas(), more()] {
            for vector in file[area]["vectors"].as_array().into_iter().flatten() {
                let id = vector["id"].as_str().unwrap_or("a vector without an id");
                let outcome = catch_unwind(AssertUnwindSafe(|| check_one(vector, check)));
                tally.count(area, id, outcome.unwrap_or_else(|_| Err("the check panicked".to_owned())));
            }
        }
        assert!(tally.same > 0 || !tally.failures.is_empty(), "nothing of {area} is checked");
        tally
    }

    fn count(&mut self, area: &str, id: &str, outcome: Outcome) {
        let (list, what) = match outcome {
            Ok(Checked::Same) => {
                self.same += 1;
                return;
            }
            Ok(Checked::Parts(parts)) => {
                parts.into_iter().for_each(|part| self.count(area, id, Ok(part)));
                return;
            }
            Ok(Checked::Differs(deviation)) => {
                self.differing.push(deviation);
                (&mut self.notes, format!("differs: {id}: {}", deviation.reason()))
            }
            Ok(Checked::Partly(what)) => {
                self.unchecked.push(what);
                (&mut self.notes, format!("skipped in part: {id}: {}", what.reason()))
            }
            Ok(Checked::Skipped(what)) => {
                self.unchecked.push(what);
                (&mut self.notes, format!("skipped: {id}: {}", what.reason()))
            }
            Err(problem) => (&mut self.failures, format!("{area}: {id}: {problem}")),
        };
        *list += &format!("  {what}\n");
    }
}

fn areas() -> Value {
    let file = std::env::var("WATCHPOST_VECTORS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/data/vectors.json").to_owned());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    areas_of(&text)
}

fn more() -> Value {
    areas_of(include_str!("data/vectors_more.json"))
}

fn areas_of(file: &str) -> Value {
    let mut vectors: Value = serde_json::from_str(file).expect("JSON");
    vectors["areas"].take()
}

fn check_one(vector: &Value, check: Check) -> Outcome {
    only(vector, &["id", "input", "expected", "note", "deviation"])?;
    let part = |name: &str| vector.get(name).ok_or_else(|| format!("it has no {name}"));
    check(&Vector { input: part("input")?, expected: part("expected")? })
}

/// `Same` if both are equal, else what each was.
fn equal<T: PartialEq + Debug>(ours: T, expected: T) -> Outcome {
    if ours == expected { Ok(Checked::Same) } else { Err(format!("ours {ours:?}, expected {expected:?}")) }
}

/// Asserts that we still differ, and that we do what we want to do instead.
fn differs<T: PartialEq + Debug>(deviation: Deviation, ours: T, expected: T, instead: T) -> Outcome {
    let reason = deviation.reason();
    if ours == expected {
        return Err(format!("we do not differ any more, though we would: {reason}"));
    }
    equal(ours, instead).map_err(|problem| format!("nor do we do this on purpose: {reason}: {problem}"))?;
    Ok(Checked::Differs(deviation))
}

/// For a vector that no check understands.
fn unknown() -> String {
    "a form that no check knows".to_owned()
}

/// Fails if what should be a map is none, or has a key that the check does not look at.
fn only(map: &Value, known: &[&str]) -> Result<(), String> {
    let keys = map.as_object().ok_or_else(unknown)?.keys();
    let unknown: Vec<&String> = keys.filter(|key| !known.contains(&key.as_str())).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("no check looks at {unknown:?}")) }
}

/// A text that may be missing; anything else in its place is an error.
fn text<'a>(map: &'a Value, key: &str) -> Result<Option<&'a str>, String> {
    optional(map, key, Value::as_str)
}

/// A number that may be missing.
fn number(map: &Value, key: &str) -> Result<Option<f64>, String> {
    optional(map, key, Value::as_f64)
}

/// A count that has to be there.
fn count(map: &Value, key: &str) -> Result<usize, String> {
    let count = optional(map, key, Value::as_u64)?.ok_or_else(|| format!("{key} is missing"))?;
    usize::try_from(count).map_err(|error| format!("{key}: {error}"))
}

/// A switch that may be missing.
fn switch(map: &Value, key: &str) -> Result<Option<bool>, String> {
    optional(map, key, Value::as_bool)
}

fn optional<'a, T>(
    map: &'a Value,
    key: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, String> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| format!("{key} is {value}, which no check knows")),
    }
}

/// The elements of a list; anything else is an error.
fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{value} is no list"))
}
