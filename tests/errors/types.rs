//! What an error is called: the table of the guide, as it is sent.

use std::error::Error;

use error_stack::Report;
use watchpost::{AsError, CaptureErr, capture_error, capture_group};
use watchpost_testkit::{capture, capture_with, options};

use crate::{Payment, unreachable};

/// `type: value`, the captured error first.
fn sent<K>(error: &(impl AsError<K> + ?Sized)) -> Vec<String> {
    let captured = capture_with(options().default_ignores(false), || {
        capture_error(error);
    });
    let [event] = &captured.events()[..] else { panic!("one error is one event") };
    let named = |it: &watchpost::protocol::Exception| {
        format!("{}: {}", it.ty.as_deref().unwrap(), it.value.as_deref().unwrap())
    };
    event.exception.iter().rev().map(named).collect()
}

const TIMED_OUT: &str = "io::Error: timed out";

#[test]
fn errors_of_well_known_crates() {
    let io = std::io::Error::from(std::io::ErrorKind::TimedOut);
    assert_eq!(sent(&io), [TIMED_OUT]);
    assert_eq!(sent(&"x".parse::<u8>().unwrap_err()), ["ParseIntError: invalid digit found in string"]);
    let json = serde_json::from_str::<u8>("x").unwrap_err();
    assert_eq!(sent(&json), ["serde_json::Error: expected value at line 1 column 1"]);
    let sql = sqlx_core::Error::Io(io);
    let io = "io::Error: timed out";
    assert_eq!(sent(&sql), ["sqlx_core::Error::Io: error communicating with database: timed out", io]);
    let http = ureq::get("not a url").call().unwrap_err();
    assert_eq!(sent(&http)[0], "ureq::Error::Http: http: invalid uri character");
    let client = reqwest::Client::new().get("not a url").build().unwrap_err();
    assert!(sent(&client)[0].starts_with("reqwest::Error: builder error"), "{:?}", sent(&client));
}

#[test]
fn a_task_that_was_cancelled_or_panicked() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cancelled = runtime.block_on(async {
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        task.await.unwrap_err()
    });
    let [name] = &sent(&cancelled)[..] else { panic!("it has no cause") };
    assert!(name.starts_with("JoinError::Cancelled: task ") && name.ends_with(" was cancelled"), "{name}");
}

#[test]
fn an_enum_is_called_by_its_type_and_variant_and_its_cause_by_its_own() {
    assert_eq!(sent(&Payment::Declined), ["Payment::Declined: the card was declined"]);
    assert_eq!(sent(&unreachable()), ["Payment::Unreachable: the bank cannot be reached", TIMED_OUT]);
}

#[test]
fn a_box_shows_what_is_in_it() {
    let boxed: Box<dyn Error> = Box::new(unreachable());
    let shared: Box<dyn Error + Send + Sync> = Box::new(unreachable());
    for names in [sent(&boxed), sent(&*boxed), sent(&shared)] {
        assert_eq!(names, ["Unreachable: the bank cannot be reached", TIMED_OUT], "its type was erased");
    }
    let text: Box<dyn Error> = "the till is empty".into();
    assert_eq!(sent(&text), ["Error: the till is empty"]);
}

#[test]
fn reports_of_anyhow_and_eyre_have_their_contexts() {
    let expected = ["Error: no receipt", "Unreachable: the bank cannot be reached", TIMED_OUT];
    assert_eq!(sent(&anyhow::Error::new(unreachable()).context("no receipt")), expected);
    assert_eq!(sent(&eyre::Report::new(unreachable()).wrap_err("no receipt")), expected);
}

#[test]
fn a_report_of_error_stack_has_its_contexts_and_not_its_attachments() {
    let report = Report::new(std::io::Error::from(std::io::ErrorKind::TimedOut))
        .attach("after 3 attempts")
        .change_context(Payment::Declined);
    assert_eq!(sent(&report), ["Payment::Declined: the card was declined", TIMED_OUT]);
}

#[test]
fn several_at_once_are_one_issue() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for card in ["1", "x", ""] {
            tasks.spawn(async move { card.parse::<u32>() });
        }
        tasks.join_all().await
    });
    let errors = || results.iter().filter_map(|result| result.as_ref().err());
    let captured = capture(|| {
        capture_group("2 of 3 cards were not read", errors());
        capture_group("nothing went wrong", std::iter::empty::<&Payment>());
    });
    assert_eq!(captured.events().len(), 1);
    assert_eq!(sent(&errors().cloned().collect::<Vec<_>>())[0], "Vec<ParseIntError>: 2 errors",);
}

#[test]
fn a_result_is_captured_and_passed_on() {
    let captured = capture(|| {
        let passed: Result<(), _> = Err(Payment::Declined).capture_err();
        assert!(matches!(passed, Err(Payment::Declined)));
        assert_eq!(Ok::<_, Payment>(1).capture_err().unwrap(), 1);
        let _ = anyhow::Result::<()>::Err(anyhow::anyhow!("no receipt")).capture_err();
    });
    let names: Vec<_> =
        captured.events().iter().map(|event| event.exception[0].value.clone().unwrap()).collect();
    assert_eq!(names, ["the card was declined", "no receipt"]);
}

#[test]
fn two_messages_are_two_issues_and_two_cases_are_one() {
    let captured = capture(|| {
        for text in ["no order 17", "no order 18", "no card"] {
            capture_error(&anyhow::anyhow!(text));
        }
        watchpost::with_scope(|scope| {
            scope.set_fingerprint(["mine"]);
            capture_error(&anyhow::anyhow!("no card"));
        });
        capture_error(&Payment::Declined);
    });
    let prints: Vec<_> = captured.events().iter().map(|event| event.fingerprint.join("|")).collect();
    assert_eq!(
        prints,
        ["{{ default }}|no order *", "{{ default }}|no order *", "{{ default }}|no card", "mine", ""]
    );
}
