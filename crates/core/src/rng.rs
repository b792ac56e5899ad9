//! Randomness, injected: ids, and the dice of sampling.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use watchpost_protocol::{CheckInId, EventId, SessionId, SpanId, TraceId};

/// Where a client takes its ids and sampling decisions from.
pub trait Rng: Send + Sync + 'static {
    /// 64 random bits.
    fn next_u64(&self) -> u64;
}

/// A generator per thread, seeded by the operating system; the default.
///
/// Ids are unique, not secret: the generator is fast and not fit for cryptography.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadRng;

thread_local! {
    static LOCAL: RefCell<Local> = RefCell::new(Local::new());
}

/// The generator of a thread, and the process that it is in.
struct Local {
    rng: fastrand::Rng,
    home: u32,
}

impl Local {
    // `RandomState` asks the operating system once per thread and process, and a child that was forked has its parent's; fastrand's own seed
    // knows only the time and the thread.
    fn new() -> Self {
        let home = std::process::id();
        Local { rng: fastrand::Rng::with_seed(RandomState::new().hash_one(home)), home }
    }

    /// A child that was forked would go on with the numbers that its parent and its siblings go on with.
    fn leave_parent(&mut self) {
        let here = std::process::id();
        if std::mem::replace(&mut self.home, here) != here {
            let seed = RandomState::new().hash_one((self.rng.u64(..), here));
            self.rng.seed(seed);
        }
    }
}

impl Rng for ThreadRng {
    fn next_u64(&self) -> u64 {
        LOCAL
            .try_with(|local| local.try_borrow_mut().map(|mut local| local.rng.u64(..)).ok())
            .ok()
            .flatten()
            .unwrap_or_else(|| RandomState::new().build_hasher().finish())
    }
}

/// Sees to it that the ids that are made next on this thread are of this process, and not those that its parent makes, too. Asked for every
/// id that stands alone, which are few; the spans of a trace are told apart by it, but for the first, and cost no system call.
fn leave_parent() {
    let _ = LOCAL.try_with(|local| local.try_borrow_mut().map(|mut local| local.leave_parent()));
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
    leave_parent();
    span_id(rng)
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
    leave_parent();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
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
        let forked = |home| {
            LOCAL.with_borrow_mut(|local| *local = Local { rng: fastrand::Rng::with_seed(7), home });
            trace_id(&ThreadRng)
        };
        let here = std::process::id();
        assert_eq!(forked(here), forked(here));
        assert_ne!(forked(here), forked(u32::MAX));
    }

    #[test]
    fn threads_do_not_share_a_sequence() {
        let here = ThreadRng.next_u64();
        let there = std::thread::spawn(|| ThreadRng.next_u64()).join().unwrap();
        assert_ne!(here, there);
    }
}
