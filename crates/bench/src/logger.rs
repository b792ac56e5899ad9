//! The process has one logger, and each subject brings its own: this one hands on to the subject's whose turn it is.

use std::cell::Cell;

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};

thread_local! {
    static CURRENT: Cell<&'static dyn Log> = const { Cell::new(&Silent) };
}

/// Makes it the logger of the process.
///
/// # Errors
/// If the process has one already.
pub fn install() -> Result<(), SetLoggerError> {
    log::set_max_level(LevelFilter::Info);
    log::set_logger(&Switch)
}

/// Does `work` while `logger` gets what this thread logs.
pub(crate) fn with<R>(logger: &'static dyn Log, work: impl FnOnce() -> R) -> R {
    let before = CURRENT.replace(logger);
    let result = work();
    CURRENT.set(before);
    result
}

struct Switch;

impl Log for Switch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        CURRENT.get().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        CURRENT.get().log(record);
    }

    fn flush(&self) {}
}

/// Logs nothing: the floor.
pub(crate) struct Silent;

impl Log for Silent {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &Record<'_>) {}

    fn flush(&self) {}
}
