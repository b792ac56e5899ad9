//! Where stacks begin in a program without a symbol: at the function that reported, which only its address can say. The names of other builds say
//! the same; `cargo test --profile stripped -p watchpost-process --test stripped` takes them away.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::hint::black_box;
use std::panic::{catch_unwind, panic_any};

use log::Log;
use tracing_subscriber::prelude::*;
use watchpost_core::Options;
use watchpost_core::api::{
    CaptureErr, capture, capture_error, capture_event, capture_exception, capture_group, capture_message,
    capture_template,
};
use watchpost_process::{InApp, PanicIntegration, Stacks};
use watchpost_protocol::{Event, EventId, Frame};
use watchpost_testkit::{capture_with, options};

/// Each way of reporting, in a function of its own: the compiler makes one of those that do the same, so each says its name, too.
macro_rules! ways {
    ($($name:ident: $report:expr;)*) => {
        $(#[allow(unreachable_code, reason = "behind a panic nothing is")]
        #[inline(never)]
        fn $name() {
            black_box(stringify!($name));
            $report;
            black_box(stringify!($name));
        })*

        const WAYS: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}

ways! {
    by_capture_error: capture_error(&std::fmt::Error);
    by_capture_exception: capture_exception(&std::fmt::Error);
    by_capture: capture(&std::fmt::Error).tag("a", 1).send();
    by_capture_err: _ = Err::<(), _>(std::fmt::Error).capture_err();
    by_capture_group: capture_group("several", [&std::fmt::Error]);
    by_a_boxed_error: capture_error::<_, Box<dyn std::error::Error>>(&"boxed".into());
    by_capture_message: capture_message("message");
    by_capture_template: capture_template("template", || ("template".into(), Vec::new()));
    by_capture_event: capture_event(Event::default());
    by_tracing: tracing::error!(items = 3, "no receipt");
    by_log: watchpost_log::LogBridge::new().log(
        &log::Record::builder().level(log::Level::Error).args(format_args!("no receipt, again")).build(),
    );
    by_panic: panic!("the till is empty");
    by_panic_with_parameters: panic!("{} tills are empty", black_box(3));
    by_panic_any: panic_any(black_box(3));
}

/// The function of [`WAYS`] that an address is in: the one that starts last before it, if that is not far.
fn way_at(address: u64) -> Option<&'static str> {
    let before = |start: u64| address.checked_sub(start).filter(|distance| (1..1_024).contains(distance));
    let distances = WAYS.iter().filter_map(|(name, way)| Some((before(*way as usize as u64)?, *name)));
    distances.min().map(|(_, name)| name)
}

fn frames(event: &Event) -> &[Frame] {
    let of_thread = event.threads.first().and_then(|thread| thread.stacktrace.as_ref());
    let of_error = event.exception.last().and_then(|exception| exception.stacktrace.as_ref());
    &of_error.or(of_thread).unwrap().frames
}

fn options_with_stacks() -> Options {
    let options = options().attach_stacktrace(true).stack_source(Stacks::new(InApp::default()));
    options.integration(PanicIntegration)
}

#[test]
fn a_stack_begins_where_the_program_reports_whether_or_not_it_has_names() {
    let stripped = std::env::current_exe().unwrap().iter().any(|part| part == "stripped");
    for (name, report) in WAYS {
        let subscriber = tracing_subscriber::registry().with(watchpost_tracing::layer());
        let captured = capture_with(options_with_stacks(), || {
            tracing::subscriber::with_default(subscriber, || drop(catch_unwind(report)));
        });
        let events = captured.events();
        let frames = frames(&events[0]);
        let address = |frame: &Frame| frame.instruction_addr.unwrap().0;
        assert_ne!(events[0].event_id, EventId::default());
        assert_eq!(way_at(address(frames.last().unwrap())), Some(*name), "{frames:#x?}");
        if stripped && cfg!(target_os = "linux") {
            assert_eq!(frames.last().unwrap().function, None, "{name}");
            assert_eq!(
                frames[0].image_addr,
                frames.last().unwrap().image_addr,
                "{name} in libc: {frames:#x?}"
            );
            assert!(events[0].debug_meta.as_ref().unwrap().images[0].debug_id.is_some(), "{name}");
        }
    }
}
