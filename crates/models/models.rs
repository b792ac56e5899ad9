//! Every interleaving of what Watchpost does without a lock, or with a lock and a number beside it.
//!
//! ```text
//! RUSTFLAGS="--cfg watchpost_models" LOOM_MAX_PREEMPTIONS=3 cargo test --release -p watchpost-models --target-dir target/loom
//! ```
//!
//! `loom` runs each model again and again, with every order of its threads and everything that an atomic may be seen to hold. What it runs are
//! the modules themselves, not copies: those that stand here by their paths take their atomics from `loom` under that `cfg`. A model adds what is around
//! them, as short as it can be said. It is a package of its own so that nothing else is built with it; and the `cfg` is not `loom`, as elsewhere, so that
//! a program that has models of its own does not meet it in its dependencies.
//!
//! That the models can fail was tried, by breaking what they look at: each says what it would find.
#![cfg(watchpost_models)]

#[path = "../tracing/src/epoch.rs"]
#[allow(dead_code, reason = "a model does not need all of it")]
mod epoch;
#[path = "../core/src/losses.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is public there")]
mod losses;
#[path = "../core/src/pipeline/reminder.rs"]
mod reminder;
#[path = "../profiling/src/system/signal/slot.rs"]
#[allow(dead_code, unsafe_code, reason = "as there; a model does not need all of it")]
mod slot;

mod models {
    mod losses;
    mod reminders;
    mod slots;
    mod spans;
}
