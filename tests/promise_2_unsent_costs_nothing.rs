//! Promise 2: what is not sent costs nothing. No client, tracing off, or unsampled: a child span allocates nothing, and entering and leaving a
//! span never does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::{debug, debug_span, info, info_span};
use tracing_subscriber::prelude::*;
use watchpost::{Options, Scopes};
use watchpost_testkit::{capture_with, options};

/// Whether there is a client at all is known to the whole process: one story at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn subscribed(work: impl FnOnce()) {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, work);
}

/// How often `work` allocates on this thread in a hundred rounds, once the pools of the registry and of the thread have grown.
fn allocations(work: impl Fn()) -> u64 {
    let rounds = || (0..100).for_each(|_| work());
    rounds();
    allocation_counter::measure(rounds).count_total
}

fn child() {
    let span = info_span!("child");
    let _entered = span.enter();
}

/// What a span says of itself is not even written down.
fn child_with_fields() {
    let span =
        info_span!("child", rows = 42, table = "users", query = ?"SELECT 1", late = tracing::field::Empty);
    let entered = span.enter();
    span.record("late", "now");
    drop(entered);
}

/// A child of a child, and another beside it.
fn tree() {
    let outer = info_span!("outer");
    let _outer = outer.enter();
    child();
    child_with_fields();
}

/// What is never sent of a program under these options.
fn assert_free(options: Options) {
    let captured = capture_with(options.default_integrations(false), || {
        subscribed(|| {
            let root = info_span!("request");
            let _root = root.enter();
            assert_eq!(allocations(child), 0, "a child");
            assert_eq!(allocations(child_with_fields), 0, "a child with fields");
            assert_eq!(allocations(tree), 0, "a tree");
            assert_eq!(allocations(|| debug!(rows = 42, "not listened to")), 0, "an event that nobody wants");
            assert_eq!(allocations(|| drop(watchpost::start_span("by hand").start())), 0, "a span by hand");
            assert_eq!(
                allocations(|| drop(watchpost::start_span("by hand").enter())),
                0,
                "one that is entered"
            );
            tracing::error!("still reported");
        });
    });
    assert_eq!(captured.draw().lines().next(), Some("error: still reported"));
    assert!(captured.transactions().is_empty());
    assert!(captured.events()[0].breadcrumbs.is_empty(), "spans leave no trail");
}

#[test]
fn tracing_off() {
    let _alone = alone();
    assert_free(Options::new().use_environment(false).dsn("https://k@localhost/1").unwrap());
}

#[test]
fn unsampled() {
    let _alone = alone();
    assert_free(options().traces_sample_rate(0.0).unwrap());
}

fn under(options: Options, work: impl FnOnce()) {
    let _alone = alone();
    capture_with(options.default_integrations(false), || subscribed(work));
}

fn unsampled_options() -> Options {
    options().traces_sample_rate(0.0).unwrap()
}

fn detail() {
    debug_span!("detail").in_scope(|| ());
}

/// As in a handler under `watchpost::tower::request_layer()`: the request's scopes are entered, its span is ours and not tracing's.
#[test]
fn in_an_unsampled_request_by_hand() {
    under(unsampled_options(), || {
        let _request = watchpost::start_transaction("request").enter();
        assert_eq!(allocations(child), 0, "a child");
        assert_eq!(allocations(child_with_fields), 0, "a child with fields");
        assert_eq!(allocations(tree), 0, "a tree");
        assert_eq!(allocations(detail), 0, "a span that is left out");
    });
}

#[test]
fn in_a_unit_of_work_with_tracing_off() {
    let off = Options::new().use_environment(false).dsn("https://k@localhost/1").unwrap();
    under(off, || {
        watchpost::with_isolation_scope(|_| assert_eq!(allocations(detail), 0, "a span that is left out"));
    });
}

#[test]
fn in_a_scope_within_a_span() {
    under(unsampled_options(), || {
        let _request = info_span!("request").entered();
        watchpost::with_scope(|_| assert_eq!(allocations(child), 0));
    });
}

#[test]
fn on_another_thread_than_the_request_began_on() {
    under(unsampled_options(), || {
        let request = info_span!("request");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    request.in_scope(|| assert_eq!(allocations(child), 0));
                });
            });
        });
    });
}

#[test]
fn no_client() {
    let _alone = alone();
    assert!(!watchpost::is_initialized());
    subscribed(|| {
        assert_eq!(allocations(child), 0, "a root");
        assert_eq!(allocations(child_with_fields), 0, "a root with fields");
        assert_eq!(allocations(tree), 0, "a tree");
        assert_eq!(allocations(|| info!(rows = 42, "a breadcrumb")), 0, "a breadcrumb");
        assert_eq!(allocations(|| tracing::error!(rows = 42, "an issue")), 0, "an issue");
        assert_eq!(
            allocations(|| drop(watchpost::start_transaction("by hand").start())),
            0,
            "a span by hand"
        );
        assert_eq!(
            allocations(|| drop(watchpost::start_transaction("by hand").enter())),
            0,
            "a span by hand"
        );
        assert_eq!(allocations(|| _ = watchpost::capture_error(&std::fmt::Error)), 0, "an error");
        assert_eq!(allocations(|| _ = watchpost::capture_message("hello")), 0, "a message");
        assert_eq!(
            allocations(|| _ = watchpost::capture_message!("order {}", 42)),
            0,
            "a message to be made"
        );
    });
}

#[test]
fn a_client_without_a_way_to_send() {
    let _alone = alone();
    let client = watchpost::new_client(Options::new().use_environment(false)).unwrap();
    let _entered = std::sync::Arc::new(Scopes::of_client(&client)).attach();
    subscribed(|| assert_eq!(allocations(tree), 0));
}

/// One `.await` is one exit and one enter: also of a span that is sent.
#[test]
fn entering_and_leaving() {
    let _alone = alone();
    capture_with(options(), || {
        subscribed(|| {
            let root = info_span!("request");
            assert_eq!(allocations(|| root.in_scope(|| {})), 0, "a root");
            let _root = root.enter();
            let child = info_span!("child");
            assert_eq!(allocations(|| child.in_scope(|| {})), 0, "a child");
        });
    });
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 100);
}
