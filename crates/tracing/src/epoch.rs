//! When what threads remember of spans is over.
//!
//! Each thread remembers spans by their ids, for itself, and ids are used again after a span has closed: what is remembered has to prove that it
//! still means the span that it was made for. Each id falls into one of many epochs, and a memory holds only as long as the epoch is the one
//! that it is of:
//!
//! ```text
//!   a span is made        here: a memory as of the epoch e. Nobody else knows the id.
//!   another thread asks   it sets the last bit of e, walks, and has a memory too
//!   the span closes       here, last bit not set: the own memory is given up, and nobody else had one. No write that others see.
//!                         otherwise: the next epoch begins; all memories of e are over
//! ```
//!
//! So a span that lives and dies on one thread costs the others nothing. Another id of the same epoch that closes costs one walk, and
//! nothing else.
//!
//! That is enough because of one thing: whoever looks for a span keeps it open, or a span in it, until it has looked. So each bit that was set
//! for a span is seen by who closes it. `crates/models` goes through the interleavings.

#[cfg(watchpost_models)]
use loom::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(watchpost_models))]
use std::sync::atomic::{AtomicU32, Ordering};

/// Set: other threads than the one that made a span may remember some of this epoch.
const SHARED: u32 = 1;

/// How often what was known of some spans was over, and the last bit.
#[derive(Debug)]
pub(crate) struct Epoch(pub(crate) AtomicU32);

/// The epoch that something is remembered of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsOf(u32);

impl AsOf {
    /// The first epoch there is.
    pub(crate) const FIRST: AsOf = AsOf(0);
}

impl Epoch {
    /// For what the thread that makes a span knows of it: that it does, nobody has to be told.
    pub(crate) fn now(&self) -> AsOf {
        // Whoever may know that an epoch is over was told of it, or of the next span of an id, by other means, and those order the two.
        AsOf(self.0.load(Ordering::Relaxed))
    }

    /// Says that a thread looks for a span now, before it does; what it finds may be remembered as of the epoch.
    pub(crate) fn look(&self) -> AsOf {
        AsOf(self.0.fetch_or(SHARED, Ordering::AcqRel))
    }

    /// Whether what was remembered still holds.
    pub(crate) fn is_still(&self, as_of: AsOf) -> bool {
        self.now().0 & !SHARED == as_of.0 & !SHARED
    }

    /// A span closes. `given_up` says that this thread remembered it until then, and does not any more.
    pub(crate) fn close(&self, given_up: bool) {
        if !given_up || self.now().0 & SHARED == SHARED {
            self.begin_next();
        }
    }

    /// What any thread remembers is over.
    pub(crate) fn begin_next(&self) {
        let next = |epoch: u32| Some((epoch | SHARED).wrapping_add(1));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }
}

/// Counts what makes all that is remembered over, of whatever span: that one which was open already was given a node. Whoever looks asks for it
/// before, and remembers what was found only if it is still the same; whoever changes something begins the next one afterwards.
#[derive(Debug)]
pub(crate) struct Generation(pub(crate) AtomicU32);

impl Generation {
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn begin_next(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
