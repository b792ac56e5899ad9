//! A current scope of its own for a span that had none, and what that must not change.

use tracing::{Level, debug_span, error, info_span, span};
use tracing_subscriber::prelude::*;
use watchpost_core::api::{current_scope, update_current_span, with_isolation_scope};
use watchpost_protocol::SpanStatus;
use watchpost_testkit::Captured;

fn captured(work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost_tracing::layer());
    watchpost_testkit::capture(|| tracing::subscriber::with_default(subscriber, work))
}

#[test]
fn a_span_that_is_not_recorded_ends_and_changes_nothing_of_its_parent() {
    let captured = captured(|| {
        info_span!("root").in_scope(|| {
            let detail = debug_span!("detail", step = tracing::field::Empty);
            detail.in_scope(|| current_scope().set_tag("deep", 1));
            detail.record("step", 7);
            drop(detail);
            info_span!("after").in_scope(|| error!("late"));
        });
    });
    assert_eq!(captured.draw(), "error: late\n  in root\nfunction root\n  function after [internal_error]\n");
    let root = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert!(!root.data.contains_key("step"), "{:?}", root.data);
}

#[test]
fn in_a_span_that_is_left_out_the_current_one_is_the_span_around_it() {
    let captured = captured(|| {
        info_span!("request").in_scope(|| {
            debug_span!("detail").in_scope(|| {
                update_current_span(|span| {
                    span.set_attribute("rows", 42);
                    span.set_status(SpanStatus::NotFound);
                });
            });
            info_span!("after").in_scope(|| ());
        });
    });
    assert_eq!(captured.draw(), "function request [not_found]\n  function after\n");
    assert_eq!(captured.transactions()[0].contexts.trace.as_ref().unwrap().data["rows"], 42);
}

#[test]
fn what_is_set_in_a_span_is_gone_in_its_sibling_also_under_entered_scopes() {
    let captured = captured(|| {
        with_isolation_scope(|_| {
            span!(Level::INFO, "one").in_scope(|| {
                current_scope().set_tag("of", "one");
                error!("in one");
            });
            span!(Level::INFO, "two").in_scope(|| error!("in two"));
        });
    });
    let events = captured.events();
    assert_eq!(events[0].tags.get("of").map(String::as_str), Some("one"));
    assert!(events[1].tags.is_empty(), "{:?}", events[1].tags);
    let transactions = captured.transactions();
    assert_eq!(
        transactions[0].tags.get("of").map(String::as_str),
        Some("one"),
        "a root's own scope is its transaction's"
    );
}

#[test]
fn a_span_that_carries_nothing_is_as_if_it_were_not_there() {
    let subscriber = || tracing_subscriber::registry().with(watchpost_tracing::layer());
    // Made before there is anybody to report to, and entered when there is.
    let _subscribed = tracing::subscriber::set_default(subscriber());
    let early = info_span!("early");
    let captured = watchpost_testkit::capture(|| {
        watchpost_core::api::set_tag("order", 42);
        early.in_scope(|| {
            error!("in no span of ours");
            info_span!("late").in_scope(|| error!("in a root"));
            current_scope().set_tag("deep", 1);
            error!("still in none");
        });
    });
    assert_eq!(
        captured.draw(),
        "error: in no span of ours\n  tags: order=42\n\
         error: in a root\n  in late\n  tags: order=42\nfunction late [internal_error]\n  tags: order=42\n\
         error: still in none\n  tags: deep=1 order=42\n"
    );
}
