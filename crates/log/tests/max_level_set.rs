//! A maximum level that the program has set is not lowered, and not raised beyond what the bridge listens to. Alone in its file: a process has
//! one maximum level.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use log::{LevelFilter, Log, Metadata, Record};
use watchpost_log::LogBridge;

struct Quiet;

impl Log for Quiet {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn log(&self, _: &Record<'_>) {}

    fn flush(&self) {}
}

#[test]
fn a_maximum_level_that_was_set_holds_for_the_wrapped_logger() {
    log::set_max_level(LevelFilter::Debug);
    LogBridge::wrapping(Quiet).init().unwrap();
    assert_eq!(log::max_level(), LevelFilter::Debug);
}
