//! Spans by hand: what one that is not recorded may not do.

use watchpost_core::api::{capture_message, current_span, start_span, start_transaction};
use watchpost_testkit::{capture_with, options};

#[test]
fn a_child_that_is_not_recorded_does_not_rename_its_transaction() {
    let captured = capture_with(options().traces_sample_rate(0.0).unwrap(), || {
        let _root = start_transaction("checkout").enter();
        let child = start_span("query").enter();
        child.set_name("SELECT 1");
        current_span().unwrap().set_name("SELECT 2");
        capture_message("slow");
        drop(child);
        current_span().unwrap().set_name("order");
        capture_message("done");
    });
    assert_eq!(captured.draw(), "info: slow\n  in checkout\ninfo: done\n  in order\n");
}

#[test]
fn what_is_set_in_the_current_scope_of_a_root_is_on_its_transaction() {
    let captured = watchpost_testkit::capture(|| {
        let root = watchpost_core::api::start_transaction("root").enter();
        watchpost_core::api::current_scope().set_tag("inside", 1);
        drop(root);
        watchpost_core::api::capture_message("after");
    });
    assert_eq!(captured.draw(), "default root\n  tags: inside=1\ninfo: after\n");
}
