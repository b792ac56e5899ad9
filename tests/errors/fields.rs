//! The fields of the spans around an error stand for its local variables.

use serde_json::{Map, Value};
use tracing::info_span;
use tracing_error::{InstrumentError, TracedError};
use tracing_subscriber::prelude::*;
use watchpost::process::{InApp, Stacks};
use watchpost::{Options, capture_error};
use watchpost_testkit::{capture_with, options};

use crate::Payment;

fn variables(options: Options) -> Map<String, Value> {
    let options = options.traces_sample_rate(1.0).unwrap().stack_source(Stacks::new(InApp::default()));
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture_with(options, || {
        tracing::subscriber::with_default(subscriber, || {
            let _request = info_span!("request", user_id = 42, token = "s3cret").entered();
            let _charge = info_span!("charge", attempt = 2).entered();
            capture_error(&Payment::Declined);
        });
    });
    let event = &captured.events()[0];
    let frames = &event.exception[0].stacktrace.as_ref().unwrap().frames;
    let (last, others) = frames.split_last().unwrap();
    assert!(others.iter().all(|frame| frame.vars.is_empty()), "they stand where the error was captured");
    last.vars.clone()
}

#[test]
fn they_are_on_the_innermost_frame_and_scrubbed() {
    let vars = variables(options());
    assert_eq!((&vars["user_id"], &vars["attempt"]), (&42.into(), &2.into()));
    assert_eq!(vars["token"], "[Filtered]");
}

/// The variables of an error that has kept its spans, and is captured when they are over.
fn carried(fails: impl FnOnce() -> TracedError<Payment>) -> Map<String, Value> {
    let options = options().stack_source(Stacks::new(InApp::default()));
    let subscriber = tracing_subscriber::registry()
        .with(watchpost::tracing::layer())
        .with(tracing_error::ErrorLayer::default());
    let captured = capture_with(options, || {
        tracing::subscriber::with_default(subscriber, || {
            capture_error(&fails());
        });
    });
    let event = &captured.events()[0];
    event.exception.last().unwrap().stacktrace.as_ref().unwrap().frames.last().unwrap().vars.clone()
}

#[test]
fn an_error_may_carry_those_of_the_place_where_it_was_made() {
    let vars = carried(|| {
        let _request = info_span!("request", user_id = 42, attempt = 1, token = "s3cret").entered();
        let _charge = info_span!("charge", attempt = 2, card = "a b=c").entered();
        Payment::Declined.in_current_span()
    });
    let expected = [("attempt", "2"), ("card", "a b=c"), ("token", "[Filtered]"), ("user_id", "42")];
    let found: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    assert_eq!(found, expected);
}

/// The fields of a span are kept as text, in which one name may stand within another.
#[test]
fn a_name_may_stand_in_another_and_come_twice() {
    let vars = carried(|| {
        let _charge = info_span!("charge", "card id" = 7, note = "\" id=1", id = 42, id = 43).entered();
        Payment::Declined.in_current_span()
    });
    assert_eq!((&vars["card id"], &vars["id"]), (&"7".into(), &"43".into()));
}

#[test]
fn they_are_not_there_if_nobody_wants_them() {
    assert!(variables(options().include_local_variables(false)).is_empty());
}
