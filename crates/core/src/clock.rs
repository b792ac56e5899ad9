//! Time, injected: what the program's clocks say, or what a test says they do.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use watchpost_protocol::Timestamp;

/// Where a client reads the time from.
///
/// The wall clock is read once per trace and per event; durations come from the monotonic clock, so that a clock that is set
/// while a span is open cannot bend it (features T14).
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// Nanoseconds since a fixed moment of this process; never goes back.
    fn monotonic_nanos(&self) -> u64;
}

/// The clocks of the operating system; the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now())
    }

    fn monotonic_nanos(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = *START.get_or_init(Instant::now);
        let since = Instant::now().saturating_duration_since(start);
        // Not `as_nanos`, which reckons with 128 bits: 2^64 nanoseconds are 584 years.
        since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
    }
}
