//! Steps that see items on the worker, and the source of stacks: what leaf crates and users plug in.

use std::sync::{Mutex, PoisonError};

use crate::diag;
use crate::unharmed::unharmed;

use watchpost_protocol::{DebugImage, Event, Frame, Stacktrace, Transaction};

/// A named step of the pipeline: sees every event and transaction on the worker, may change or drop it.
///
/// It sees items, never options. A step that panics drops the item, counted as `event_processor`.
///
/// ```
/// # mod watchpost { pub use watchpost_core::*; pub use watchpost_protocol::*; }
/// use watchpost::{Event, Integration};
///
/// struct Region;
/// impl Integration for Region {
///     fn identifier(&self) -> &'static str {
///         "region"
///     }
///     fn process_event(&self, mut event: Event) -> Option<Event> {
///         event.tags.entry("region".into()).or_insert_with(|| "eu-west".into());
///         Some(event)
///     }
/// }
/// ```
pub trait Integration: Send + Sync + 'static {
    /// The name under which it is listed in `sdk.integrations`; a later one of the same name replaces an earlier one.
    fn identifier(&self) -> &'static str;

    /// Called once per process and identifier, at the first `init` that has it.
    fn setup_once(&self) {}

    /// Called on the worker with every event after the scopes were merged; `None` drops it.
    fn process_event(&self, event: Event) -> Option<Event> {
        Some(event)
    }

    /// Whether [`process_transaction`](Self::process_transaction) looks at the spans of a transaction. If nobody does, they are sent as they
    /// were recorded, which saves the worker more than half of its work; then `transaction.spans` is empty when it is called, and `transaction.contexts.trace`, which is the root, is `None`. Default: true.
    fn reads_spans(&self) -> bool {
        true
    }

    /// Called on the worker with every transaction after the scopes were merged; `None` drops it.
    fn process_transaction(&self, transaction: Transaction) -> Option<Transaction> {
        Some(transaction)
    }
}

/// What an integration is called, where a developer hears of it.
pub(crate) fn name(integration: &dyn Integration) -> &'static str {
    let name = if diag::enabled() { unharmed(|| integration.identifier()) } else { None };
    name.unwrap_or("an integration")
}

/// Runs `setup_once` unless an integration of that name was set up before in this process.
pub(crate) fn set_up(integration: &dyn Integration) {
    static DONE: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let name = integration.identifier(); // before the lock: it is the program's code
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if done.contains(&name) {
        return;
    }
    done.push(name);
    drop(done);
    if unharmed(|| integration.setup_once()).is_none() {
        crate::debug!("setting up the integration {name:?} panicked");
    }
}

/// Where stacks come from: addresses on the caller, names on the worker (promise 3).
pub trait StackSource: Send + Sync + 'static {
    /// The return addresses of the calling thread, innermost first. Called on the thread that captures: nothing is looked up.
    fn capture(&self) -> RawStack;

    /// Finds the functions behind the addresses. Called on the worker. The frames come caller first, as the protocol wants them,
    /// without the frames of the reporter and of the runtime. `None` when there is nothing to show.
    fn resolve(&self, stack: &RawStack) -> Option<Stacktrace>;

    /// Reads a backtrace that an error carries, as it prints. Called on the worker. `None` when there is nothing to show.
    fn parse(&self, printed: &str) -> Option<Stacktrace> {
        let _ = printed;
        None
    }

    /// Says in which images the server finds the names of the event's addresses. Called on the worker.
    fn add_images(&self, event: &mut Event) {
        let _ = event;
    }

    /// What is at each of these return addresses, the innermost first where calls were inlined: for profiles, which show every frame. Called on the worker.
    /// Of an address that it has no frames for, only the address is told.
    fn frames(&self, addresses: &[usize]) -> Vec<Vec<Frame>> {
        let _ = addresses;
        Vec::new()
    }

    /// The images that these addresses lie in. Called on the worker.
    fn images(&self, addresses: &[usize]) -> Vec<DebugImage> {
        let _ = addresses;
        Vec::new()
    }
}

/// Return addresses as they were on the stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawStack {
    /// Innermost first.
    pub addresses: Box<[usize]>,
    /// How many of them, from the innermost on, are known not to be the program's whatever they are called: the reporter's, and what
    /// stands between it and the program.
    pub own: usize,
}
