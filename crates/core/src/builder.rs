//! Starting a span by hand: what it begins with, and becoming the current one.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use watchpost_protocol::{SpanStatus, Timestamp, TransactionSource};

use crate::current::{self, Scopes, ScopesGuard};
use crate::fields::{FieldValue, Fields};
use crate::future::FutureExt;
use crate::monitor::Outcome;
use crate::origin::{Origin, Site, SpanInit};
use crate::propagation_context::PropagationContext;
use crate::record::NO_KEY;
use crate::span::Span;
use crate::span_ref::SpanRef;
use crate::trace::RootInit;
use crate::unharmed::unharmed;
use crate::{client, mute};

/// A span that is about to start; made by [`start_span`](crate::api::start_span),
/// [`start_transaction`](crate::api::start_transaction) and [`continue_trace`](crate::api::continue_trace).
#[derive(Debug)]
#[must_use = "nothing is started before `start` or `enter`"]
pub struct SpanBuilder {
    init: SpanInit,
    source: TransactionSource,
    sampled: Option<bool>,
    began: Option<Timestamp>,
    root: bool,
    /// The trace that a root is in, if it is not that of its scopes.
    trace: Option<Arc<PropagationContext>>,
    fields: Fields,
}

impl SpanBuilder {
    pub(crate) fn new(name: Cow<'static, str>, root: bool) -> Self {
        let init = SpanInit { name, op: None, origin: "manual", site: Site::default() };
        let source = TransactionSource::Custom;
        SpanBuilder { init, source, sampled: None, began: None, root, trace: None, fields: Fields::new() }
    }

    /// Says which trace a root is in.
    pub(crate) fn in_trace(self, trace: Arc<PropagationContext>) -> Self {
        SpanBuilder { trace: Some(trace), ..self }
    }

    /// The name: a transaction's name, a child's description.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.init.name = name.into();
        self
    }

    /// The operation, as `http.server`. Default: none.
    pub fn op(mut self, op: impl Into<Cow<'static, str>>) -> Self {
        self.init.op = Some(op.into());
        self
    }

    /// What the name of a transaction is. Default: `custom`.
    pub fn source(mut self, source: TransactionSource) -> Self {
        self.source = source;
        self
    }

    /// What starts the span, as `auto.http.axum`. Default: `manual`.
    pub fn origin(mut self, origin: &'static str) -> Self {
        self.init.origin = origin;
        self
    }

    /// An attribute to begin with.
    pub fn attribute<'a>(mut self, key: &'static str, value: impl Into<FieldValue<'a>>) -> Self {
        self.fields.push(key, value.into());
        self
    }

    /// As [`attribute`](Self::attribute), for a key that was made at run time.
    pub(crate) fn owned_attribute(mut self, key: &str, value: FieldValue<'_>) -> Self {
        self.fields.push_owned_key(key, value);
        self
    }

    /// Decides for a root whether it is kept, before any sampler and rate. Without effect while tracing is off.
    pub fn sampled(mut self, sampled: bool) -> Self {
        self.sampled = Some(sampled);
        self
    }

    /// When the span began, for work that is told of afterwards: what a message waited, say, or what another program did. It is taken as it
    /// is: no child is moved into the time of its parent. The end is still the moment at which the span is finished, unless
    /// [`finish_at`](Span::finish_at) gives another one. Default: the moment at which it is started.
    ///
    /// ```
    /// # use watchpost_core::api as watchpost;
    /// # let _consume = watchpost::start_transaction("consume").enter();
    /// # let sent_at = std::time::SystemTime::now();
    /// watchpost::start_span("orders").op("queue.receive").start_timestamp(sent_at).start().finish();
    /// ```
    pub fn start_timestamp(mut self, time: impl Into<Timestamp>) -> Self {
        self.began = Some(time.into());
        self
    }

    /// Starts the span in the current scopes.
    pub fn start(self) -> Span {
        if !client::any_active() || mute::is_muted() {
            return Span::owned(None);
        }
        self.start_in(&Scopes::at_hand())
    }

    /// Starts the span in `scopes`, as the child of their span unless it is a root.
    pub fn start_in(self, scopes: &Scopes) -> Span {
        let began = self.began;
        let span = self.begin_in(scopes);
        if let (Some(began), Some(inner)) = (began, span.inner()) {
            inner.set_start(began);
        }
        span
    }

    fn begin_in(self, scopes: &Scopes) -> Span {
        if let (Some(parent), false) = (&scopes.span, self.root) {
            let child = parent.child(self.init, &self.fields);
            return if child.is_own() { Span::owned(Some(child)) } else { Span::borrowed(child) };
        }
        let client = scopes.client().filter(|client| client.config().tracing_is_on());
        let Some(client) = client else { return Span::continuing(self.trace) };
        let root = RootInit {
            name: self.init.name.clone().into(),
            op: self.init.op.clone(),
            source: self.source,
            sampled: self.sampled,
            origin: Origin::ByHand(Box::new(self.init)),
            key: NO_KEY,
        };
        let trace = match self.trace {
            Some(trace) => scopes.start_root_of(trace, &client, root, &self.fields),
            None => scopes.start_root(&client, root, &self.fields),
        };
        Span::owned(trace.map(SpanRef::root))
    }

    /// Starts the span and makes it the current one until the guard is dropped, which ends it. A root that begins outside of any unit of work
    /// is one: its tags, its user and its breadcrumbs are its own.
    ///
    /// ```
    /// # use watchpost_core::api as watchpost;
    /// let task = watchpost::start_transaction("My Task").op("task").enter();
    /// // … what is captured here belongs to it …
    /// drop(task);
    /// ```
    pub fn enter(self) -> EnteredSpan {
        if !client::any_active() || mute::is_muted() {
            return EnteredSpan { guard: None, span: Span::owned(None) };
        }
        let scopes = Scopes::at_hand();
        if scopes.is_unit() || (scopes.span.is_some() && !self.root) {
            return self.start_in(&scopes).enter();
        }
        let scopes = scopes.of_root();
        if let Some(trace) = &self.trace {
            scopes.isolation().set_propagation(Some(Arc::clone(trace)));
        }
        let span = self.start_in(&scopes);
        let scopes = Arc::new(scopes.with_span(&span));
        EnteredSpan { guard: Some(scopes.attach()), span }
    }

    /// Runs `work` in the span, which ends with it: with an `Err` as `internal_error`, unless another status was set. The `Err` goes on its way; it is
    /// no issue by itself.
    ///
    /// ```
    /// # use watchpost_core::api as watchpost;
    /// fn import() -> Result<u32, std::io::Error> {
    ///     Ok(42)
    /// }
    ///
    /// let rows = watchpost::start_transaction("import").op("task").run(import)?;
    /// # assert_eq!(rows, 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn run<T: Outcome>(self, work: impl FnOnce() -> T) -> T {
        let span = self.enter();
        let outcome = work();
        note_outcome(&span, &outcome);
        outcome
    }

    /// As [`run`](Self::run), of a future. It starts when the future is first polled; one that is dropped half-way ends as `cancelled`.
    pub async fn run_async<T: Outcome>(self, work: impl Future<Output = T>) -> T {
        let work = async {
            let outcome = work.await;
            if let Some(span) = Scopes::at_hand().span() {
                note_outcome(&span, &outcome);
            }
            outcome
        };
        work.in_span(self.start()).await
    }
}

fn note_outcome(span: &Span, outcome: &impl Outcome) {
    if let Some(span) = span.inner().filter(|_| unharmed(|| outcome.succeeded()) != Some(true)) {
        span.settle(SpanStatus::InternalError);
    }
}

impl Span {
    /// Makes it the current span of this thread until the guard is dropped, which ends it. Not for use across an `.await`: wrap the
    /// future with [`in_span`](crate::future::FutureExt::in_span) instead.
    pub fn enter(self) -> EnteredSpan {
        let stands_here = |span: &SpanRef| Scopes::at_hand().span.is_some_and(|current| current.is_at(span));
        let guard = match self.inner() {
            Some(span) if span.is_own() || !stands_here(span) => {
                Some(Arc::new(Scopes::current().inside(&self)).attach())
            }
            // There is nothing to carry: the span that is current stands for it, or there is none, because tracing is off.
            Some(_) => Some(current::enter_block()),
            None if self.continued().is_some() => Some(Arc::new(Scopes::current().inside(&self)).attach()),
            None => (client::any_active() && !mute::is_muted()).then(current::enter_block),
        };
        EnteredSpan { guard, span: self }
    }
}

/// A span that is current on this thread; leaves and ends it when dropped.
#[derive(Debug)]
#[must_use = "the span is left and ended when the guard is dropped"]
pub struct EnteredSpan {
    // Left before it ends: fields are dropped in this order.
    #[expect(dead_code, reason = "held for its drop")]
    guard: Option<ScopesGuard>,
    span: Span,
}

impl std::ops::Deref for EnteredSpan {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}
