//! A clock that the test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use watchpost::Clock;
use watchpost::protocol::Timestamp;

/// Stands at so many seconds after it was made.
#[derive(Clone)]
pub(crate) struct Wound {
    began: Instant,
    seconds: Arc<AtomicU64>,
}

impl Wound {
    pub(crate) fn new() -> Self {
        Wound { began: Instant::now(), seconds: Arc::default() }
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for Wound {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000 * self.seconds.load(Ordering::Relaxed) as i64)
    }

    fn monotonic(&self) -> Instant {
        self.began + Duration::from_secs(self.seconds.load(Ordering::Relaxed))
    }
}
