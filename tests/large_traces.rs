//! Traces that are large, deep, wide, late or many: what there is no room for is counted, nothing is mixed up, and the memory comes back.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::sync::Arc;

use tracing::{Span as TracingSpan, info_span};
use tracing_subscriber::prelude::*;
use watchpost::protocol::{SpanRecord, Transaction};
use watchpost::{Options, capture_message, start_span, start_transaction};
use watchpost_core::MAX_SPANS;
use watchpost_testkit::{Captured, capture_with, options};

fn quiet() -> Options {
    options().default_integrations(false)
}

fn traced(options: Options, program: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    capture_with(options, || tracing::subscriber::with_default(subscriber, program))
}

/// The one transaction that was sent.
#[track_caller]
fn one(captured: &Captured) -> Transaction {
    let mut transactions = captured.transactions();
    assert_eq!(transactions.len(), 1);
    transactions.remove(0)
}

/// How many children there were, as the transaction says where it has not all of them.
fn said_to_be(transaction: &Transaction) -> Option<u64> {
    transaction.meta.get(["spans"])?.said.len
}

/// How many spans lie between this one and the root.
fn depth(span: &SpanRecord, parents: &HashMap<String, Option<String>>) -> usize {
    let parent = |id: &String| parents.get(id).cloned().flatten();
    std::iter::successors(Some(span.span_id.to_string()), parent).count() - 1
}

fn parents(transaction: &Transaction) -> HashMap<String, Option<String>> {
    let ids = |span: &SpanRecord| (span.span_id.to_string(), span.parent_span_id.map(|id| id.to_string()));
    transaction.spans.iter().map(ids).collect()
}

#[test]
fn a_trace_has_room_for_so_many_spans_and_says_how_many_there_were() {
    let by_hand = || {
        let root = start_transaction("wide").enter();
        (0..10_000).for_each(|_| root.child("leaf").finish());
    };
    let by_tracing = || {
        let root = info_span!("wide").entered();
        (0..10_000).for_each(|_| drop(info_span!("leaf")));
        drop(root);
    };
    for captured in [traced(quiet(), by_hand), traced(quiet(), by_tracing)] {
        let transaction = one(&captured);
        assert_eq!((transaction.spans.len(), said_to_be(&transaction)), (MAX_SPANS, Some(10_000)));
        assert_eq!(captured.losses(), ["buffer_overflow/span: 9000"]);
    }
}

#[test]
fn a_trace_that_is_not_full_says_nothing_of_a_number() {
    let captured = traced(quiet(), || {
        let root = start_transaction("full").enter();
        (0..MAX_SPANS).for_each(|_| root.child("leaf").finish());
    });
    let transaction = one(&captured);
    assert_eq!((transaction.spans.len(), said_to_be(&transaction)), (MAX_SPANS, None));
    assert!(captured.losses().is_empty());
}

/// What has no room of its own is stood for by the innermost span that has: errors in it, and its own children, are that one's.
#[test]
fn a_deep_trace_is_cut_at_the_leaves() {
    let by_hand = |depth: usize| {
        let _root = start_transaction("deep").enter();
        let entered: Vec<_> = (0..depth).map(|_| start_span("step").enter()).collect();
        capture_message("at the bottom");
        entered.into_iter().rev().for_each(drop);
    };
    let by_tracing = |depth: usize| {
        let root = info_span!("deep").entered();
        let entered: Vec<_> = (0..depth).map(|_| info_span!("step").entered()).collect();
        capture_message("at the bottom");
        entered.into_iter().rev().for_each(drop);
        drop(root);
    };
    for captured in [traced(quiet(), || by_hand(10_000)), traced(quiet(), || by_tracing(10_000))] {
        let transaction = one(&captured);
        assert_eq!(transaction.spans.len(), MAX_SPANS);
        let lost = said_to_be(&transaction).unwrap() - MAX_SPANS as u64;
        assert_eq!(captured.losses(), [format!("buffer_overflow/span: {lost}")]);
        let parents = parents(&transaction);
        let deepest = transaction.spans.iter().max_by_key(|span| depth(span, &parents)).unwrap();
        assert_eq!(depth(deepest, &parents), MAX_SPANS, "each is the child of the one before it");
        let event = captured.events().remove(0).contexts.trace.unwrap();
        assert_eq!(event.trace_id, transaction.contexts.trace.unwrap().trace_id);
        assert_eq!(event.span_id, deepest.span_id);
    }
}

/// Whole trees are dropped by dropping their root: nothing of ours goes down into them.
#[test]
fn a_deep_trace_that_is_dropped_at_once_does_not_overflow_the_stack() {
    let captured = traced(quiet(), || {
        let root = start_transaction("deep").start();
        let mut chain = vec![root.child("step")];
        for _ in 0..10_000 {
            let next = chain[chain.len() - 1].child("step");
            chain.push(next);
        }
        drop(root);
        drop(chain);
    });
    let transaction = one(&captured);
    assert_eq!((transaction.spans.len(), said_to_be(&transaction)), (0, Some(10_001)), "none had ended");
    assert_eq!(captured.losses(), ["buffer_overflow/span: 10001"]);
}

#[test]
fn a_child_that_begins_after_the_end_of_its_trace_is_counted() {
    let captured = traced(quiet(), || {
        let root = start_transaction("short").start();
        let child = root.child("on time");
        let outliving = root.child("outliving");
        child.finish();
        root.finish();
        let late = outliving.child("late");
        assert!(!late.is_recording());
        drop(late);
        outliving.finish();
    });
    assert_eq!(captured.draw(), "default short\n  default on time\n");
    assert_eq!(said_to_be(&one(&captured)), Some(2));
    assert_eq!(captured.losses(), ["buffer_overflow/span: 2"]);
}

/// What happens in a span that outlives its trace is still told of that trace.
#[test]
fn a_span_that_outlives_its_trace_keeps_its_ids() {
    let mut trace = None;
    let captured = traced(quiet(), || {
        let root = start_transaction("short").enter();
        trace = root.trace_id();
        let outliving = info_span!("outliving");
        drop(root);
        outliving.in_scope(|| {
            capture_message("late");
            drop(info_span!("later still"));
        });
        drop(outliving);
        start_transaction("next").start().finish();
    });
    let names: Vec<_> =
        captured.transactions().into_iter().map(|transaction| transaction.transaction).collect();
    assert_eq!(names, ["short", "next"]);
    let event = captured.events().remove(0);
    assert_eq!(event.contexts.trace.map(|context| context.trace_id), trace);
    assert_eq!(captured.losses(), ["buffer_overflow/span: 2"]);
}

#[test]
fn a_span_that_is_entered_again_is_one_span() {
    let captured = traced(quiet(), || {
        let root = info_span!("root");
        let child = root.in_scope(|| info_span!("child"));
        for i in 0..100 {
            root.in_scope(|| ());
            child.in_scope(|| info_span!("grandchild", i).in_scope(|| ()));
        }
    });
    let transaction = one(&captured);
    assert_eq!(transaction.spans.len(), 101);
    let child = &transaction.spans[0];
    assert_eq!(child.description.as_deref(), Some("child"));
    let others = &transaction.spans[1..];
    assert!(
        others
            .iter()
            .all(|span| span.parent_span_id == Some(child.span_id) && span.timestamp <= child.timestamp)
    );
}

#[test]
fn spans_of_one_trace_are_made_on_many_threads() {
    let threads = |work: &(dyn Fn(u64) + Sync)| {
        std::thread::scope(|scope| {
            (0..8).for_each(|thread| _ = scope.spawn(move || work(thread)));
        });
    };
    let by_hand = || {
        let root = start_transaction("root").start();
        threads(&|thread| {
            for _ in 0..100 {
                let child = root.child("child");
                child.set_attribute("made.by", thread);
                let grandchild = child.child("grandchild");
                grandchild.set_attribute("made.by", thread);
            }
        });
    };
    let dispatched = || {
        let root = info_span!("root");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        threads(&|thread| {
            tracing::dispatcher::with_default(&dispatch, || {
                for _ in 0..100 {
                    let child = info_span!(parent: &root, "child", made.by = thread);
                    child.in_scope(|| info_span!("grandchild", made.by = thread).in_scope(|| ()));
                }
            });
        });
    };
    for captured in [traced(quiet(), by_hand), traced(quiet(), dispatched)] {
        let transaction = one(&captured);
        assert_eq!(transaction.spans.len(), MAX_SPANS);
        assert_eq!(captured.losses(), ["buffer_overflow/span: 600"]);
        let root = transaction.contexts.trace.as_ref().unwrap().span_id;
        let by_id: HashMap<_, _> = transaction.spans.iter().map(|span| (span.span_id, span)).collect();
        assert_eq!(by_id.len(), MAX_SPANS, "ids are unique");
        for span in &transaction.spans {
            match span.parent_span_id.unwrap() {
                parent if parent == root => {}
                parent => {
                    let parent = by_id[&parent];
                    assert_eq!(parent.data["made.by"], span.data["made.by"], "a child of its own thread's");
                    assert_eq!(parent.description.as_deref(), Some("child"));
                }
            }
        }
    }
}

const MANY: usize = 10_000;

/// Each trace has its own child, attribute and tag, and nothing of another.
fn assert_unmixed(captured: &Captured) {
    let mut transactions = captured.transactions();
    transactions.retain(|transaction| transaction.transaction == "root");
    assert_eq!(transactions.len(), MANY, "{:?}", captured.losses());
    let mut seen: Vec<&str> = Vec::new();
    for transaction in &transactions {
        let number = transaction.tags["number"].as_str();
        let trace = transaction.contexts.trace.as_ref().unwrap();
        let [child] = &transaction.spans[..] else {
            panic!("{number}: {} children", transaction.spans.len())
        };
        assert_eq!((child.trace_id, child.parent_span_id), (trace.trace_id, Some(trace.span_id)));
        assert_eq!(child.data["number"].to_string(), number);
        assert_eq!(trace.data["number"].to_string(), number);
        seen.push(number);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), MANY);
}

/// Keeps a count of the scopes that hold it.
fn held_by_a_scope(token: &Arc<()>) {
    let token = Arc::clone(token);
    watchpost::isolation_scope().add_event_processor(move |event| {
        let _ = &token;
        Some(event)
    });
}

#[test]
fn ten_thousand_traces_at_once_do_not_mix_and_their_memory_returns() {
    let room = || quiet().transport_queue_size(2 * MANY);
    let token = Arc::new(());
    let by_tracing = traced(room(), || {
        let roots: Vec<TracingSpan> = (0..MANY)
            .map(|number| {
                let root = info_span!(parent: None, "root", number);
                root.in_scope(|| {
                    watchpost::set_tag("number", number);
                    held_by_a_scope(&token);
                });
                root
            })
            .collect();
        let children: Vec<TracingSpan> = roots
            .iter()
            .enumerate()
            .map(|(number, root)| info_span!(parent: root, "child", number))
            .collect();
        assert_eq!(Arc::strong_count(&token), MANY + 1);
        children.into_iter().rev().for_each(drop);
        roots.into_iter().for_each(drop);
        assert!(watchpost::flush(Some(std::time::Duration::from_secs(60))));
        drop(info_span!("another trace, of which this thread may remember something"));
        assert_eq!(Arc::strong_count(&token), 1, "nothing of them is left");
    });
    assert_unmixed(&by_tracing);

    let by_hand = traced(room(), || {
        let roots: Vec<_> = (0..MANY)
            .map(|number| {
                watchpost::with_isolation_scope(|_| {
                    watchpost::set_tag("number", number);
                    held_by_a_scope(&token);
                    start_transaction("root").attribute("number", number).start()
                })
            })
            .collect();
        let children: Vec<_> = roots.iter().map(|root| root.child("child")).collect();
        assert_eq!(Arc::strong_count(&token), MANY + 1);
        children.iter().enumerate().for_each(|(number, child)| child.set_attribute("number", number));
        children.into_iter().rev().for_each(drop);
        drop(roots);
    });
    assert_unmixed(&by_hand);
    assert_eq!(Arc::strong_count(&token), 1);
}
