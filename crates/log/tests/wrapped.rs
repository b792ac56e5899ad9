//! A logger that wants more than the bridge: in a file of its own, because the logger is the process's.

use std::sync::atomic::{AtomicUsize, Ordering};

use log::{Level, Log, Metadata, Record};
use watchpost_log::LogBridge;

/// Wants all that one target says, and of others what is worth a line, as `RUST_LOG=info,till=trace` has it.
struct Verbose;

static HEARD: AtomicUsize = AtomicUsize::new(0);

impl Log for Verbose {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "till" || metadata.level() <= Level::Info
    }

    fn log(&self, _: &Record<'_>) {
        HEARD.fetch_add(1, Ordering::Relaxed);
    }

    fn flush(&self) {}
}

#[test]
fn the_logger_within_gets_all_that_it_asks_for() {
    LogBridge::wrapping(Verbose).init().unwrap();
    log::trace!(target: "till", "opened");
    log::debug!(target: "door", "opened");
    log::warn!(target: "door", "left open");
    assert_eq!(HEARD.load(Ordering::Relaxed), 2);
}
