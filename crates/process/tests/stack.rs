//! What a stack of the running program looks like, in debug and in release builds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::hint::black_box;

use watchpost_core::{RawStack, StackSource};
use watchpost_process::{InApp, Stacks};
use watchpost_protocol::{Frame, Stacktrace};

const LINE: u32 = line!() + 4;

#[inline(never)]
fn innermost(stacks: &Stacks) -> RawStack {
    black_box(stacks.capture())
}

#[inline(never)]
fn caller(stacks: &Stacks) -> RawStack {
    black_box(innermost(stacks))
}

fn stack() -> Stacktrace {
    let stacks = Stacks::new(InApp::default());
    let raw = caller(&stacks);
    stacks.resolve(&raw).unwrap()
}

fn names(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.function.as_deref().unwrap_or("?")).collect()
}

#[test]
fn the_last_frame_is_the_function_that_captured() {
    let stack = stack();
    let names = names(&stack.frames);
    assert_eq!(names[names.len() - 2..], ["stack::caller", "stack::innermost"], "{names:#?}");
}

#[test]
fn the_first_frame_is_the_first_of_the_program() {
    let stack = std::thread::spawn(|| black_box(stack())).join().unwrap();
    let names = names(&stack.frames);
    assert!(names.iter().all(|name| !name.starts_with("std::") && !name.starts_with("core::")), "{names:#?}");
    assert!(names.len() <= 4, "{names:#?}");
}

#[test]
fn frames_say_whose_they_are_and_where() {
    let stack = stack();
    let frame = stack.frames.last().unwrap();
    assert_eq!(frame.in_app, Some(true));
    assert_eq!(frame.package.as_deref(), Some("stack"));
    assert_eq!(frame.module.as_deref(), Some("stack"));
    assert!(frame.instruction_addr.is_some());
    if cfg!(debug_assertions) {
        assert_eq!(frame.filename.as_deref(), Some("tests/stack.rs"));
        assert!(
            frame.abs_path.as_deref().is_some_and(|path| path.ends_with("crates/process/tests/stack.rs"))
        );
        assert_eq!(frame.lineno, Some(LINE));
        assert!(frame.colno.is_some());
    }
}

#[test]
fn a_stack_that_was_seen_before_is_resolved_alike() {
    let stacks = Stacks::default();
    let raw = caller(&stacks);
    assert_eq!(stacks.resolve(&raw), stacks.resolve(&raw));
}
