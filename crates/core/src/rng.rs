//! Randomness, injected: ids, and the dice of sampling.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

use watchpost_protocol::{CheckInId, EventId, SessionId, SpanId, TraceId};

/// Where a client takes its ids and sampling decisions from.
pub trait Rng: Send + Sync + 'static {
    /// 64 random bits.
    fn next_u64(&self) -> u64;

    /// As [`next_u64`](Self::next_u64), for an id that stands alone: a child that was forked, which has a copy of the generator, must not draw what its
    /// parent draws. Default: `next_u64`, for a generator to which that cannot happen.
    fn next_unique_u64(&self) -> u64 {
        self.next_u64()
    }
}

/// A generator per thread, seeded by the operating system; the default.
///
/// Ids are unique, not secret: the generator is fast and not fit for cryptography.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadRng;

thread_local! {
    // `RandomState` asks the operating system once per thread and process; fastrand's own seed knows only the time and the thread.
    static LOCAL: RefCell<fastrand::Rng> = RefCell::new(fastrand::Rng::with_seed(RandomState::new().build_hasher().finish()));
}

impl Rng for ThreadRng {
    fn next_u64(&self) -> u64 {
        LOCAL
            .try_with(|rng| rng.try_borrow_mut().map(|mut rng| rng.u64(..)).ok())
            .ok()
            .flatten()
            .unwrap_or_else(|| RandomState::new().build_hasher().finish())
    }

    // No two processes draw at the same nanosecond, and to ask for the process costs a system call, five times as much as the clock.
    fn next_unique_u64(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.next_u64() ^ (now.as_nanos() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// A fresh version 4 id for an event.
pub fn event_id(rng: &dyn Rng) -> EventId {
    EventId::from_random_bytes(sixteen(rng))
}

/// A fresh version 4 id for a run of a monitored job.
pub fn check_in_id(rng: &dyn Rng) -> CheckInId {
    CheckInId::from_random_bytes(sixteen(rng))
}

/// A fresh version 4 id for a session.
pub(crate) fn session_id(rng: &dyn Rng) -> SessionId {
    SessionId::from_random_bytes(sixteen(rng))
}

/// A fresh trace id; never zero.
pub fn trace_id(rng: &dyn Rng) -> TraceId {
    let mut bytes = sixteen(rng);
    bytes[0] |= u8::from(bytes == [0; 16]);
    TraceId::from_bytes(bytes)
}

/// The id of a span that may be the first of this process in a trace that began in another; never zero.
pub(crate) fn root_span_id(rng: &dyn Rng) -> SpanId {
    SpanId::from_bytes(rng.next_unique_u64().max(1).to_be_bytes())
}

/// A fresh span id; never zero.
pub fn span_id(rng: &dyn Rng) -> SpanId {
    SpanId::from_bytes(rng.next_u64().max(1).to_be_bytes())
}

/// A uniform number in `[0, 1)` with six decimals: the grid that `sample_rand` lives on.
pub fn sample_rand(rng: &dyn Rng) -> f64 {
    (rng.next_u64() % 1_000_000) as f64 / 1e6
}

fn sixteen(rng: &dyn Rng) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&rng.next_unique_u64().to_be_bytes());
    bytes[8..].copy_from_slice(&rng.next_u64().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;
    impl Rng for Zero {
        fn next_u64(&self) -> u64 {
            0
        }
    }

    #[test]
    fn no_id_is_all_zero_whatever_the_dice_say() {
        assert_ne!(trace_id(&Zero).as_bytes(), &[0; 16]);
        assert_ne!(span_id(&Zero).as_bytes(), &[0; 8]);
    }

    #[test]
    fn whoever_was_forked_makes_other_ids_than_its_parent_and_its_siblings() {
        let forked = || {
            LOCAL.with_borrow_mut(|rng| rng.seed(7));
            (trace_id(&ThreadRng), root_span_id(&ThreadRng))
        };
        let (parent, child) = (forked(), forked());
        assert!(parent.0 != child.0 && parent.1 != child.1);
    }

    #[test]
    fn threads_do_not_share_a_sequence() {
        let here = ThreadRng.next_u64();
        let there = std::thread::spawn(|| ThreadRng.next_u64()).join().unwrap();
        assert_ne!(here, there);
    }
}
