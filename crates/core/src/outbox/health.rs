//! Whether the outbox keeps up, and by how much fewer traces are to be kept while it does not (`protocol.md` §20.8).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::Limits;

/// How long from one check to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// At most so often the rate is halved: a thousandth of the traces is kept in the worst of times.
const MOST: u32 = 10;

/// An overflow is over when there was none for so long: a queue that is full has room for a moment whenever something is delivered.
const SETTLED: Duration = Duration::from_secs(1);

/// In `state`: somebody has to look. The rest is how often the rate is halved.
const WATCHED: u32 = 1 << 31;

/// How often the rate of traces is halved. There is no thread that watches: when the queue overflows or a limit comes in, a look is due ten
/// seconds later, and from then on every ten seconds, which whoever starts a trace or overflows the queue takes, until all is well.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Whether traces are to be kept regardless (option `enable_backpressure_handling`).
    off: bool,
    /// All that a root span looks at while all is well: then it is zero.
    state: AtomicU32,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When somebody last looked.
    looked: Option<Instant>,
    /// When something was last dropped for want of room.
    overflowed: Option<Instant>,
}

impl Health {
    pub(crate) fn new(on: bool) -> Self {
        Health { off: !on, ..Health::default() }
    }

    /// How often the rate of a trace that begins now is halved.
    #[inline]
    pub(crate) fn halvings(&self, limits: &Limits, now: impl FnOnce() -> Instant) -> u32 {
        if self.state.load(Ordering::Relaxed) == 0 { 0 } else { self.look(limits, now(), false) }
    }

    /// Something was dropped for want of room.
    pub(super) fn overflowed(&self, limits: &Limits, now: Instant) {
        self.look(limits, now, true);
    }

    /// A limit has come in.
    pub(super) fn limited(&self, limits: &Limits, now: Instant) {
        self.look(limits, now, false);
    }

    /// If it is time to: one more halving while something is wrong, none when all is well.
    fn look(&self, limits: &Limits, now: Instant, overflowed: bool) -> u32 {
        if self.off {
            return 0;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if overflowed {
            seen.overflowed = Some(now);
        }
        let state = self.state.load(Ordering::Relaxed);
        let before = state & !WATCHED;
        let passed = |since: Option<Instant>| since.map(|since| now.saturating_duration_since(since));
        let wait = state != 0 && passed(seen.looked).is_some_and(|passed| passed < INTERVAL);
        if wait {
            return before;
        }
        seen.looked = Some(now);
        let full = passed(seen.overflowed).is_some_and(|passed| passed < SETTLED);
        let unhealthy = full || limits.any_in_force(now);
        let halvings = match state {
            0 => 0, // it has just begun, and may be over by then
            _ if unhealthy => (before + 1).min(MOST),
            _ => 0,
        };
        self.state.store(if unhealthy { WATCHED | halvings } else { 0 }, Ordering::Relaxed);
        drop(seen);
        match halvings {
            0 if before > 0 => crate::debug!("all is well again: traces are kept at their full rate"),
            n if n != before => {
                crate::debug!("more is captured than can be sent: one in {} traces is kept", 1 << n)
            }
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

    fn halvings(health: &Health, limits: &Limits, seconds: u64) -> u32 {
        health.halvings(limits, || after(seconds))
    }

    #[test]
    fn a_queue_that_overflows_halves_the_rate_every_ten_seconds_and_ten_times() {
        let (health, limits) = (Health::new(true), Limits::default());
        health.overflowed(&limits, after(0));
        let halvings = (1..=12).map(|check| {
            health.overflowed(&limits, after(10 * check));
            health.overflowed(&limits, after(10 * check + 9));
            halvings(&health, &limits, 10 * check + 9)
        });
        assert_eq!(halvings.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
    }

    #[test]
    fn a_look_that_finds_nothing_wrong_restores_the_rate_at_once() {
        let (health, limits) = (Health::new(true), Limits::default());
        assert_eq!(health.halvings(&limits, || panic!("nobody has to know the time")), 0);
        [0, 10, 20].iter().for_each(|&at| health.overflowed(&limits, after(at)));
        assert_eq!(halvings(&health, &limits, 29), 2);
        assert_eq!(halvings(&health, &limits, 30), 0);
        assert_eq!(health.halvings(&limits, || panic!("nobody looks any more")), 0);
    }

    #[test]
    fn a_burst_changes_nothing() {
        let (health, limits) = (Health::new(true), Limits::default());
        [0, 1, 2].iter().for_each(|&at| health.overflowed(&limits, after(at)));
        assert_eq!([2, 10, 20].map(|at| halvings(&health, &limits, at)), [0; 3]);
    }

    #[test]
    fn a_limit_in_force_is_something_wrong() {
        let (health, limits) = (Health::new(true), Limits::default());
        limits.apply(&parse_rate_limits("25:error:key"), after(0));
        health.limited(&limits, after(0));
        assert_eq!([9, 10, 20, 29, 30].map(|at| halvings(&health, &limits, at)), [0, 1, 2, 2, 0]);
    }

    #[test]
    fn who_does_not_want_it_has_none_of_it() {
        let (health, limits) = (Health::new(false), Limits::default());
        [0, 10, 20].iter().for_each(|&at| health.overflowed(&limits, after(at)));
        assert_eq!(halvings(&health, &limits, 20), 0);
    }
}
