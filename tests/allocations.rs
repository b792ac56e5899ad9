//! How often the caller allocates for what is sent: the counts of the cost model, which repeat exactly. (What is not sent allocates nothing:
//! promise 2.)

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use allocation_counter::{AllocationInfo, measure};
use tracing::{info, info_span};
use tracing_subscriber::prelude::*;
use watchpost::protocol::Breadcrumb;
use watchpost::{logger, metrics};
use watchpost_testkit::{capture_with, options};

/// A buffer that is released by the worker meanwhile would be counted here or there: one test after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` in a sampled trace, once to warm up, then in another and counted.
fn in_a_trace(work: impl Fn()) -> AllocationInfo {
    let _alone = alone();
    let mut counted = AllocationInfo::default();
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture_with(options().traces_sample_rate(1.0).unwrap(), || {
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                info_span!("request").in_scope(|| counted = measure(&work));
            }
        });
    });
    assert_eq!(captured.transactions().len(), 2);
    counted
}

#[track_caller]
fn assert_at_most(limit: u64, per: u64, work: impl Fn()) {
    let counted = in_a_trace(|| (0..per).for_each(|_| work())).count_total;
    assert!(counted <= limit, "{counted} allocations for {per}, no more than {limit} were expected");
}

#[test]
fn a_child_costs_its_share_of_growing_buffers() {
    assert_at_most(10, 500, || drop(info_span!("child")));
}

#[test]
fn and_so_does_one_with_fields() {
    assert_at_most(25, 500, || drop(info_span!("child", table = "users", rows = 3, hit = true)));
}

#[test]
fn to_enter_and_leave_costs_nothing() {
    let span = |work: &dyn Fn()| {
        let span = info_span!("child");
        work();
        for _ in 0..100 {
            span.in_scope(|| {});
        }
    };
    let (once, more) = (in_a_trace(|| span(&|| {})), in_a_trace(|| span(&|| drop(info_span!("another")))));
    assert_eq!(once.count_total, 0);
    assert_eq!(more.count_total, 0, "there is room for a few spans from the start");
}

#[test]
fn a_request_of_ten_children_fits_into_what_its_root_has_made_room_for() {
    assert_at_most(0, 10, || drop(info_span!("child", table = "users", rows = 3)));
}

#[test]
fn an_event_that_becomes_a_breadcrumb_costs_its_share_too() {
    assert_at_most(60, 500, || info!(items = 3, plan = "pro", "cart loaded"));
}

#[test]
fn a_log_costs_its_share_of_a_batch() {
    // Eight for a hundred: three buffers, the scopes, the job; and what grows in the first batch.
    assert_at_most(60, 500, || logger::info!(items = 3, plan = "pro"; "cart loaded"));
    assert_at_most(75, 500, || logger::info!("{user} took {}", 3, user = "ann"));
}

#[test]
fn and_so_does_a_metric_with_attributes() {
    assert_at_most(60, 500, || {
        metrics::count("orders.placed", 1).attribute("plan", "pro").attribute("items", 3);
    });
}

#[test]
fn a_breadcrumb_by_hand_is_kept_as_it_is_made() {
    let counted = in_a_trace(|| watchpost::add_breadcrumb(Breadcrumb::new("cart loaded")));
    // Its text, the crumb itself, and the three buffers of a ring that had none.
    assert!(counted.count_total <= 5, "{counted:?}");
}

#[test]
fn a_captured_error_is_little_more_than_its_own_text() {
    let error = std::io::Error::other("the card was declined");
    let of_events = |events: u64| {
        in_a_trace(|| {
            (0..10).for_each(|tag| watchpost::set_tag(format!("tag.{tag}"), tag));
            (0..100).for_each(|_| info!(items = 3, "cart loaded"));
            for _ in 0..events {
                watchpost::capture_error(&error);
            }
        })
        .count_total
    };
    let one = of_events(2) - of_events(1);
    assert!(one <= 15, "{one} allocations");
}

#[test]
fn an_error_with_causes_costs_its_texts_and_a_message_next_to_nothing() {
    #[derive(Debug)]
    struct Declined(u8);
    impl std::fmt::Display for Declined {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("declined")
        }
    }
    impl std::error::Error for Declined {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            if self.0 == 1 { Some(&Declined(0)) } else { None }
        }
    }
    let counted = |capture: &dyn Fn()| {
        let of = |captures: u64| in_a_trace(|| (0..captures).for_each(|_| capture())).count_total;
        of(2) - of(1)
    };
    let error = counted(&|| {
        watchpost::capture_error(&Declined(1));
    });
    // The list, the type and the text of each, the module of the first, the job, and what the spans around say.
    assert!(error <= 12, "{error} allocations");
    let message = counted(&|| {
        watchpost::capture_message("declined");
    });
    assert!(message <= 7, "{message} allocations");
}
