//! Whether the outbox keeps up, and by how much fewer traces are to be kept while it does not (`protocol.md` §20.8).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crate::home::Home;
use crate::limits::Limits;

/// How long from one check to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// At most so often the rate is halved: a thousandth of the traces is kept in the worst of times.
const MOST: u32 = 10;

/// An overflow is over when there was none for so long: a queue that is full has room for a moment whenever something is delivered.
const SETTLED: Duration = Duration::from_secs(1);

/// In `state`: somebody has to look...
const WATCHED: u32 = 1 << 31;

/// ...and there is no room for a trace. The rest is how often the rate is halved.
const FULL: u32 = 1 << 30;

/// Where there is no room, one trace in so many looks whether it is time for a check, and whose queue it is that is full.
const EVERY: u32 = 16;

/// What becomes of a trace that would be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// It is kept.
    None,
    /// The rate that it is kept by is halved so often.
    Halved(u32),
    /// There would be no room for it in the end: it is not recorded.
    Full,
}

/// Whether there is room for traces, and how often their rate is halved. There is no thread that watches: when the queue overflows or a limit comes in, a look is due ten
/// seconds later, and from then on every ten seconds, which whoever starts a trace or overflows the queue takes, until all is well.
#[derive(Debug)]
pub(crate) struct Health {
    /// Whether traces are to be kept regardless (option `enable_backpressure_handling`).
    off: bool,
    /// All that a root span looks at while all is well: then it is zero.
    state: AtomicU32,
    /// How many traces found no room, in rounds.
    refused: AtomicU32,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// The process in which somebody last asked.
    home: Home,
    /// When somebody last looked.
    looked: Option<Instant>,
    /// When something was last dropped for want of room.
    overflowed: Option<Instant>,
}

impl Health {
    pub(crate) fn new(on: bool) -> Self {
        let seen = Seen { home: Home::here(), looked: None, overflowed: None };
        Health { off: !on, state: AtomicU32::new(0), refused: AtomicU32::new(0), seen: Mutex::new(seen) }
    }

    /// What becomes of a trace that begins now.
    #[inline]
    pub(crate) fn pressure(&self, limits: &Limits, now: impl FnOnce() -> Instant) -> Pressure {
        if self.state.load(Ordering::Relaxed) == 0 { Pressure::None } else { self.pressed(limits, now) }
    }

    #[cold]
    fn pressed(&self, limits: &Limits, now: impl FnOnce() -> Instant) -> Pressure {
        if self.is_full() && !self.refused.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVERY) {
            return Pressure::Full;
        }
        let seen = match self.seen.try_lock() {
            Ok(seen) => Some(seen),
            Err(TryLockError::Poisoned(seen)) => Some(seen.into_inner()),
            Err(TryLockError::WouldBlock) => None, // somebody else is looking
        };
        if let Some(mut seen) = seen {
            self.see_who_asks(&mut seen);
            self.look(seen, limits, now());
        }
        match self.halvings() {
            _ if self.is_full() => Pressure::Full,
            0 => Pressure::None,
            halvings => Pressure::Halved(halvings),
        }
    }

    /// It was the parent's queue that was full when this process was forked: its own is empty, and nobody else may ever ask.
    fn see_who_asks(&self, seen: &mut Seen) {
        if self.is_full() && seen.home.left() {
            self.drained();
        }
    }

    fn halvings(&self) -> u32 {
        self.state.load(Ordering::Relaxed) & !(WATCHED | FULL)
    }

    fn is_full(&self) -> bool {
        self.state.load(Ordering::Relaxed) & FULL != 0
    }

    /// A trace has found no room: there is none until there is some again. To be called under the lock under which what waits is counted, as
    /// [`drained`](Self::drained) is.
    pub(super) fn filled(&self) {
        if !self.off {
            self.state.fetch_or(FULL, Ordering::Relaxed);
        }
    }

    /// There is room for traces.
    pub(super) fn drained(&self) {
        if self.is_full() {
            self.state.fetch_and(!FULL, Ordering::Relaxed);
        }
    }

    /// Something was dropped for want of room.
    pub(super) fn overflowed(&self, limits: &Limits, now: Instant) {
        if self.off {
            return;
        }
        let mut seen = self.lock();
        seen.overflowed = Some(now);
        self.look(seen, limits, now);
    }

    /// A limit has come in.
    pub(super) fn limited(&self, limits: &Limits, now: Instant) {
        if !self.off {
            self.look(self.lock(), limits, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// If it is time to: one more halving while something is wrong, none when all is well.
    fn look(&self, mut seen: MutexGuard<'_, Seen>, limits: &Limits, now: Instant) {
        let state = self.state.load(Ordering::Relaxed);
        let before = self.halvings();
        let passed = |since: Option<Instant>| since.map(|since| now.saturating_duration_since(since));
        let is_watched = state & WATCHED != 0;
        if is_watched && passed(seen.looked).is_some_and(|passed| passed < INTERVAL) {
            return;
        }
        seen.looked = Some(now);
        let overflowed = passed(seen.overflowed).is_some_and(|passed| passed < SETTLED);
        let unhealthy = self.is_full() || overflowed || limits.any_in_force(now);
        let halvings = match unhealthy {
            true if is_watched => (before + 1).min(MOST),
            _ => 0, // it has just begun, and may be over by then; or all is well
        };
        let next = if unhealthy { WATCHED | halvings } else { 0 };
        // Others may say meanwhile whether it is full.
        let _ = self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now & FULL | next));
        drop(seen);
        match halvings {
            0 if before > 0 => crate::debug!("all is well again: traces are kept at their full rate"),
            n if n != before => {
                crate::debug!("more is captured than can be sent: one in {} traces is kept", 1 << n)
            }
            _ => {}
        }
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
        match health.pressure(limits, || after(seconds)) {
            Pressure::None => 0,
            Pressure::Halved(halvings) => halvings,
            Pressure::Full => panic!("there is room"),
        }
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
        assert_eq!(health.pressure(&limits, || panic!("nobody has to know the time")), Pressure::None);
        [0, 10, 20].iter().for_each(|&at| health.overflowed(&limits, after(at)));
        assert_eq!(halvings(&health, &limits, 29), 2);
        assert_eq!(halvings(&health, &limits, 30), 0);
        assert_eq!(health.pressure(&limits, || panic!("nobody looks any more")), Pressure::None);
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
    fn where_there_is_no_room_no_trace_is_kept_and_that_is_something_wrong() {
        let (health, limits) = (Health::new(true), Limits::default());
        health.overflowed(&limits, after(0));
        health.filled();
        let pressure = |seconds| health.pressure(&limits, || after(seconds));
        for seconds in [5, 10, 15] {
            assert!((0..EVERY).all(|_| pressure(seconds) == Pressure::Full));
        }
        health.drained();
        assert_eq!([15, 20].map(pressure), [Pressure::Halved(1), Pressure::None]);
        assert_eq!(health.pressure(&limits, || panic!("nobody looks any more")), Pressure::None);
    }

    #[test]
    fn who_does_not_want_it_has_none_of_it() {
        let (health, limits) = (Health::new(false), Limits::default());
        [0, 10, 20].iter().for_each(|&at| health.overflowed(&limits, after(at)));
        health.filled();
        assert_eq!(halvings(&health, &limits, 20), 0);
    }
}
