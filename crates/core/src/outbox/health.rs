//! Whether the outbox keeps up, and by how much fewer traces are to be kept while it does not (`protocol.md` §20.8).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::Limits;

/// How long from one check to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// At most so often the rate is halved: a thousandth of the traces is kept in the worst of times.
const MOST: u32 = 10;

/// How often the rate of traces is halved. Nobody watches for it: while all is well, it is only looked at; when the queue overflows, when a
/// limit comes in, and while the rate is lowered, whoever is there checks, if the last check is long enough ago.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Whether traces are to be kept regardless (option `enable_backpressure_handling`).
    off: bool,
    /// All that a root span looks at while all is well.
    halvings: AtomicU32,
    /// Whether something was dropped for want of room since the last check.
    strained: AtomicBool,
    checked: Mutex<Option<Instant>>,
}

impl Health {
    pub(crate) fn new(on: bool) -> Self {
        Health { off: !on, ..Health::default() }
    }

    /// How often the rate of a trace that begins now is halved.
    #[inline]
    pub(crate) fn halvings(&self, limits: &Limits, now: impl FnOnce() -> Instant) -> u32 {
        match self.halvings.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.check(limits, now),
        }
    }

    /// Something was dropped for want of room.
    pub(super) fn strain(&self, limits: &Limits, now: impl FnOnce() -> Instant) {
        self.strained.store(true, Ordering::Relaxed);
        self.check(limits, now);
    }

    /// Looks at the queue and the limits, if that is due: one more halving while something is wrong, none when all is well.
    pub(super) fn check(&self, limits: &Limits, now: impl FnOnce() -> Instant) -> u32 {
        if self.off {
            return 0;
        }
        let now = now(); // the program's, maybe: before the lock
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.halvings.load(Ordering::Relaxed);
        if checked.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            return before;
        }
        *checked = Some(now);
        let unhealthy = self.strained.swap(false, Ordering::Relaxed) || limits.any_in_force(now);
        let halvings = if unhealthy { (before + 1).min(MOST) } else { 0 };
        self.halvings.store(halvings, Ordering::Relaxed);
        drop(checked);
        match halvings {
            0 if before > 0 => crate::debug!("all is well again: traces are kept at their full rate"),
            n if n != before => crate::debug!("too much to send: one in {} traces is kept", 1 << n),
            _ => {}
        }
        halvings
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use watchpost_protocol::rate_limit::parse_rate_limits;

    use super::*;

    fn after(seconds: u64) -> Instant {
        static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);
        *ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_queue_that_overflows_halves_the_rate_every_ten_seconds_and_ten_times() {
        let (health, limits) = (Health::new(true), Limits::default());
        let halvings = (0..12).map(|check| {
            health.strain(&limits, || after(10 * check));
            health.strain(&limits, || after(10 * check + 9));
            health.halvings(&limits, || after(10 * check + 9))
        });
        assert_eq!(halvings.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
    }

    #[test]
    fn a_check_that_finds_nothing_wrong_restores_the_rate_at_once() {
        let (health, limits) = (Health::new(true), Limits::default());
        assert_eq!(health.halvings(&limits, || panic!("nobody has to know the time")), 0);
        health.strain(&limits, || after(0));
        health.strain(&limits, || after(10));
        assert_eq!(health.halvings(&limits, || after(19)), 2);
        assert_eq!(health.halvings(&limits, || after(20)), 0);
    }

    #[test]
    fn a_limit_in_force_is_something_wrong() {
        let (health, limits) = (Health::new(true), Limits::default());
        limits.apply(&parse_rate_limits("25:error:key"), after(0));
        health.check(&limits, || after(0));
        let halvings = [9, 10, 20, 29, 30].map(|at| health.halvings(&limits, || after(at)));
        assert_eq!(halvings, [1, 2, 3, 3, 0]);
    }

    #[test]
    fn who_does_not_want_it_has_none_of_it() {
        let (health, limits) = (Health::new(false), Limits::default());
        health.strain(&limits, || after(0));
        assert_eq!(health.halvings(&limits, || after(0)), 0);
    }
}
