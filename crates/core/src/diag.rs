//! Our own voice: one line on stderr, only under the `debug` option.
//!
//! Never through `tracing` or `log`: those are what we listen to. Never payloads or secrets (`protocol.md` §20.10).

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Whether the `debug` option of the newest client is on.
#[inline]
#[must_use]
pub fn enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

pub(crate) fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Writes `[watchpost] …` to stderr if [`enabled`]; the macro [`debug!`](crate::debug) is the usual way here.
///
/// A stderr that is closed is no reason to stop: the line is given up.
pub fn line(message: fmt::Arguments<'_>) {
    if enabled() {
        say(message);
    }
}

pub(crate) fn say(message: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "[watchpost] {message}");
}

/// Says something to the developer on stderr, if the `debug` option is on. Takes what `format!` takes; the arguments are
/// evaluated only then.
///
/// ```
/// watchpost_core::debug!("the queue is full: {} lost so far", 3);
/// ```
#[macro_export]
macro_rules! debug {
    ($($argument:tt)+) => {
        if $crate::diag::enabled() {
            $crate::diag::line(::std::format_args!($($argument)+));
        }
    };
}
