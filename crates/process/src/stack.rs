//! Stacks: return addresses on the thread that captures, functions and lines on the worker.

mod context;
mod images;
mod in_app;
mod lookup;
mod printed;
mod source;
mod symbol;
mod symtab;
mod trim;
pub(crate) mod walk;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use watchpost_core::{RawStack, StackSource};
use watchpost_protocol::{DebugImage, Event, Frame, Stacktrace};

use self::images::Images;
pub use self::in_app::InApp;
use self::lookup::{Found, look_up};
use self::trim::trim;

/// How many addresses are remembered, some 400 bytes each. A program has few places where it captures; when one has more,
/// the memory starts anew.
const REMEMBERED: usize = 4_096;

/// Where stacks come from: what a client is given as its [`StackSource`].
///
/// [`capture`](StackSource::capture) copies at most 256 return addresses, the innermost 200 and the outermost 56, with one
/// allocation. [`resolve`](StackSource::resolve) turns them into frames, caller first: inlined calls get
/// frames of their own, names are cleaned, both ends are cut so that the last frame is the function that captured or
/// panicked and the first one is the first of the program. If nothing would be left, nothing is cut.
///
/// What is found depends on what the binary has: with debug information functions, files and lines; without it (a release build)
/// functions; of a stripped binary addresses only, with the images by which a server finds the names. There, what is Watchpost's and `tracing`'s is
/// cut by where it lies on the stack, so that the last frame is the same; what calls `main` is not known without its name and stays, as do `unwrap_failed` and
/// its like, `log`'s own function and `panic_any` where they were not inlined.
///
/// Images are read from `/proc`, so that they are known on Linux and Android alone: a stripped binary of macOS or Windows sends addresses that
/// nobody can name. There, leave the names in.
///
/// Not done: a stack is not resolved while the process goes down by a signal, and threads other than the current one have no stack.
/// `backtrace` has one lock for walking and looking up, so that a capture may wait for a look-up on the worker; the first one
/// reads the debug information, which takes tens of milliseconds, and a good half second where `gimli` is built without optimisation.
///
/// ```
/// # mod watchpost { pub use watchpost_core::*; pub use watchpost_process as process; }
/// use watchpost::StackSource;
/// use watchpost::process::{InApp, Stacks};
///
/// let stacks = Stacks::new(InApp::default());
/// let raw = stacks.capture();
/// let stack = stacks.resolve(&raw).expect("a thread has a stack");
/// assert!(!stack.frames.is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Stacks {
    rules: InApp,
    /// By address. One that is reused after a library was unloaded keeps its old name; that is rare and harms nobody.
    known: Mutex<HashMap<usize, Arc<[Found]>>>,
    images: Images,
    context_lines: usize,
}

impl Stacks {
    /// Stacks whose frames are told apart by these rules.
    #[must_use]
    pub fn new(rules: InApp) -> Self {
        Stacks { rules, ..Stacks::default() }
    }

    /// How many lines of source before and after a frame's own are sent along, where the sources are there: on a machine that the program
    /// was built on. Only of frames that are the program's own. Default: 0, none.
    #[must_use]
    pub fn context_lines(mut self, lines: usize) -> Self {
        self.context_lines = lines;
        self
    }

    /// What is at each address. Looks up outside the lock: two threads may do the same work, none waits for the other's.
    fn found(&self, addresses: &[usize]) -> Vec<Arc<[Found]>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Option<Arc<[Found]>>> =
            addresses.iter().map(|address| known.get(address).cloned()).collect();
        drop(known);
        let missing = |(&address, found): (&usize, &Option<_>)| found.is_none().then_some(address);
        let missing: Vec<usize> = addresses.iter().zip(&found).filter_map(missing).collect();
        if !missing.is_empty() {
            let looked_up = look_up(&missing, &self.rules, &self.images).into_iter().map(Arc::from);
            let looked_up: Vec<(usize, Arc<[Found]>)> = missing.into_iter().zip(looked_up).collect();
            self.remember(&looked_up);
            let gaps = found.iter_mut().filter(|found| found.is_none());
            for (gap, (_, new)) in gaps.zip(looked_up) {
                *gap = Some(new);
            }
        }
        found.into_iter().flatten().collect()
    }

    fn remember(&self, found: &[(usize, Arc<[Found]>)]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + found.len() > REMEMBERED {
            known.clear();
        }
        known.extend(found.iter().cloned());
    }
}

impl StackSource for Stacks {
    fn capture(&self) -> RawStack {
        walk::capture()
    }

    fn resolve(&self, stack: &RawStack) -> Option<Stacktrace> {
        let places = self.found(&stack.addresses);
        let own = places.iter().take(stack.own).map(|place| place.len()).sum();
        self.shown(&places.iter().flat_map(|place| place.iter()).collect::<Vec<_>>(), own)
    }

    fn parse(&self, printed: &str) -> Option<Stacktrace> {
        self.shown(&printed::read(printed, &self.rules).iter().collect::<Vec<_>>(), 0)
    }

    fn add_images(&self, event: &mut Event) {
        self.images.add_to(event);
    }

    fn frames(&self, addresses: &[usize]) -> Vec<Vec<Frame>> {
        self.found(addresses).iter().map(|place| place.iter().map(Found::frame).collect()).collect()
    }

    fn images(&self, addresses: &[usize]) -> Vec<DebugImage> {
        let addresses: Vec<u64> = addresses.iter().map(|&address| address as u64).collect();
        self.images.of(&addresses)
    }
}

impl Stacks {
    /// The frames to show of what was found, innermost first; so many are known not to be the program's.
    fn shown(&self, found: &[&Found], own: usize) -> Option<Stacktrace> {
        let sketch: Vec<_> = found.iter().map(|found| (found.role, found.function.as_deref())).collect();
        let shown = &found[trim(&sketch, own)];
        let mut frames: Vec<_> = shown.iter().rev().map(|found| found.frame()).collect();
        context::add(&mut frames, self.context_lines);
        if frames.is_empty() { None } else { Some(Stacktrace { frames, ..Stacktrace::default() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchpost_protocol::Addr;

    #[test]
    fn no_addresses_no_stack() {
        assert_eq!(Stacks::default().resolve(&RawStack::default()), None);
    }

    #[test]
    fn addresses_without_names_come_caller_first() {
        let stack = Stacks::default().resolve(&RawStack { addresses: [16, 32].into(), own: 0 }).unwrap();
        let addresses: Vec<_> = stack.frames.iter().map(|frame| frame.instruction_addr).collect();
        assert_eq!(addresses, [Some(Addr(32)), Some(Addr(16))]);
        assert!(stack.frames.iter().all(|frame| frame.in_app.is_none()));
    }

    #[test]
    fn a_profile_is_shown_every_frame_and_its_image() {
        let stacks = Stacks::default();
        let stack = stacks.capture();
        let frames = stacks.frames(&stack.addresses);
        assert_eq!(frames.len(), stack.addresses.len(), "some for each address");
        assert!(frames.iter().all(|place| !place.is_empty()));
        let here = |frame: &Frame| {
            frame.function.as_deref().is_some_and(|name| name.contains("every_frame_and_its"))
        };
        assert!(frames.iter().flatten().any(here));
        if cfg!(target_os = "linux") {
            assert!(!stacks.images(&stack.addresses).is_empty());
        }
    }

    #[test]
    fn what_was_looked_up_is_remembered_within_bounds() {
        let stacks = Stacks::default();
        let first = stacks.found(&[16]).remove(0);
        assert!(Arc::ptr_eq(&first, &stacks.found(&[16])[0]));
        let place = |address| (address, Arc::clone(&first));
        stacks.remember(&(0..REMEMBERED).map(place).collect::<Vec<_>>());
        assert_eq!(stacks.known.lock().unwrap().len(), REMEMBERED);
        stacks.remember(&[place(REMEMBERED)]);
        assert_eq!(stacks.known.lock().unwrap().len(), 1);
    }
}
