//! Walking the stack on the thread that captures: addresses only, nothing is looked up.

use std::sync::atomic::{AtomicBool, Ordering};

use watchpost_core::RawStack;

/// How many addresses are kept from the innermost end. This is where the error is.
const INNERMOST: usize = 200;
/// How many are kept from the outermost end, which says what the thread was doing. What is between is dropped.
const OUTERMOST: usize = 56;
/// Where the walk ends. A step costs some 50 ns, and a runaway recursion has 100,000 of them: a caller is not made to wait for
/// that, so a deeper stack has the addresses around this depth for its outermost ones.
const DEEPEST: usize = 4_096;

/// Set when a look-up panicked, see [`give_up`].
static BROKEN: AtomicBool = AtomicBool::new(false);

/// The return addresses of this thread, innermost first, at most 256 of them. One allocation, of the exact size.
#[inline(never)]
pub(crate) fn capture() -> RawStack {
    if is_broken() {
        return RawStack::default();
    }
    let mut kept = Ends::default();
    backtrace::trace(|frame| kept.push(frame.ip().addr()));
    RawStack(kept.in_order())
}

/// The address of a function and its name, by which the executable's symbol table is matched with where it was loaded.
pub(super) fn landmark() -> (usize, &'static str) {
    (capture as fn() -> RawStack as usize, concat!(module_path!(), "::capture"))
}

/// Stops all captures and look-ups for the rest of the process.
///
/// `backtrace` holds one lock for both and unwraps it. A look-up that panics inside (a bug in reading odd debug information)
/// poisons the lock, and from then on each capture would panic, too; in the panic hook that aborts the process.
pub(super) fn give_up() {
    BROKEN.store(true, Ordering::Relaxed);
}

pub(super) fn is_broken() -> bool {
    BROKEN.load(Ordering::Relaxed)
}

/// The two ends of a list whose length is not known beforehand, on the stack.
struct Ends {
    inner: [usize; INNERMOST],
    /// A ring: the newest overwrites the oldest.
    outer: [usize; OUTERMOST],
    seen: usize,
}

impl Default for Ends {
    fn default() -> Self {
        Ends { inner: [0; INNERMOST], outer: [0; OUTERMOST], seen: 0 }
    }
}

impl Ends {
    /// Whether to go on.
    fn push(&mut self, address: usize) -> bool {
        if address == 0 {
            return true;
        }
        match self.seen.checked_sub(INNERMOST) {
            None => self.inner[self.seen] = address,
            Some(past) => self.outer[past % OUTERMOST] = address,
        }
        self.seen += 1;
        self.seen < DEEPEST
    }

    fn in_order(&self) -> Box<[usize]> {
        let Some(past) = self.seen.checked_sub(INNERMOST) else {
            return self.inner[..self.seen].into();
        };
        let (newest, oldest) = match past.checked_sub(OUTERMOST) {
            None => (&self.outer[..past], &self.outer[..0]),
            Some(_) => self.outer.split_at(past % OUTERMOST),
        };
        [&self.inner[..], oldest, newest].concat().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_of(length: usize) -> Box<[usize]> {
        let mut ends = Ends::default();
        for address in 1..=length {
            assert!(ends.push(address));
        }
        ends.in_order()
    }

    #[test]
    fn a_stack_that_fits_is_kept_whole() {
        for length in [0, 1, 199, 200, 201, 255, 256] {
            assert_eq!(*ends_of(length), (1..=length).collect::<Vec<_>>(), "{length}");
        }
    }

    #[test]
    fn a_deep_stack_loses_its_middle() {
        for length in [257, 300, 311, 312, 313, 4_000] {
            let kept = ends_of(length);
            let expected: Vec<_> = (1..=200).chain(length - 55..=length).collect();
            assert_eq!(*kept, expected, "{length}");
        }
    }

    #[test]
    fn a_bottomless_stack_ends_the_walk() {
        let mut ends = Ends::default();
        let walked = (1..).take_while(|&address| ends.push(address)).count() + 1;
        assert_eq!(walked, DEEPEST);
        assert_eq!(ends.in_order().len(), INNERMOST + OUTERMOST);
    }

    #[test]
    fn missing_addresses_are_not_kept() {
        let mut ends = Ends::default();
        assert!(ends.push(0));
        assert!(ends.in_order().is_empty());
    }

    #[inline(never)]
    fn recurse(depth: usize) -> RawStack {
        if depth == 0 {
            return capture();
        }
        let stack = recurse(depth - 1);
        std::hint::black_box(depth);
        stack
    }

    #[test]
    fn captures_at_most_256_addresses() {
        assert!(recurse(3).0.len() > 3);
        assert_eq!(recurse(400).0.len(), 256);
    }
}
