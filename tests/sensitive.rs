//! `sensitive(..)` is the value itself only where every client of the process may send it: a process of its own, and one test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tracing_subscriber::prelude::*;
use watchpost::{Breadcrumb, Client, Options, sensitive};
use watchpost_testkit::{Recorder, capture_with, options};

const EMAIL: &str = "ann@shop.test";

/// What is sent of the value, by every way that it may take.
fn sent(options: Options) -> String {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture_with(options, || {
        tracing::subscriber::with_default(subscriber, || {
            watchpost::set_tag("email", sensitive(EMAIL));
            watchpost::set_context("order", serde_json::json!({ "of": sensitive(EMAIL) }));
            watchpost::add_breadcrumb(Breadcrumb::new("order").data("of", sensitive(EMAIL)));
            tracing::info!(of = %sensitive(EMAIL), "looking for {:?}", sensitive(EMAIL));
            tracing::error!(of = ?sensitive(EMAIL), "no order of {}", sensitive(EMAIL));
        });
    });
    serde_json::to_string(&captured.events()[0]).unwrap()
}

#[test]
fn it_is_shown_only_where_everybody_may_send_it() {
    assert!(!sent(options()).contains(EMAIL));
    assert_eq!(sent(options()).matches("[Filtered]").count(), 7);

    let consenting = sent(options().send_default_pii(true));
    assert_eq!(consenting.matches(EMAIL).count(), 7, "{consenting}");

    let other = Client::new(options().transport(Recorder::new())).unwrap();
    assert!(!sent(options().send_default_pii(true)).contains(EMAIL), "the other client might get it");
    other.close(None);
    assert!(sent(options().send_default_pii(true)).contains(EMAIL));
}
