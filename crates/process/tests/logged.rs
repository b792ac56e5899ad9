//! Stacks that are captured below the macros of `tracing` and `log`: these end at the function that logged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::hint::black_box;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use watchpost_core::{RawStack, StackSource};
use watchpost_process::Stacks;

thread_local! {
    static CAPTURED: RefCell<Option<RawStack>> = const { RefCell::new(None) };
}

/// Captures where an event reaches it.
struct Capturing;

impl Capturing {
    fn capture() {
        let stack = Stacks::default().capture();
        CAPTURED.with(|captured| captured.replace(Some(stack)));
    }
}

impl Subscriber for Capturing {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        Capturing::capture();
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl log::Log for Capturing {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, _: &log::Record<'_>) {
        Capturing::capture();
    }
    fn flush(&self) {}
}

/// The program's functions, the innermost first, of a stack that begins where `tracing` or `log` called the subscriber: a subscriber of
/// Watchpost's would be cut, this one is a function of the program like any other.
fn innermost() -> Vec<String> {
    let raw = CAPTURED.with(RefCell::take).unwrap();
    let stacks = Stacks::default();
    let is_subscriber = |address: &usize| {
        let frames = stacks.resolve(&RawStack { addresses: [*address].into(), own: 0 }).unwrap().frames;
        frames
            .iter()
            .any(|frame| frame.function.as_deref().is_some_and(|name| name.contains("logged::Capturing")))
    };
    let called_at = raw.addresses.iter().rposition(is_subscriber).unwrap() + 1;
    let stack = stacks.resolve(&RawStack { addresses: raw.addresses[called_at..].into(), own: 0 }).unwrap();
    stack.frames.into_iter().rev().filter_map(|frame| frame.function).collect()
}

#[inline(never)]
fn sell_traced() {
    tracing::error!(items = black_box(3), "sold out");
    black_box(());
}

#[inline(never)]
fn sell_logged() {
    log::error!("sold out of {}", black_box(3));
    black_box(());
}

#[test]
fn an_event_of_tracing_is_of_the_function_around_the_macro() {
    tracing::subscriber::with_default(Capturing, sell_traced);
    let names = innermost();
    assert_eq!(names[0], "logged::sell_traced", "{names:#?}");
}

#[test]
fn a_record_of_log_is_of_the_function_around_the_macro() {
    log::set_logger(&Capturing).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    sell_logged();
    let names = innermost();
    assert_eq!(names[0], "logged::sell_logged", "{names:#?}");
}
