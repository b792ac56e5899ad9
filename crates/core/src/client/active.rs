//! What is known of all clients of the process together: the gates that cost one load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::config::Config;

/// How many clients of this process can send. The gate of everything: while it is zero, a span costs one load.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Whether any client of this process can send.
#[inline]
#[must_use]
pub fn any_active() -> bool {
    ACTIVE.load(Ordering::Relaxed) > 0
}

/// How many of those may not send what tells who somebody is.
static RESERVED: AtomicUsize = AtomicUsize::new(0);

/// Whether there is a client that can send, and every one of them may send what tells who somebody is.
pub(crate) fn all_send_pii() -> bool {
    ACTIVE.load(Ordering::Acquire) > 0 && RESERVED.load(Ordering::Relaxed) == 0
}

/// Whether any client so far has hooks that want to see errors.
static HOOKED: AtomicBool = AtomicBool::new(false);

pub(crate) fn any_hooks() -> bool {
    HOOKED.load(Ordering::Relaxed)
}

/// A client can send from here on.
pub(super) fn enter(config: &Config) {
    HOOKED.fetch_or(!config.options.error_hooks.is_empty(), Ordering::Relaxed);
    RESERVED.fetch_add(reserved(config), Ordering::Relaxed);
    ACTIVE.fetch_add(1, Ordering::Release); // after it: who sees the client sees what it may not send
}

/// It cannot any more.
pub(super) fn leave(config: &Config) {
    ACTIVE.fetch_sub(1, Ordering::Relaxed);
    RESERVED.fetch_sub(reserved(config), Ordering::Relaxed);
}

fn reserved(config: &Config) -> usize {
    usize::from(!config.options.send_default_pii)
}
