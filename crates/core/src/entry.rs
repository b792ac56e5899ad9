//! Where the program came in: the frames of a stack that are newer are Watchpost's own, whatever they are called.
//!
//! A stack is cut by the names of its functions, and a stripped binary has none. But stacks grow downwards: a frame is newer than a function
//! of ours if it lies below what that function keeps on the stack.
//!
//! ```text
//!    higher │ shop::checkout       the program's: above the entry
//!           │ capture_message      keeps the entry
//!           │ Client::capture      below it
//!     lower │ the walk             below it
//! ```

use std::cell::Cell;

/// What of a stack is cut together with the frames below an entry. `at` is the address of something that was handed in from further out, and lies
/// on the stack of whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Beyond {
    /// Nothing: the entry is kept by the function that the program calls.
    Nothing,
    /// All up to the function that keeps what is `at`, and so many of its callers.
    Kept {
        /// An address.
        at: usize,
        /// How many functions called that one for the program.
        callers: usize,
    },
    /// All up to the function that keeps what is `at`; and that one, if it starts at this address, because it may be inlined in one of the
    /// program's.
    KeptBy {
        /// An address.
        at: usize,
        /// Where the function starts.
        function: usize,
    },
}

/// Something on the stack of the function by which the program comes in. That function must not be inlined (`#[inline(never)]`): it would keep the
/// entry on the stack of its caller, whose frame would count as ours.
#[derive(Debug, Default)]
pub struct Entry(#[expect(dead_code, reason = "it is there to have an address")] u8);

/// Where the stack that is captured next is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// An address on the stack: what lies below it is ours.
    pub position: usize,
    /// What goes with it.
    pub beyond: Beyond,
}

thread_local! {
    static EDGE: Cell<Option<Edge>> = const { Cell::new(None) };
}

impl Edge {
    /// That of this thread, if it is inside an entry.
    #[must_use]
    pub fn current() -> Option<Edge> {
        EDGE.try_with(Cell::get).unwrap_or(None)
    }
}

impl Entry {
    /// Runs `work` inside this entry, unless the program came in further out already.
    pub fn during<T>(&self, beyond: Beyond, work: impl FnOnce() -> T) -> T {
        let edge = Edge { position: std::ptr::from_ref(self).addr(), beyond };
        let outer = EDGE.try_with(|current| current.replace(Some(current.get().unwrap_or(edge))));
        let _restored = Restored(outer.unwrap_or(None));
        work()
    }
}

/// Puts back what was there, also when `work` panics.
struct Restored(Option<Edge>);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = EDGE.try_with(|edge| edge.set(self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_entry_counts_and_is_left() {
        let (outer, inner) = (Entry::default(), Entry::default());
        outer.during(Beyond::Nothing, || {
            let edge = Edge::current();
            inner.during(Beyond::Kept { at: 3, callers: 0 }, || assert_eq!(Edge::current(), edge));
            assert_eq!(Edge::current(), edge);
            assert_eq!(edge.unwrap().position, std::ptr::from_ref(&outer).addr());
        });
        assert_eq!(Edge::current(), None);
    }

    #[test]
    fn an_entry_is_left_by_a_panic_too() {
        let left = std::panic::catch_unwind(|| Entry::default().during(Beyond::Nothing, || panic!("x")));
        assert!(left.is_err());
        assert_eq!(Edge::current(), None);
    }
}
