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

/// What of a stack is cut together with the frames below an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Beyond {
    /// Nothing: the entry is kept by the function that the program calls.
    Nothing,
    /// So many frames, which belong to whatever called the entry.
    Frames(usize),
    /// All up to the function that starts at this address, and the function itself. Nothing, if it does not come soon.
    Through(usize),
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

    /// Runs `work` inside this edge, in the place of any other.
    pub fn during<T>(self, work: impl FnOnce() -> T) -> T {
        let _restored = Restored(EDGE.try_with(|edge| edge.replace(Some(self))).unwrap_or(None));
        work()
    }
}

impl Entry {
    /// Runs `work` inside this entry, unless the program came in further out already.
    pub fn during<T>(&self, beyond: Beyond, work: impl FnOnce() -> T) -> T {
        match Edge::current() {
            Some(_) => work(),
            None => Edge { position: std::ptr::from_ref(self).addr(), beyond }.during(work),
        }
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
            inner.during(Beyond::Frames(3), || assert_eq!(Edge::current(), edge));
            let other = Edge { position: 16, beyond: Beyond::Through(32) };
            other.during(|| assert_eq!(Edge::current(), Some(other)));
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
