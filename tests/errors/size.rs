//! What is too deep, too broad or too big to be sent as it is.

use serde_json::json;
use watchpost::{capture, capture_error};
use watchpost_testkit::{capture_with, options};

use crate::Payment;

#[test]
fn a_text_that_is_cut_says_how_long_it_was() {
    let captured = capture_with(options().max_value_length(10), || {
        capture_error(&Payment::Declined);
        watchpost::capture_message("the till is empty");
    });
    let [error, message] = &captured.events()[..] else { panic!("two events") };
    assert_eq!(error.exception[0].value.as_deref(), Some("the car..."));
    let cut = |length: usize| json!({ "": { "len": length, "rem": [["!limit", "x", 7, 10]] } });
    assert_eq!(json!(error.meta), json!({ "exception": { "values": { "0": { "value": cut(21) } } } }));
    assert_eq!(json!(message.meta), json!({ "logentry": { "formatted": cut(17) } }));
}

#[test]
fn an_event_has_a_size_it_does_not_exceed() {
    let captured = capture_with(options().max_event_size(20_000).context_lines(0), || {
        (0..100).for_each(|_| watchpost::add_breadcrumb(watchpost::Breadcrumb::new("x".repeat(1_000))));
        capture(&Payment::Declined).extra("cart", "kept").send();
    });
    let envelope = &captured.envelopes()[0];
    assert!(envelope.items[0].payload.len() <= 20_000);
    let event = &captured.events()[0];
    assert!(!event.breadcrumbs.is_empty());
    assert_eq!(event.extra["cart"], "kept");
    assert_eq!(json!(event.meta), json!({ "breadcrumbs": { "": { "len": 100 } } }));
}
