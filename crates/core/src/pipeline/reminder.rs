//! Whether somebody was told already to look at what is gathered: so that whoever adds to it need not.

#[cfg(watchpost_models)]
use loom::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(watchpost_models))]
use std::sync::atomic::{AtomicU32, Ordering};

/// The process in which a worker was told to look, once for all that is gathered until it does; zero: none was.
///
/// ```text
///   who adds      adds the first ─▶ is_due: tells a worker, unless one was told
///   who takes     begin_anew ─▶ takes
/// ```
///
/// So what is added in between is taken, or whoever added it tells. The lock of what is gathered orders the two, also the memory. `crates/models`
/// goes through the interleavings.
#[derive(Debug)]
pub(super) struct Reminder(pub(super) AtomicU32);

impl Reminder {
    /// After the first was added, in this process: whether a worker is to be told.
    pub(super) fn is_due(&self, process: u32) -> bool {
        self.0.swap(process, Ordering::Relaxed) != process
    }

    /// Before what there is is taken: what comes afterwards reminds a worker anew.
    pub(super) fn begin_anew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
