//! Walking the stack on the thread that captures: addresses only, nothing is looked up.

use std::sync::atomic::{AtomicBool, Ordering};

use backtrace::Frame;
use watchpost_core::RawStack;
use watchpost_core::layer::{Beyond, Edge};

/// How many addresses are kept from the innermost end. This is where the error is.
const INNERMOST: usize = 200;
/// How many are kept from the outermost end, which says what the thread was doing. What is between is dropped.
const OUTERMOST: usize = 56;
/// Where the walk ends. A step costs some 50 ns, and a runaway recursion has 100,000 of them: a caller is not made to wait for
/// that, so a deeper stack has the addresses around this depth for its outermost ones.
const DEEPEST: usize = 4_096;

/// Set when a look-up panicked, see [`give_up`].
static BROKEN: AtomicBool = AtomicBool::new(false);

/// What lies further than this from an entry is not what was handed in: that may not be on the stack at all.
const FAR: usize = 64 * 1_024;

/// The return addresses of this thread, innermost first, at most 256 of them. One allocation, of the exact size. Which of them are not the
/// program's is known by where they lie, if the program came in by an entry.
#[inline(never)]
pub(crate) fn capture() -> RawStack {
    if is_broken() {
        return RawStack::default();
    }
    let (mut kept, mut own) = (Ends::default(), Own::within(Edge::current()));
    backtrace::trace(|frame| {
        let address = frame.ip().addr();
        if address != 0 {
            own.see(frame);
        }
        kept.push(address)
    });
    RawStack { addresses: kept.in_order(), own: own.count }
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

/// Counts the innermost frames that are not the program's.
struct Own {
    count: usize,
    seen: usize,
    rest: Rest,
}

/// Which frames are still to be counted.
enum Rest {
    /// Those below this address, and what goes with them.
    Below(usize, Beyond),
    /// So many.
    Next(usize),
    /// Those below this address but the last of them, which is counted if its function starts at the other.
    Until(usize, usize),
    None,
}

impl Own {
    fn within(edge: Option<Edge>) -> Self {
        let rest = match edge {
            None => Rest::None,
            Some(Edge { position, beyond: Beyond::Kept { at, callers } }) if is_near(position, at) => {
                Rest::Below(at, Beyond::Kept { at, callers })
            }
            Some(Edge { position, beyond: Beyond::KeptBy { at, function } }) if is_near(position, at) => {
                Rest::Below(position, Beyond::KeptBy { at, function })
            }
            Some(Edge { position, .. }) => Rest::Below(position, Beyond::Nothing),
        };
        Own { count: 0, seen: 0, rest }
    }

    fn see(&mut self, frame: &Frame) {
        self.note(frame.sp().addr(), || frame.symbol_address().addr());
    }

    /// Of a frame, from where on it lies on the stack, and where its function starts: it takes time to find that.
    fn note(&mut self, lies: usize, starts: impl Fn() -> usize) {
        self.seen += 1;
        if let Rest::Below(position, beyond) = self.rest {
            // No platform has a stack at 0: it is not known where the frame lies.
            if lies != 0 && lies <= position {
                self.count = self.seen;
                return;
            }
            self.rest = match beyond {
                Beyond::Kept { callers, .. } if self.count > 0 => Rest::Next(callers),
                Beyond::KeptBy { at, function } if self.count > 0 => Rest::Until(at, function),
                _ => Rest::None,
            };
        }
        match self.rest {
            Rest::Next(more) if more > 0 => {
                self.count = self.seen;
                self.rest = Rest::Next(more - 1);
            }
            Rest::Until(position, function) if lies <= position => {
                let is_it = starts() == function;
                self.count = if is_it { self.seen } else { self.seen - 1 };
            }
            _ => self.rest = Rest::None,
        }
    }
}

fn is_near(position: usize, at: usize) -> bool {
    at.checked_sub(position).is_some_and(|distance| distance < FAR)
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
        assert!(recurse(3).addresses.len() > 3);
        assert_eq!(recurse(400).addresses.len(), 256);
    }

    /// How many are counted of frames that lie here, where functions start at ten times as much.
    fn counted(edge: Option<(usize, Beyond)>, frames: impl IntoIterator<Item = usize>) -> usize {
        let mut own = Own::within(edge.map(|(position, beyond)| Edge { position, beyond }));
        frames.into_iter().for_each(|lies| own.note(lies, || lies * 10));
        own.count
    }

    #[test]
    fn frames_below_an_entry_are_own() {
        assert_eq!(counted(None, 1..9), 0);
        assert_eq!(counted(Some((4, Beyond::Nothing)), 1..9), 4);
        assert_eq!(counted(Some((4, Beyond::Nothing)), [1, 2, 7, 3]), 2, "the program runs on another stack");
        assert_eq!(counted(Some((4, Beyond::Nothing)), [0, 1, 2]), 0, "it is not known where frames lie");
        assert_eq!(counted(Some((99, Beyond::Nothing)), 1..9), 8);
    }

    #[test]
    fn what_goes_with_an_entry_is_own_too() {
        let kept = |at, callers| Some((4, Beyond::Kept { at, callers }));
        assert_eq!(counted(kept(5, 0), 1..9), 5);
        assert_eq!(counted(kept(5, 2), 1..9), 7);
        assert_eq!(counted(kept(5, 2), [0, 1, 2]), 0);
        for not_on_the_stack in [3, 4 + FAR] {
            assert_eq!(counted(kept(not_on_the_stack, 2), 1..9), 4);
        }
    }

    #[test]
    fn who_keeps_what_was_handed_in_is_own_if_it_is_known() {
        let kept = |at, function| Some((4, Beyond::KeptBy { at, function }));
        assert_eq!(counted(kept(6, 60), 1..9), 6);
        assert_eq!(counted(kept(6, 10), 1..9), 5, "it was inlined");
        assert_eq!(counted(kept(6, 50), 1..9), 5);
        assert_eq!(counted(kept(3, 60), 1..9), 4, "that is not on the stack");
    }

    #[inline(never)]
    fn enters() -> RawStack {
        let entry = watchpost_core::layer::Entry::default();
        std::hint::black_box(entry.during(Beyond::Nothing, || recurse(3)))
    }

    #[test]
    fn a_stack_says_what_lies_below_the_entry() {
        let entered = enters();
        let starts = enters as fn() -> RawStack as usize;
        let inside = entered.addresses.iter().rposition(|address| (starts..starts + 512).contains(address));
        assert_eq!(entered.own, inside.unwrap() + 1);
        assert_eq!(recurse(3).own, 0);
    }
}
