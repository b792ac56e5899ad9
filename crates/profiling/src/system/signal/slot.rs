//! A place in memory where a signal handler leaves something for a thread that comes later, without a lock.
//!
//! ```text
//!   FREE ── a handler ──▶ WRITING ── the handler ──▶ FULL ── a reader ──▶ READING ── the reader ──▶ FREE
//! ```
//!
//! What is in it belongs to whoever moved the slot to WRITING or READING, until it moves it on. `crates/models` goes through the interleavings.

#[cfg(watchpost_models)]
use loom::{cell::UnsafeCell, sync::atomic};
#[cfg(not(watchpost_models))]
use {self::cell::UnsafeCell, std::sync::atomic};

use atomic::{AtomicU8, Ordering};

const FREE: u8 = 0;
const WRITING: u8 = 1;
const FULL: u8 = 2;
const READING: u8 = 3;

pub(super) struct Slot<T> {
    state: AtomicU8,
    content: UnsafeCell<T>,
}

// SAFETY: `content` is touched only by whoever has moved `state` to WRITING or READING by compare-and-exchange, until it moves it on: one at a time.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    #[cfg(not(watchpost_models))]
    pub(super) const fn new(content: T) -> Self {
        Slot { state: AtomicU8::new(FREE), content: UnsafeCell::new(content) }
    }

    #[cfg(watchpost_models)]
    pub(super) fn new(content: T) -> Self {
        Slot { state: AtomicU8::new(FREE), content: UnsafeCell::new(content) }
    }

    /// Has it filled, if it is free; says whether it was. It is for a signal handler: it takes no lock, and whoever fills must not, either. A slot
    /// that somebody fails to fill is never free again.
    pub(super) fn fill(&self, fill: impl FnOnce(&mut T)) -> bool {
        if !self.moves(FREE, WRITING) {
            return false;
        }
        self.content.with_mut(|content| {
            // SAFETY: this has moved the slot to WRITING, so nobody else touches the content until it is FULL, which is after the last use.
            fill(unsafe { &mut *content });
        });
        self.state.store(FULL, Ordering::Release);
        true
    }

    /// Shows what is in it, if it is full; then it is free again.
    pub(super) fn take(&self, show: impl FnOnce(&T)) {
        if self.moves(FULL, READING) {
            let _free = Free(self); // also if it panics
            self.content.with(|content| {
                // SAFETY: this has moved the slot to READING, so nobody else touches the content until it is FREE, which is after the last use.
                show(unsafe { &*content });
            });
        }
    }

    /// Makes it free, whoever had it, in a process in which that thread is not.
    pub(super) fn forget(&self) {
        self.state.store(FREE, Ordering::Release);
    }

    fn moves(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

/// A slot that is read, and is free again when this is dropped.
struct Free<'a, T>(&'a Slot<T>);

impl<T> Drop for Free<'_, T> {
    fn drop(&mut self) {
        self.0.state.store(FREE, Ordering::Release);
    }
}

#[cfg(not(watchpost_models))]
mod cell {
    /// As the one of `loom`, which watches who has the pointer.
    pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(super) const fn new(content: T) -> Self {
            UnsafeCell(std::cell::UnsafeCell::new(content))
        }

        pub(super) fn with<R>(&self, work: impl FnOnce(*const T) -> R) -> R {
            work(self.0.get())
        }

        pub(super) fn with_mut<R>(&self, work: impl FnOnce(*mut T) -> R) -> R {
            work(self.0.get())
        }
    }
}

#[cfg(all(test, not(watchpost_models)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn taken(slot: &Slot<[u8; 4]>) -> Option<[u8; 4]> {
        let mut taken = None;
        slot.take(|content| taken = Some(*content));
        taken
    }

    #[test]
    fn what_is_in_it_is_shown_once() {
        let slot = Slot::new([0; 4]);
        assert_eq!(taken(&slot), None);
        assert!(slot.fill(|content| *content = [1; 4]));
        assert!(!slot.fill(|content| *content = [9; 4]), "nobody has looked at what is there");
        assert_eq!((taken(&slot), taken(&slot)), (Some([1; 4]), None));
        assert!(slot.fill(|content| content[0] = 2));
        assert_eq!(taken(&slot), Some([2, 1, 1, 1]));
    }

    #[test]
    fn a_reader_that_panics_leaves_it_free_and_a_forked_process_forgets_who_had_it() {
        let slot = Slot::new([0; 4]);
        slot.fill(|_| {});
        let failed = catch_unwind(AssertUnwindSafe(|| slot.take(|_| std::panic::panic_any(()))));
        assert!(failed.is_err() && slot.fill(|_| {}));
        slot.forget();
        assert_eq!(taken(&slot), None);
        assert!(slot.fill(|_| {}));
    }

    #[test]
    fn two_threads_hand_over_everything_in_one_piece() {
        let slot = Slot::new([0; 4]);
        let shown = std::thread::scope(|threads| {
            threads.spawn(|| {
                for number in 1..=20 {
                    while !slot.fill(|content| *content = [number; 4]) {
                        std::thread::yield_now();
                    }
                }
            });
            let mut shown = Vec::new();
            while shown.len() < 20 {
                shown.extend(taken(&slot));
                std::thread::yield_now();
            }
            shown
        });
        assert_eq!(shown, (1..=20).map(|number| [number; 4]).collect::<Vec<_>>());
    }
}
