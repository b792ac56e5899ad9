//! A wrapped logger decides what it prints, at every level. Alone in its file: a process has one logger, and one maximum level.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex};

use log::{LevelFilter, Log, Metadata, Record};
use watchpost_log::LogBridge;

/// A logger with a filter of its own, as `env_logger` under `RUST_LOG=debug`.
#[derive(Clone, Default)]
struct Filtered(Arc<Mutex<Vec<String>>>);

impl Log for Filtered {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= LevelFilter::Debug
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn a_wrapped_logger_gets_what_its_own_filter_asks_for() {
    let logger = Filtered::default();
    LogBridge::wrapping(logger.clone()).init().unwrap();
    log::trace!("a trace");
    log::debug!("a detail");
    log::info!("a step");
    assert_eq!(*logger.0.lock().unwrap(), ["a detail", "a step"]);
}
