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

mod stack;

use std::any::Any;
use std::sync::{Arc, LazyLock, OnceLock};

pub use stack::ScopesGuard;
use stack::{Held, enter, last_entered};

use crate::bound;
use crate::client::Client;
use crate::fields::Fields;
use crate::hints;
use crate::merge::Layers;
use crate::pipeline::EventTrace;
use crate::propagation_context::PropagationContext;
use crate::record::{Slot, SpanKey};
use crate::scope::{NearestFirst, Scope};
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
    pub(crate) memo: Memo,
}

/// What a layer keeps for scopes. A copy of them has nothing yet.
#[derive(Default)]
pub(crate) struct Memo(OnceLock<Box<dyn Any + Send + Sync>>);

impl Clone for Memo {
    fn clone(&self) -> Self {
        Memo::default()
    }
}

/// How core asks the tracing layer for the current span. There is one per process.
pub trait SpanSource: Send + Sync {
    /// The current tracing span, if there is one.
    fn current_key(&self) -> Option<SpanKey>;
    /// What the current tracing span carries: the scopes of the nearest span that has some, with the span itself.
    fn current(&self) -> Option<Scopes>;
    /// Shows the scopes that the current tracing span carries, and where in its trace it is, where they are.
    fn with_current(&self, look: &mut dyn FnMut(&Scopes, Option<InTrace<'_>>));
    /// Gives the current tracing span a current scope of its own, a fork of what it carries, unless it has one.
    fn own_current(&self) -> Option<Scopes>;
}

/// A place in a trace: of a span, or of the one that stands for it.
pub type InTrace<'a> = (&'a Trace, Slot);

static SOURCE: OnceLock<&'static dyn SpanSource> = OnceLock::new();
static BASE: LazyLock<Arc<Scopes>> = LazyLock::new(|| {
    let (isolation, current) = Scope::pair();
    Arc::new(Scopes { client: None, isolation, current, span: None, unit: false, memo: Memo::default() })
});

/// The tracing span that is current, if there is one.
fn current_key() -> Option<SpanKey> {
    SOURCE.get()?.current_key()
}

/// Registers the tracing layer's side; the first one stays.
pub fn set_span_source(source: &'static dyn SpanSource) {
    let _ = SOURCE.set(source);
    hints::layer_installed();
}

impl Scopes {
    /// The scopes that a capture on this thread would take now.
    #[must_use]
    pub fn current() -> Arc<Scopes> {
        Scopes::innermost(current_key())
            .or_else(|| SOURCE.get()?.current().map(Arc::new))
            .unwrap_or_else(Scopes::around)
    }

    /// As [`current`](Self::current), without a place of their own on the heap: for who looks and lets go (promise 2).
    pub(crate) fn at_hand() -> Scopes {
        match last_entered(current_key()) {
            Some(Held::Own(entered)) => Scopes::clone(&entered),
            Some(Held::Shared(outside)) => sharing(outside),
            None => of_source().unwrap_or_else(|| Scopes::clone(&Scopes::around())),
        }
    }

    /// Shows the scopes that something happens in now, and the trace: without a copy, for who need not know which span is open. Scopes
    /// that were entered show their own span besides.
    pub(crate) fn with_at_hand<T>(look: impl FnOnce(&Scopes, Option<InTrace<'_>>) -> T) -> Option<T> {
        let show = |look: &mut dyn FnMut(&Scopes, Option<InTrace<'_>>), scopes: &Scopes| {
            look(scopes, scopes.in_trace());
        };
        let (mut look, mut seen) = (Some(look), None);
        let mut once = |scopes: &Scopes, trace: Option<InTrace<'_>>| {
            seen = look.take().map(|look| look(scopes, trace));
        };
        // Without a stack, nothing was entered after the span: which one it is need not be asked.
        match if Scopes::any_entered() { last_entered(current_key()) } else { None } {
            Some(Held::Own(entered)) => show(&mut once, &entered),
            Some(Held::Shared(outside)) => show(&mut once, &sharing(outside)),
            None => {
                if let Some(source) = SOURCE.get() {
                    source.with_current(&mut once);
                }
            }
        }
        seen.or_else(|| {
            let around = Scopes::around();
            look.take().map(|look| look(&around, around.in_trace()))
        })
    }

    /// Whether this thread has entered any scopes.
    #[must_use]
    #[inline]
    pub fn any_entered() -> bool {
        stack::is_any_entered()
    }

    /// The scopes on this thread's stack, if nothing was entered after them; `key` is the tracing span that is current now. For the
    /// tracing layer, which knows the rest.
    #[must_use]
    #[inline]
    pub fn innermost(key: Option<SpanKey>) -> Option<Arc<Scopes>> {
        if Scopes::any_entered() { innermost(key) } else { None }
    }

    /// The scopes of who is in no span, or in one that carries nothing: those that were entered last on this thread, else the process's
    /// own.
    #[must_use]
    pub fn around() -> Arc<Scopes> {
        Scopes::innermost(None).unwrap_or_else(base)
    }

    /// The scopes of what belongs to no unit of work: those that were entered last on this thread of which that is true, else the process's
    /// own.
    #[must_use]
    pub fn outside_of_units() -> Arc<Scopes> {
        stack::nearest_outside_of_units().unwrap_or_else(base)
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
        let (isolation, current) = Scope::pair();
        Scopes {
            client: Some(client.clone()),
            isolation,
            current,
            span: None,
            unit: false,
            memo: Memo::default(),
        }
    }

    /// Forks the current scope: what is set in it ends with it.
    #[must_use]
    pub fn forked(&self) -> Scopes {
        Scopes { current: self.current.fork(), ..self.clone() }
    }

    /// Forks the isolation and the current scope: a unit of work of its own. One that leaves the process's own scope begins a new trace,
    /// unless the process itself continues one; one that leaves another unit stays in its trace.
    #[must_use]
    pub fn isolated(&self) -> Scopes {
        let (isolation, current) = self.fork_both();
        Scopes { isolation, current, unit: true, ..self.clone() }
    }

    fn fork_both(&self) -> (Scope, Scope) {
        self.isolation.fork_with(&self.current, self.unit)
    }

    /// The scopes of a root span that begins here: in the unit of work that this is, or one of its own, with a current scope of its
    /// own and no span yet.
    #[must_use]
    pub fn of_root(&self) -> Scopes {
        let (isolation, current) =
            if self.unit { (self.isolation.clone(), self.current.fork()) } else { self.fork_both() };
        Scopes {
            client: self.client.clone(),
            isolation,
            current,
            span: None,
            unit: true,
            memo: Memo::default(),
        }
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

    /// What the tracing layer keeps for these scopes as long as they live, made when it first asks; not for copies of them. `None` if it was
    /// another type that it asked for first.
    #[must_use]
    pub fn memo<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        (**self.memo.0.get_or_init(|| Box::new(make()))).downcast_ref()
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

    /// These scopes as they are inside of a span: with it as the open one, and a current scope of its own. A root that is in no unit of work
    /// begins one.
    pub(crate) fn inside(&self, span: &Span) -> Scopes {
        let continued = span.continued();
        let begins = !self.unit && (continued.is_some() || span.inner().is_some_and(SpanRef::is_root));
        let scopes = if begins { self.of_root() } else { self.forked() }.with_span(span);
        if let (true, Some(trace)) = (begins, continued) {
            scopes.isolation.set_propagation(Some(Arc::clone(trace)));
        }
        if let Some(span) = span.inner() {
            span.live_in(&scopes.isolation, &scopes.current);
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
        enter(Held::Own(Arc::clone(self)), current_key())
    }

    /// Wraps a closure, so that it runs in these scopes on whatever thread it is called; what
    /// [`with_current_scopes`](crate::future::FutureExt::with_current_scopes) is for futures.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use watchpost::Scopes;
    ///
    /// let work = || { /* the user, the tags and the span of this place */ };
    /// let thread = std::thread::spawn(Scopes::current().wrap(work));
    /// # thread.join().unwrap();
    /// ```
    pub fn wrap<T, F: FnOnce() -> T>(self: Arc<Self>, work: F) -> impl FnOnce() -> T + use<T, F> {
        move || {
            let _entered = self.attach();
            work()
        }
    }

    /// The trace of this isolation scope while no span is open.
    pub(crate) fn propagation(&self, client: &Client) -> Arc<PropagationContext> {
        self.isolation.propagation(|| PropagationContext::fresh(client.rng()))
    }

    /// Where the open span is in its trace.
    #[must_use]
    pub fn in_trace(&self) -> Option<InTrace<'_>> {
        self.span.as_ref().map(|span| (&*span.trace, span.slot))
    }

    pub(crate) fn nearest_first(&self) -> NearestFirst<'_> {
        [&self.current, &self.isolation, Scope::global()]
    }

    pub(crate) fn event_trace(&self, client: &Client) -> EventTrace {
        match &self.span {
            Some(span) => span.event_trace(),
            None => client.trace_of(&self.propagation(client)),
        }
    }

    /// The fields of the spans around, for the frames of a stack; of a trace that is not recorded none are kept.
    pub(crate) fn span_fields(&self, client: &Client) -> Fields {
        let recorded = self.span.as_ref().and_then(|span| Some((span.trace().recorder()?, span.slot())));
        match recorded.filter(|_| client.options().include_local_variables) {
            Some((recorder, slot)) => recorder.fields_around(slot),
            None => Fields::default(),
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
        if !self.unit && !propagation.of_process {
            // The process is no unit of work: each root that begins there is a trace of its own.
            propagation = Arc::new(PropagationContext::fresh(client.rng()));
        }
        self.start_root_of(propagation, client, root, fields)
    }

    /// As [`start_root`](Self::start_root), in a trace that is known.
    pub(crate) fn start_root_of(
        &self,
        propagation: Arc<PropagationContext>,
        client: &Client,
        root: RootInit,
        fields: &Fields,
    ) -> Option<Arc<Trace>> {
        let scopes = (&self.isolation, &self.current);
        Trace::start(client, scopes, propagation, root, fields)
    }
}

fn innermost(key: Option<SpanKey>) -> Option<Arc<Scopes>> {
    Some(match last_entered(key)? {
        Held::Own(entered) => entered,
        Held::Shared(outside) => no_longer_sharing(outside),
    })
}

/// What the current tracing span carries, if there is one that carries anything.
fn of_source() -> Option<Scopes> {
    SOURCE.get()?.current()
}

fn base() -> Arc<Scopes> {
    Arc::clone(&BASE)
}

/// Enters a block for a span that nothing is recorded of, and that another which is current stands for. Until somebody asks for its scopes,
/// it is made of nothing (promise 2).
pub(crate) fn enter_block() -> ScopesGuard {
    let at = current_key();
    enter(Held::Shared(last_entered(at).and_then(|held| held.scopes().cloned())), at)
}

/// The scopes of a block that shares those outside of it. Whoever has them changes nothing of the span that stands for the block's own.
fn sharing(outside: Option<Arc<Scopes>>) -> Scopes {
    let mut scopes = match outside {
        Some(outside) => Scopes::clone(&outside),
        // In a span that carries nothing, those are outside that were entered before it.
        None => of_source().unwrap_or_else(|| Scopes::clone(&stack::nearest().unwrap_or_else(base))),
    };
    if let Some(span) = &mut scopes.span {
        span.own = false;
    }
    scopes
}

/// Gives the innermost block scopes of its own, with a current scope in which what is set ends with the block.
fn no_longer_sharing(outside: Option<Arc<Scopes>>) -> Arc<Scopes> {
    let own = Arc::new(sharing(outside).forked());
    drop(stack::replace_innermost(Held::Own(Arc::clone(&own))));
    own
}

/// The scopes whose current scope is the innermost block's or span's own, so that what is set there stays there.
pub(crate) fn own_current() -> Arc<Scopes> {
    let of_span = || SOURCE.get()?.own_current().map(Arc::new);
    Scopes::innermost(current_key()).or_else(of_span).unwrap_or_else(Scopes::around)
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
