//! Per-thread silence: telemetry never observes itself.
//!
//! While a thread is muted, nothing that happens on it is captured: not by the API, not by the tracing layer, not by
//! the log bridge, not by the panic hook. The worker is muted for its whole life, so that a transport that logs, or
//! a callback that fails, cannot feed the queue that it is emptying.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Whether nothing is to be captured on this thread.
#[inline]
#[must_use]
pub fn is_muted() -> bool {
    DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(true)
}

/// Mutes this thread until the returned guard is dropped. Mutes nest.
///
/// ```
/// use watchpost_core::mute;
///
/// let outer = mute::enter();
/// drop(mute::enter());
/// assert!(mute::is_muted());
/// drop(outer);
/// assert!(!mute::is_muted());
/// ```
#[must_use = "the thread is muted only as long as the guard lives"]
pub fn enter() -> Muted {
    let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
    Muted { not_send: PhantomData }
}

/// Ends one mute of this thread when dropped; made by [`enter`].
#[derive(Debug)]
pub struct Muted {
    not_send: PhantomData<*const ()>,
}

impl Drop for Muted {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}
