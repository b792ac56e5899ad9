//! What is current: the scopes and the span that a capture on this thread takes.
//!
//! There are two places to look. The thread has a stack of [`Scopes`] that somebody entered: a `with_scope` block, a future that carries
//! its scopes, a request. And the tracing layer knows the current tracing span, which carries the scopes it was created in; nothing of ours
//! runs when a span is entered. Whichever was entered last wins, and that is found out only when something is captured:
//!
//! ```text
//!   stack top was pushed while span P was current (or none)
//!   now span S is current
//!     S = P, or no S   nothing was entered since: the stack's top is the innermost
//!     S ≠ P            S was entered since: the span's own scopes are
//! ```

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::bound;
use crate::client::Client;
use crate::fields::Fields;
use crate::merge::Layers;
use crate::pipeline::EventTrace;
use crate::propagation_context::PropagationContext;
use crate::record::SpanKey;
use crate::scope::Scope;
use crate::span::Span;
use crate::span_ref::SpanRef;
use crate::trace::{RootInit, Trace};

/// Everything that a thread or a future carries: the scopes, the span, and the client if it is not the process's own.
#[derive(Clone)]
pub struct Scopes {
    pub(crate) client: Option<Client>,
    pub(crate) isolation: Scope,
    pub(crate) current: Scope,
    pub(crate) span: Option<SpanRef>,
    /// Whether the isolation scope is of one request, task or job. The process's own is not: work that begins there gets one of its own.
    pub(crate) unit: bool,
}

/// How core asks the tracing layer for the current span. There is one per process.
pub trait SpanSource: Send + Sync {
    /// The current tracing span, if there is one.
    fn current_key(&self) -> Option<SpanKey>;
    /// What the current tracing span carries: the scopes of the nearest span that has some, with the span itself.
    fn current(&self) -> Option<Scopes>;
    /// Gives the current tracing span a current scope of its own, a fork of what it carries, unless it has one (features G03).
    fn own_current(&self) -> Option<Scopes>;
}

static SOURCE: OnceLock<&'static dyn SpanSource> = OnceLock::new();
static BASE: LazyLock<Arc<Scopes>> = LazyLock::new(|| {
    let (isolation, current) = (Scope::new(), Scope::new());
    Arc::new(Scopes { client: None, isolation, current, span: None, unit: false })
});

thread_local! {
    static STACK: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    static SERIAL: Cell<u64> = const { Cell::new(0) };
}

struct Entered {
    /// By which its guard knows it: places on the stack are taken again.
    serial: u64,
    held: Held,
    at: Option<SpanKey>,
}

#[derive(Clone)]
enum Held {
    Own(Arc<Scopes>),
    /// Those outside of it, in which another span stands for its own, until somebody asks for more than to look. `None`: those of the tracing span
    /// that is current, which nobody has put on the heap.
    Shared(Option<Arc<Scopes>>),
}

impl Held {
    fn scopes(&self) -> Option<&Arc<Scopes>> {
        match self {
            Held::Own(scopes) => Some(scopes),
            Held::Shared(outside) => outside.as_ref(),
        }
    }
}

/// Registers the tracing layer's side; the first one stays.
pub fn set_span_source(source: &'static dyn SpanSource) {
    let _ = SOURCE.set(source);
}

impl Scopes {
    /// The scopes that a capture on this thread would take now.
    #[must_use]
    pub fn current() -> Arc<Scopes> {
        let source = SOURCE.get();
        let key = source.and_then(|source| source.current_key());
        Scopes::innermost(key).or_else(|| source?.current().map(Arc::new)).unwrap_or_else(base)
    }

    /// As [`current`](Self::current), without a place of their own on the heap: for who looks and lets go (promise 2).
    pub(crate) fn at_hand() -> Scopes {
        let source = SOURCE.get();
        let key = source.and_then(|source| source.current_key());
        match last_entered(key) {
            Some(Held::Own(entered)) => Scopes::clone(&entered),
            Some(Held::Shared(outside)) => sharing(outside),
            None => source.and_then(|source| source.current()).unwrap_or_else(|| Scopes::clone(&BASE)),
        }
    }

    /// The scopes on this thread's stack, if nothing was entered after them; `key` is the tracing span that is current now. For the
    /// tracing layer, which knows the rest.
    #[must_use]
    pub fn innermost(key: Option<SpanKey>) -> Option<Arc<Scopes>> {
        Some(match last_entered(key)? {
            Held::Own(entered) => entered,
            Held::Shared(outside) => no_longer_sharing(outside),
        })
    }

    /// The process's own scopes.
    #[must_use]
    pub fn base() -> Arc<Scopes> {
        base()
    }

    /// Scopes that report to `client` whatever client the process has. The isolation scope is new, and counts as a process's own: work that
    /// begins in it gets one of its own. For tests and for programs with several clients.
    #[must_use]
    pub fn of_client(client: &Client) -> Scopes {
        Scopes {
            client: Some(client.clone()),
            isolation: Scope::new(),
            current: Scope::new(),
            span: None,
            unit: false,
        }
    }

    /// Forks the current scope: what is set in it ends with it.
    #[must_use]
    pub fn forked(&self) -> Scopes {
        Scopes { current: self.current.fork(), ..self.clone() }
    }

    /// Forks the isolation and the current scope: a unit of work of its own. One that leaves the process's own scope begins a new trace
    /// (`protocol.md` §8.7), unless the process itself continues one; one that leaves another unit stays in its trace.
    #[must_use]
    pub fn isolated(&self) -> Scopes {
        let isolation = self.isolation.fork();
        if !self.unit {
            isolation.leave_trace();
        }
        Scopes { isolation, current: self.current.fork(), unit: true, ..self.clone() }
    }

    /// The isolation scope.
    #[must_use]
    pub fn isolation(&self) -> &Scope {
        &self.isolation
    }

    /// The current scope.
    #[must_use]
    pub fn current_scope(&self) -> &Scope {
        &self.current
    }

    /// Whether the isolation scope is of one request, task or job.
    #[must_use]
    pub fn is_unit(&self) -> bool {
        self.unit
    }

    /// The open span.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.span.clone().map(Span::borrowed)
    }

    /// These scopes with another span as the open one.
    #[must_use]
    pub fn with_span(&self, span: &Span) -> Scopes {
        Scopes { span: span.inner().cloned().or_else(|| self.span.clone()), ..self.clone() }
    }

    /// These scopes as they are inside of a span: with it as the open one, and a current scope of its own.
    pub(crate) fn inside(&self, span: &Span) -> Scopes {
        let scopes = self.with_span(span).forked();
        if let Some(span) = span.inner() {
            span.live_in(&scopes.current);
        }
        scopes
    }

    /// The client that captures go to: its own, else the process's. `None` if that one cannot send.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        self.client.clone().or_else(bound::client).filter(Client::is_active)
    }

    /// Makes these the scopes of this thread until the guard is dropped.
    pub fn attach(self: &Arc<Self>) -> ScopesGuard {
        enter(|_| Held::Own(Arc::clone(self)))
    }

    /// The trace of this isolation scope while no span is open.
    pub(crate) fn propagation(&self, client: &Client) -> Arc<PropagationContext> {
        self.isolation.propagation(|| PropagationContext::fresh(client.rng()))
    }

    pub(crate) fn event_trace(&self, client: &Client) -> EventTrace {
        match &self.span {
            Some(span) => span.event_trace(),
            None => client.trace_of(&self.propagation(client)),
        }
    }

    pub(crate) fn layers(&self) -> Layers {
        Layers {
            global: Scope::global().snapshot(),
            isolation: self.isolation.snapshot(),
            current: self.current.snapshot(),
        }
    }

    /// Starts a root span in these scopes. `None` if tracing is off.
    pub(crate) fn start_root(&self, client: &Client, root: RootInit, fields: &Fields) -> Option<Arc<Trace>> {
        if !client.config().tracing_is_on() {
            return None;
        }
        let mut propagation = self.propagation(client);
        if !self.unit && propagation.incoming.is_none() {
            // The process is no unit of work: each root that begins there is a trace of its own.
            propagation = Arc::new(PropagationContext::fresh(client.rng()));
        }
        let scopes = (self.isolation.clone(), self.current.clone());
        Trace::start(client, scopes, propagation, root, fields)
    }
}

fn base() -> Arc<Scopes> {
    Arc::clone(&BASE)
}

/// Enters a block for a span that nothing is recorded of, and that another which is current stands for. Until somebody asks for its scopes,
/// it is made of nothing (promise 2).
pub(crate) fn enter_block() -> ScopesGuard {
    enter(|at| Held::Shared(last_entered(at).and_then(|held| held.scopes().cloned())))
}

fn enter(what: impl FnOnce(Option<SpanKey>) -> Held) -> ScopesGuard {
    let at = SOURCE.get().and_then(|source| source.current_key());
    let held = what(at);
    let serial = STACK.try_with(|stack| {
        let mut stack = stack.try_borrow_mut().ok()?;
        let serial = SERIAL.try_with(|next| next.replace(next.get() + 1)).ok()?;
        stack.push(Entered { serial, held, at });
        Some(serial)
    });
    ScopesGuard { serial: serial.ok().flatten(), not_send: PhantomData }
}

/// What this thread entered last, if it entered no tracing span after it.
fn last_entered(key: Option<SpanKey>) -> Option<Held> {
    let look = |stack: &RefCell<Vec<Entered>>| {
        let stack = stack.try_borrow().ok()?;
        let top = stack.last().filter(|top| key.is_none() || top.at == key)?;
        Some(match &top.held {
            // Its tracing span was left before it.
            Held::Shared(None) if key.is_none() => {
                Held::Shared(stack.iter().rev().find_map(|entered| entered.held.scopes().cloned()))
            }
            held => held.clone(),
        })
    };
    STACK.try_with(look).ok().flatten()
}

/// The scopes of a block that shares those outside of it. Whoever has them changes nothing of the span that stands for the block's own.
fn sharing(outside: Option<Arc<Scopes>>) -> Scopes {
    let mut scopes = match outside {
        Some(outside) => Scopes::clone(&outside),
        None => SOURCE.get().and_then(|source| source.current()).unwrap_or_else(|| Scopes::clone(&BASE)),
    };
    if let Some(span) = &mut scopes.span {
        span.own = false;
    }
    scopes
}

/// Gives the innermost block scopes of its own, with a current scope in which what is set ends with the block.
fn no_longer_sharing(outside: Option<Arc<Scopes>>) -> Arc<Scopes> {
    let own = Arc::new(sharing(outside).forked());
    let replaced = STACK.try_with(|stack| {
        let mut stack = stack.try_borrow_mut().ok()?;
        Some(std::mem::replace(&mut stack.last_mut()?.held, Held::Own(Arc::clone(&own))))
    });
    drop(replaced); // freed when the stack is no longer borrowed
    own
}

/// The scopes whose current scope is the innermost block's or span's own, so that what is set there stays there.
pub(crate) fn own_current() -> Arc<Scopes> {
    let source = SOURCE.get();
    let key = source.and_then(|source| source.current_key());
    Scopes::innermost(key).or_else(|| source?.own_current().map(Arc::new)).unwrap_or_else(base)
}

/// Puts a thread's scopes back when dropped. Guards are meant to be dropped in the reverse order of their making; one that outlives an outer one
/// has nothing left to put back.
#[derive(Debug)]
#[must_use = "the scopes are left when the guard is dropped"]
pub struct ScopesGuard {
    serial: Option<u64>,
    not_send: PhantomData<*const ()>,
}

impl Drop for ScopesGuard {
    fn drop(&mut self) {
        let Some(serial) = self.serial else { return };
        let left = STACK.try_with(|stack| {
            let mut stack = stack.try_borrow_mut().ok()?;
            let depth = stack.iter().rposition(|entered| entered.serial == serial)?;
            let top = stack.pop();
            // What was entered after it, and is still there: a list, which as a rule is empty and is made of nothing.
            let rest = if depth < stack.len() { stack.split_off(depth) } else { Vec::new() };
            Some((top, rest))
        });
        drop(left); // scopes are freed, and spans may end, when the stack is no longer borrowed
    }
}

impl std::fmt::Debug for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scopes")
            .field("isolation", &self.isolation)
            .field("current", &self.current)
            .field("span", &self.span())
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_that_outlives_an_outer_one_takes_nothing_from_others() {
        let [outer, inner, later] = std::array::from_fn(|_| Arc::new(base().forked()));
        let outer_guard = outer.attach();
        let inner_guard = inner.attach();
        drop(outer_guard);
        assert!(Scopes::innermost(None).is_none(), "the inner one went with the outer one");
        let _later = [later.attach(), later.attach()];
        drop(inner_guard);
        assert!(Scopes::innermost(None).is_some_and(|top| Arc::ptr_eq(&top, &later)));
        assert_eq!(STACK.with(|stack| stack.borrow().len()), 2);
    }
}
