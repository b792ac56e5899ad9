//! Where a stack begins: at the function that reported, and at the one that made the error if the error knows.

use std::hint::black_box;
use std::process::Command;

use log::Log;
use tracing_subscriber::prelude::*;
use watchpost::process::{InApp, Stacks};
use watchpost::protocol::{Event, Frame};
use watchpost::{CaptureErr, capture, capture_error, capture_exception, capture_group, capture_message};
use watchpost_testkit::{capture_with, options};

use crate::Payment;

/// Each way of reporting, in a function of its own: the compiler makes one of those that do the same, so each says its name, too.
macro_rules! ways {
    ($($name:ident: $report:expr;)*) => {
        $(#[inline(never)]
        fn $name() {
            $report;
            black_box(stringify!($name));
        })*

        const WAYS: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}

ways! {
    by_capture_error: capture_error(&Payment::Declined);
    by_capture_exception: capture_exception(&Payment::Declined);
    by_capture: capture(&Payment::Declined).tag("a", 1).send();
    by_capture_err: drop(Err::<(), _>(Payment::Declined).capture_err());
    by_capture_group: capture_group("several", [&Payment::Declined]);
    by_capture_message: capture_message("message");
    by_capture_message_macro: watchpost::capture_message!("order {} was not paid", 1);
    by_a_boxed_error: capture_error::<_, Box<dyn std::error::Error>>(&"x".into());
    by_anyhow: capture_error(&anyhow::anyhow!("x"));
    by_eyre: capture_error(&eyre::eyre!("x"));
    by_tracing: tracing::error!("no receipt");
    by_tracing_with_an_error: tracing::error!(error = &Payment::Declined as &dyn std::error::Error, "no receipt");
    by_log: watchpost::log::LogBridge::new().log(
        &log::Record::builder().level(log::Level::Error).args(format_args!("no receipt")).build(),
    );
}

fn frames(event: &Event) -> &[Frame] {
    let of_thread = event.threads.first().and_then(|thread| thread.stacktrace.as_ref());
    let of_error = event.exception.last().and_then(|exception| exception.stacktrace.as_ref());
    &of_error.or(of_thread).expect("a stack").frames
}

#[test]
fn the_first_frame_is_the_one_that_reported() {
    for (name, report) in WAYS {
        let options = options().attach_stacktrace(true).stack_source(Stacks::new(InApp::default()));
        let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
        let captured = capture_with(options, || tracing::subscriber::with_default(subscriber, report));
        let event = &captured.events()[0];
        let last = frames(event).last().unwrap();
        assert_eq!(
            last.function.as_deref(),
            Some(&*format!("errors::stacks::{name}")),
            "{:#?}",
            frames(event)
        );
        assert_eq!(last.in_app, Some(true), "{name}");
        // The backtrace that an error carries has no addresses.
        if cfg!(target_os = "linux") && last.instruction_addr.is_some() {
            let images = &event.debug_meta.as_ref().unwrap().images;
            assert_eq!(last.image_addr, images[0].image_addr, "{name}");
        }
    }
}

#[inline(never)]
fn made_here() -> anyhow::Error {
    black_box(anyhow::anyhow!("x"))
}

#[inline(never)]
fn made_here_by_eyre() -> eyre::Report {
    black_box(eyre::eyre!("x"))
}

#[inline(never)]
fn made_here_by_error_stack() -> error_stack::Report<Payment> {
    black_box(error_stack::Report::new(Payment::Declined))
}

#[inline(never)]
fn captured_here() {
    capture_error(&made_here());
    capture_error(&made_here_by_eyre());
    capture_error(&made_here_by_error_stack());
    black_box(());
}

#[test]
#[ignore = "needs a variable of the environment; run by the test below"]
fn child() {
    let options = options().stack_source(Stacks::new(InApp::default()));
    let captured = capture_with(options, captured_here);
    for event in captured.events() {
        println!("made: {}", frames(&event).last().unwrap().function.as_deref().unwrap());
    }
}

#[test]
fn a_backtrace_that_an_error_carries_is_taken_for_its_stack() {
    let made = |variable: &str| {
        let test = std::env::current_exe().unwrap();
        let mut child = Command::new(test);
        child
            .args(["stacks::child", "--exact", "--ignored", "--nocapture"])
            .env("RUST_LIB_BACKTRACE", variable);
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines =
            text.lines().filter_map(|line| Some(line.split_once("made: errors::stacks::")?.1.to_owned()));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(made("0"), ["captured_here"; 3]);
    assert_eq!(made("1"), ["made_here", "made_here_by_eyre", "made_here_by_error_stack"]);
}
