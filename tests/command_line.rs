//! A program that starts another: the trace goes on there, by its environment. This file is both programs.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Stdio};

use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::{Options, capture_message, start_transaction, trace_environment};
use watchpost_testkit::{Captured, Recorder, capture_with, options};

/// Says in the environment that this process is the one that was started.
const STARTED: &str = "WATCHPOST_TEST_STARTED";

/// What the started program writes before what it reports.
const MARK: &str = "reported: ";

/// The program that is started: it does what programs do, and says which traces that belongs to. Run as a test of its own it does nothing.
#[test]
fn started() {
    if std::env::var_os(STARTED).is_none() {
        return;
    }
    let recorder = Recorder::new();
    let options = Options::new().dsn("https://k@o1.ingest.invalid/1").unwrap().transport(recorder.clone());
    let options = options.traces_sample_rate(0.0).unwrap().default_integrations(false);
    let guard = watchpost::init(options).unwrap();
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    capture_message("at large");
    start_transaction("by hand").start().finish();
    info_span!("by tracing").in_scope(|| capture_message("in a span"));
    watchpost::with_isolation_scope(|_| capture_message("in a unit of work"));
    drop(guard);
    eprintln!("{MARK}{}", traces(&recorder.captured()).join(" "));
}

/// The trace of each event and transaction, and who is its head.
fn traces(captured: &Captured) -> Vec<String> {
    let events = captured.events().into_iter().map(|event| event.contexts);
    let transactions = captured.transactions().into_iter().map(|transaction| transaction.contexts);
    let mut heads =
        captured.envelopes().iter().filter(|envelope| envelope.headers.event_id.is_some()).map(|envelope| {
            envelope
                .headers
                .trace
                .as_ref()
                .and_then(|trace| trace.public_key())
                .unwrap_or("nobody")
                .to_owned()
        });
    let ids = events.chain(transactions).map(|contexts| contexts.trace.unwrap().trace_id);
    ids.map(|id| format!("{id}@{}", heads.next().unwrap())).collect()
}

/// Starts this program again in an environment, and hands back what it says.
fn start(environment: &[(&'static str, String)]) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "started", "--nocapture"])
        .env_remove("SENTRY_TRACE")
        .env_remove("SENTRY_BAGGAGE")
        .env(STARTED, "1")
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let line = said.lines().find_map(|line| line.strip_prefix(MARK));
    line.unwrap_or_else(|| panic!("{said}")).split(' ').map(str::to_owned).collect()
}

#[test]
fn the_trace_goes_on_in_a_program_that_is_started() {
    let mut there = Vec::new();
    let mut here = String::new();
    let captured = capture_with(options().default_integrations(false), || {
        let root = start_transaction("build").enter();
        here = root.trace_id().unwrap().to_string();
        there = start(&trace_environment());
    });
    assert_eq!(captured.transactions().len(), 1);
    // Two roots and three messages: the decision is the starter's too, whatever the rate here says.
    assert_eq!(there, vec![format!("{here}@testkit"); 5]);
}

#[test]
fn a_program_can_be_told_not_to_listen() {
    let mut there = Vec::new();
    let mut here = String::new();
    capture_with(options(), || {
        let root = start_transaction("build").enter();
        here = root.trace_id().unwrap().to_string();
        let mut environment = trace_environment();
        environment.push(("SENTRY_USE_ENVIRONMENT", "false".into()));
        there = start(&environment);
    });
    assert_eq!(there.len(), 3, "messages, and no transaction at a rate of nothing");
    assert!(there.iter().all(|trace| !trace.starts_with(&here) && trace.ends_with("@k")), "{there:?}");
}

/// A trace that came without a sampling context has none to hand on: neither has the program that is started, whatever it would inherit.
#[test]
fn nothing_is_said_of_a_trace_that_came_without_a_context() {
    let mut environment = Vec::new();
    capture_with(options(), || {
        let headers = [("sentry-trace", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1")];
        let _job = watchpost::continue_trace(headers).name("job").enter();
        environment = trace_environment();
    });
    let [(trace, _), (baggage, said)] = &environment[..] else { panic!("{environment:?}") };
    assert_eq!((*trace, *baggage, &**said), ("SENTRY_TRACE", "SENTRY_BAGGAGE", ""));
    assert_eq!(start(&environment), vec!["0af7651916cd43dd8448eb211c80319c@nobody"; 5]);
    assert!(trace_environment().is_empty(), "without a client");
}
