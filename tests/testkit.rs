//! The testkit and panics: what a user's test sees of them, as `guide::testing` says.
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is what it is about")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use watchpost::process::PanicIntegration;
use watchpost::{FutureExt, Options, Scopes};
use watchpost_testkit::{Captured, capture, capture_with, options};

fn with_panics() -> Options {
    options().integration(PanicIntegration)
}

fn pay(card: &str) {
    watchpost::set_tag("plan", "pro");
    assert!(!card.is_empty(), "the card is empty");
}

const ISSUE: &str = "fatal: panic: the card is empty\n  tags: plan=pro\n";

#[test]
fn a_panic_in_the_closure_is_an_issue_once_it_is_caught() {
    let captured = capture_with(with_panics(), || {
        assert!(catch_unwind(|| pay("")).is_err());
    });
    assert_eq!(captured.draw(), ISSUE);
    let mechanism = captured.events()[0].exception[0].mechanism.clone().unwrap();
    assert_eq!((&*mechanism.ty, mechanism.handled), ("panic", Some(false)));
}

#[test]
fn a_panic_of_a_thread_is_if_the_scopes_go_along() {
    let captured = capture_with(with_panics(), || {
        assert!(thread::spawn(Scopes::current().wrap(|| pay(""))).join().is_err());
        assert!(thread::spawn(|| pay("")).join().is_err());
    });
    assert_eq!(captured.draw(), ISSUE);
}

#[test]
fn a_panic_of_a_task_is_as_well() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let captured = capture_with(with_panics(), || {
        let task = runtime.spawn(async { pay("") }.with_current_scopes());
        assert!(runtime.block_on(task).unwrap_err().is_panic());
    });
    assert_eq!(captured.draw(), ISSUE);
}

#[test]
fn a_panic_is_no_issue_for_who_has_not_asked() {
    let captured = capture(|| {
        let asked = capture_with(with_panics(), || _ = catch_unwind(|| pay("")));
        assert_eq!(asked.draw(), ISSUE, "the hook is there");
        assert!(catch_unwind(|| pay("")).is_err());
    });
    assert_eq!(captured.draw(), "");
}

/// An assertion in the closure has to fail the test.
#[test]
fn a_panic_that_nobody_catches_goes_on() {
    let mut captured = None;
    let caught = catch_unwind(AssertUnwindSafe(|| captured = Some(capture_with(with_panics(), || pay("")))));
    assert!(caught.is_err() && captured.as_ref().map(Captured::draw).is_none());
    assert!(Scopes::current().client().is_none(), "its client is nobody's any more");
}
