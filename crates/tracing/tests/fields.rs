//! Fields: their types, the errors among them, and whose they are.

use std::error::Error;
use std::fmt;

use serde_json::json;
use tracing::field::Empty;
use tracing::{error, error_span, info, info_span};
use tracing_subscriber::prelude::*;
use watchpost_testkit::{Captured, capture};
use watchpost_tracing::{CaptureLayer, layer};

fn captured(layer: CaptureLayer, work: impl FnOnce()) -> Captured {
    capture(|| tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work))
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order is unreadable")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn failed_in_an_order() {
    let request = info_span!("request", order = 41, customer = "ann");
    let _request = request.enter();
    request.record("order", 42);
    let step = info_span!("step", order = 43, late = Empty, share = 0.5, paid = true);
    let _step = step.enter();
    step.record("late", u64::MAX);
    error!(customer = "bob", "failed");
}

#[test]
fn an_issue_says_in_which_order_it_was() {
    let captured = captured(layer(), failed_in_an_order);
    let fields = &captured.events()[0].contexts.other["Rust Tracing Fields"];
    // The innermost speaks last: the event of itself, then the span it is in.
    let expected = json!({"order": 43, "customer": "bob", "late": u64::MAX, "share": 0.5, "paid": true});
    assert_eq!(*fields, expected);
    let spans = captured.transactions();
    let root = spans[0].contexts.trace.as_ref().unwrap();
    assert_eq!((&root.data["order"], &root.data["customer"]), (&json!(42), &json!("ann")));
    let step = &spans[0].spans[0].data;
    assert_eq!((&step["late"], &step["share"], &step["paid"]), (&json!(u64::MAX), &json!(0.5), &json!(true)));
}

#[test]
fn who_does_not_want_the_fields_of_spans_says_so() {
    let captured = captured(layer().span_fields(false), failed_in_an_order);
    assert_eq!(captured.events()[0].contexts.other["Rust Tracing Fields"], json!({"customer": "bob"}));
}

#[test]
fn an_error_is_its_chain() {
    let captured = captured(layer(), || {
        let error = Outer("x".parse::<u32>().unwrap_err());
        error!(error = &error as &dyn Error, attempt = 2, "giving up");
    });
    let event = &captured.events()[0];
    let chain: Vec<_> = event.exception.iter().filter_map(|link| link.value.as_deref()).collect();
    assert_eq!(chain, ["invalid digit found in string", "the order is unreadable"]);
    assert_eq!(event.logentry.as_ref().unwrap().formatted.as_deref(), Some("giving up"));
    assert_eq!(event.contexts.other["Rust Tracing Fields"], json!({"attempt": 2}));
}

#[test]
fn a_span_says_where_it_was_made() {
    let line = line!() + 1;
    let captured = captured(layer(), || drop(error_span!("work")));
    let root = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert_eq!(root.data["code.file.path"], file!());
    assert_eq!(root.data["code.line.number"], line);
    assert_eq!(root.data["code.namespace"], module_path!());
    assert_eq!(root.data["thread.name"], std::thread::current().name().unwrap());
}

#[test]
fn spans_may_follow_from_others() {
    let captured = captured(layer(), || {
        let cause = info_span!("cause");
        let effect = info_span!(parent: None, "effect");
        effect.follows_from(&cause);
        effect.follows_from(info_span!(parent: &cause, "step").id());
    });
    let transactions = captured.transactions();
    let of = |name| transactions.iter().find(|root| root.transaction == name).unwrap();
    let (cause, effect) = (of("cause"), of("effect").contexts.trace.clone().unwrap());
    let cause_id = cause.contexts.trace.as_ref().unwrap().span_id;
    let linked: Vec<_> = effect.links.iter().map(|link| link.span_id).collect();
    assert_eq!(linked, [cause_id, cause.spans[0].span_id]);
    assert!(effect.links.iter().all(|link| link.attributes["sentry.link.type"] == "follows_from"));
}

#[test]
fn parents_may_be_named() {
    let captured = captured(layer(), || {
        let outer = info_span!("outer");
        let other = info_span!(parent: None, "other");
        let _outer = outer.enter();
        info_span!(parent: &other, "child of the other").in_scope(|| info!("trail"));
        error!(parent: &other, "in the other");
        error!(parent: None, "in none");
    });
    let events = captured.events();
    let trace = |at: usize| events[at].contexts.trace.clone().unwrap();
    let transactions = captured.transactions();
    let other = transactions.iter().find(|root| root.transaction == "other").unwrap();
    assert_eq!(trace(0).span_id, other.contexts.trace.as_ref().unwrap().span_id);
    assert_eq!(other.spans.len(), 1);
    assert!(events[0].breadcrumbs.iter().any(|crumb| crumb.message.as_deref() == Some("trail")));
    assert!(events[1].transaction.is_none(), "in no span: {:?}", events[1].transaction);
}

#[test]
fn a_tag_in_a_field_is_cut_as_one_that_is_set() {
    let drawn = captured(layer(), || error!(tags.plan = "a\nb", "failed")).draw();
    assert_eq!(drawn, "error: failed\n  tags: plan=a b\n");
}
