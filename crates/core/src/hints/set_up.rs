//! What is said of how a program is set up: what took whose place, and what is missing.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::diag;

/// Whether there is a layer that makes spans of those of `tracing`.
static LAYER: AtomicBool = AtomicBool::new(false);

/// Whether there is one within another's registry.
static LAYER_WITHIN: AtomicBool = AtomicBool::new(false);

/// Whether a root span ever began.
static SPAN: AtomicBool = AtomicBool::new(false);

/// Whether `init` ran more than once.
static AGAIN: AtomicBool = AtomicBool::new(false);

/// A client takes the place of one that goes on until now.
pub(crate) fn client_replaced() {
    crate::debug!(
        "init was called again: the new client takes the place of the one before, which is closed; to drop its guard does nothing any more"
    );
}

/// A client was made the process's own.
pub(super) fn begun(again: bool) {
    AGAIN.fetch_or(again, Ordering::Relaxed);
    if LAYER_WITHIN.load(Ordering::Relaxed) {
        say_layer_within();
    }
}

/// A layer that makes spans is there.
pub(crate) fn layer_installed() {
    LAYER.store(true, Ordering::Relaxed);
}

/// A layer of ours is put around another one. It may come before the client that has the option `debug`.
#[cold]
pub fn layer_within_a_layer() {
    LAYER_WITHIN.store(true, Ordering::Relaxed);
    say_layer_within();
}

fn say_layer_within() {
    if diag::enabled() {
        once!("two layers of Watchpost are in one registry: what both hear is reported twice");
    }
}

/// A root span begins.
#[inline]
pub(crate) fn span_began() {
    if !SPAN.load(Ordering::Relaxed) {
        SPAN.store(true, Ordering::Relaxed);
    }
}

/// A client that wants traces is closed. With a second one it is not sure that the program is set up.
pub(crate) fn closing_a_client_that_traces() {
    let anything = [&LAYER, &SPAN, &AGAIN].into_iter().any(|flag| flag.load(Ordering::Relaxed));
    if diag::enabled() && !anything {
        once!(
            "traces are wanted, and no span ever began: put watchpost::tracing::layer() into the registry, or start one by start_transaction"
        );
    }
}
