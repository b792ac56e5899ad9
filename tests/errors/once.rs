//! One error is one issue, however often it is met on its way out.

use std::error::Error;

use log::Log;
use tracing::instrument;
use tracing_subscriber::prelude::*;
use watchpost::{capture_error, with_isolation_scope};
use watchpost_testkit::{Captured, capture};

use crate::{Payment, unreachable};

fn traced(work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    capture(|| tracing::subscriber::with_default(subscriber, || with_isolation_scope(|_| work())))
}

fn count(work: impl FnOnce()) -> usize {
    traced(work).events().len()
}

#[test]
fn an_error_that_was_captured_is_not_an_issue_again_when_it_is_logged() {
    let error = unreachable();
    assert_eq!(
        count(|| {
            capture_error(&error);
            tracing::error!(error = &error as &(dyn Error + 'static), "no receipt");
            tracing::error!("no receipt: {error}");
            tracing::error!(%error);
        }),
        1
    );
}

/// Each form in a unit of work of its own, after the error was captured there.
#[test]
fn the_usual_ways_to_log_an_error_are_known() {
    let error = std::io::Error::other("the card was declined");
    type Form<'f> = (&'f str, &'f dyn Fn());
    let forms: [Form<'_>; 8] = [
        ("%error", &|| tracing::error!(%error, "request failed")),
        ("?error", &|| tracing::error!(?error, "request failed")),
        ("err", &|| tracing::error!(err = %error, order = 42, "request failed")),
        ("e", &|| tracing::error!(e = ?error, "request failed")),
        ("exception.message", &|| tracing::error!(exception.message = %error, "request failed")),
        ("at the end", &|| tracing::error!("request failed: {error}")),
        ("in the middle", &|| tracing::error!("request failed ({error}), giving up")),
        ("as it shows itself", &|| tracing::error!("request failed: {error:?}")),
    ];
    for (form, log) in forms {
        let captured = traced(|| {
            capture_error(&error);
            log();
        });
        assert_eq!(captured.events().len(), 1, "{form}");
    }
}

#[test]
fn nor_is_one_that_was_logged_when_it_is_said_again_elsewhere() {
    #[instrument(err)]
    fn charge() -> Result<(), Payment> {
        Err(Payment::Declined)
    }
    #[instrument(err)]
    fn checkout() -> Result<(), Payment> {
        charge()
    }
    assert_eq!(count(|| drop(checkout())), 1);
}

#[test]
fn a_record_of_log_is_known_too() {
    let bridge = watchpost::log::LogBridge::new();
    let log = |text: &str| {
        bridge.log(
            &log::Record::builder()
                .level(log::Level::Error)
                .args(format_args!("{text}"))
                .line(Some(text.len() as u32))
                .build(),
        );
    };
    assert_eq!(
        count(|| {
            capture_error(&Payment::Declined);
            log("no receipt: the card was declined");
            log("the card was declined");
            log("no receipt");
        }),
        2
    );
}

#[test]
fn a_record_of_log_may_name_its_error() {
    let bridge = watchpost::log::LogBridge::new();
    let captured = traced(|| {
        capture_error(&Payment::Declined);
        let pairs = [("err", log::kv::Value::from("the card was declined"))];
        let mut record = log::Record::builder();
        let record = record.level(log::Level::Error).key_values(&pairs);
        bridge.log(&record.args(format_args!("no receipt")).build());
    });
    assert_eq!(captured.events().len(), 1);
}

#[test]
fn what_happens_twice_is_two_issues() {
    assert_eq!(
        count(|| (0..2).for_each(|_| {
            capture_error(&Payment::Declined);
        })),
        2,
        "the program says so"
    );
    assert_eq!(count(|| (0..2).for_each(|_| tracing::error!("no receipt"))), 2, "the same line twice");
    assert_eq!(
        count(|| {
            capture_error(&Payment::Declined);
            tracing::error!(error = &unreachable() as &(dyn Error + 'static), "another error");
        }),
        2
    );
    assert_eq!(
        count(|| {
            capture_error(&Payment::Declined);
            with_isolation_scope(|_| tracing::error!("the card was declined"));
        }),
        2,
        "another unit of work"
    );
}

#[test]
fn two_messages_of_tracing_are_told_apart_by_what_they_say() {
    let captured = traced(|| {
        tracing::error!("no receipt");
        tracing::error!(card = "4242");
    });
    let titles: Vec<_> =
        captured.events().iter().map(|event| event.logentry.clone().unwrap().formatted.unwrap()).collect();
    assert_eq!(titles, ["no receipt", "card=4242"]);
}
