//! Time, injected: what the program's clocks say, or what a test says they do.

use std::time::{Instant, SystemTime};

use watchpost_protocol::Timestamp;

/// Where a client reads the time from.
///
/// The wall clock is read once per trace and per event; durations come from the monotonic clock, so that a clock that is set
/// while a span is open cannot bend it.
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// A moment that only ever comes later than those before it: differences of two are durations.
    fn monotonic(&self) -> Instant;
}

/// The clocks of the operating system; the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now())
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
