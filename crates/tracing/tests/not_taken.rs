//! A span that the layer does not take is as if it were not there: what happens in it is in the scopes around it.

use std::sync::Arc;

use tracing::{debug_span, error, info_span};
use tracing_subscriber::prelude::*;
use watchpost_core::api::{capture_message, set_tag, start_transaction, with_isolation_scope};
use watchpost_core::{Options, Scopes};
use watchpost_testkit::{Captured, capture_with, options};

fn captured(options: Options, work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost_tracing::layer());
    capture_with(options, || tracing::subscriber::with_default(subscriber, work))
}

/// A unit of work as the request layer makes it: scopes with a transaction in them that are entered, and somebody's own span within.
fn request(name: &'static str, within: impl FnOnce()) {
    let scopes = Scopes::current().isolated();
    let span = start_transaction(name).op("http.server").start_in(&scopes);
    let scopes = Arc::new(scopes.with_span(&span));
    {
        let _entered = scopes.attach();
        let passed_over = debug_span!("request");
        passed_over.in_scope(|| debug_span!("deeper").in_scope(within));
    }
    span.finish();
}

#[test]
fn what_is_set_and_captured_in_it_is_of_the_scopes_that_were_entered() {
    let captured = captured(options(), || {
        request("first", || {
            set_tag("of", "first");
            error!("went wrong");
            info_span!("work").in_scope(|| error!("went wrong deeper"));
        });
        capture_message("outside");
    });
    assert_eq!(
        captured.draw(),
        "error: went wrong
  in first
  tags: of=first
error: went wrong deeper
  in first
  tags: of=first
http.server first [internal_error]
  tags: of=first
  function work [internal_error]
info: outside
"
    );
}

#[test]
fn without_a_transaction_what_begins_in_it_is_one_of_that_unit_of_work() {
    let captured = captured(options(), || {
        with_isolation_scope(|_| {
            debug_span!("passed over").in_scope(|| {
                set_tag("of", "the unit");
                info_span!("one").in_scope(|| error!("in one"));
                info_span!("two").in_scope(|| {});
            });
            capture_message("afterwards");
        });
        capture_message("outside");
    });
    assert_eq!(
        captured.draw(),
        "error: in one
  in one
  tags: of=the unit
function one [internal_error]
  tags: of=the unit
function two
  tags: of=the unit
info: afterwards
  tags: of=the unit
info: outside
"
    );
}
