//! A trace, as far as this process knows it: the client that it reports to, the scopes that it lives in, the decision, and the spans.
//!
//! It is owned by its root span, and every span of it can reach it. An unsampled trace keeps its ids for propagation and for errors, and no
//! span.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchpost_protocol::{
    Category, DiscardReason, DynamicSamplingContext, SpanId, SpanStatus, Timestamp, TraceId,
    TransactionSource,
};

use crate::client::Client;
use crate::dsc;
use crate::fields::Fields;
use crate::merge::Layers;
use crate::pipeline::{Job, TransactionJob};
use crate::propagation_context::PropagationContext;
use crate::record::{Buffer, Callsite, Opening, Origin, Outliving, Slot, SpanKey};
use crate::rng;
use crate::sampling::{self, Sampled, SamplingContext};
use crate::scope::Scope;

/// The part of a trace that happens in this process. For layers that keep spans for somebody else; in a program, use
/// [`Span`](crate::Span).
pub struct Trace {
    client: Client,
    isolation: Scope,
    propagation: Arc<PropagationContext>,
    root: SpanId,
    sampled: Sampled,
    anchor: (Timestamp, u64),
    state: Mutex<State>,
}

struct State {
    /// The current scope of the root: that of the block or the future that it was entered for.
    current: Scope,
    name: Cow<'static, str>,
    source: TransactionSource,
    buffer: Buffer,
    /// The spans that were still open when the root ended; `None` while it has not.
    outliving: Option<Vec<Outliving>>,
}

/// How a root span begins.
pub(crate) struct RootInit {
    pub(crate) name: Cow<'static, str>,
    pub(crate) op: Option<Cow<'static, str>>,
    pub(crate) source: TransactionSource,
    /// The decision, if the program made it itself.
    pub(crate) sampled: Option<bool>,
    pub(crate) origin: Origin,
    pub(crate) key: SpanKey,
}

/// How a span begins that a layer keeps for somebody else.
#[derive(Debug, Clone, Copy)]
pub struct LayerSpan {
    /// What the layer will say about it.
    pub callsite: Callsite,
    /// How the layer knows it; see [`Trace::find`].
    pub key: SpanKey,
}

/// What has to be known of a root at once, because samplers and other processes are told.
#[derive(Debug, Clone)]
pub struct RootName {
    /// The name of the transaction.
    pub name: Cow<'static, str>,
    /// Its operation.
    pub op: Option<Cow<'static, str>>,
    /// What the name is.
    pub source: TransactionSource,
}

impl Trace {
    /// Decides about a root span and starts it. `None` if tracing is off: then there is nothing to decide and nothing to record.
    pub(crate) fn start(
        client: &Client,
        scopes: (Scope, Scope),
        propagation: Arc<PropagationContext>,
        init: RootInit,
        fields: &Fields,
    ) -> Option<Arc<Trace>> {
        let sampled = decide(client, &propagation, &init, fields)?;
        if !sampled.sampled {
            let losses = client.losses();
            losses.record(DiscardReason::SampleRate, Category::Transaction, 1);
            losses.record(DiscardReason::SampleRate, Category::Span, 1);
        }
        let root = rng::span_id(client.rng());
        let anchor = (client.options().clock.now(), client.monotonic_nanos());
        let RootInit { name, source, origin, key, .. } = init;
        let mut buffer = Buffer::default();
        if sampled.sampled {
            let parent = Slot::ROOT;
            buffer.open(Opening { span_id: root, parent, origin, key, start: anchor.1, fields });
        }
        let state = State { current: scopes.1, name, source, buffer, outliving: None };
        Some(Arc::new(Trace {
            client: client.clone(),
            isolation: scopes.0,
            propagation,
            root,
            sampled,
            anchor,
            state: Mutex::new(state),
        }))
    }

    /// Whether it is sampled. Of a trace that is not, no child needs to be kept.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.sampled.sampled
    }

    /// The client that it reports to.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> TraceId {
        self.propagation.trace_id
    }

    /// The context that goes with everything of this trace that leaves the process; from now on it is frozen.
    pub(crate) fn dsc(&self) -> Arc<DynamicSamplingContext> {
        dsc::of_trace(&self.propagation, self.client.config(), &self.sampled, || {
            let state = self.lock();
            (state.name.to_string(), state.source)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a child of the span at `parent`. `None` for one that is not recorded: of an unsampled trace; or of one that is full or has
    /// ended, which is counted.
    #[must_use]
    pub fn open_child(&self, parent: Slot, span: LayerSpan, fields: &Fields) -> Option<Slot> {
        let opened = self.open(parent, Origin::Layer(span.callsite), span.key, fields);
        opened.map(|(slot, _)| slot)
    }

    pub(crate) fn open(
        &self,
        parent: Slot,
        origin: Origin,
        key: SpanKey,
        fields: &Fields,
    ) -> Option<(Slot, SpanId)> {
        if !self.is_recording() {
            return None;
        }
        let span_id = rng::span_id(self.client.rng());
        let start = self.client.monotonic_nanos();
        let mut state = self.lock();
        if state.outliving.is_some() {
            drop(state);
            self.client.losses().record(DiscardReason::BufferOverflow, Category::Span, 1);
            return None;
        }
        let slot = state.buffer.open(Opening { span_id, parent, origin, key, start, fields })?;
        Some((slot, span_id))
    }

    /// Ends a span; the root ends the trace. `otherwise` is the status of a span that nobody has given one.
    pub fn close(&self, slot: Slot, otherwise: SpanStatus) {
        if !self.is_recording() {
            return;
        }
        let end = self.client.monotonic_nanos();
        let mut state = self.lock();
        state.buffer.close(slot, end, otherwise);
        if slot == Slot::ROOT {
            self.finish(state);
        }
    }

    /// What was recorded goes to the pipeline, with the scopes it started in.
    fn finish(&self, mut state: MutexGuard<'_, State>) {
        if state.outliving.is_some() {
            return; // the first end counts
        }
        state.outliving = Some(state.buffer.outliving());
        let buffer = std::mem::take(&mut state.buffer);
        let (name, source, current) = (state.name.clone(), state.source, state.current.clone());
        drop(state);
        if self.client.is_limited(Category::Transaction) {
            let losses = self.client.losses();
            losses.record(DiscardReason::RatelimitBackoff, Category::Transaction, 1);
            losses.record(DiscardReason::RatelimitBackoff, Category::Span, buffer.span_count());
            return;
        }
        self.client.push(Job::Transaction(Box::new(TransactionJob {
            event_id: rng::event_id(self.client.rng()),
            name,
            source,
            buffer,
            layers: Layers {
                global: Scope::global().snapshot(),
                isolation: self.isolation.snapshot(),
                current: current.snapshot(),
            },
            propagation: Arc::clone(&self.propagation),
            sampled: self.sampled,
            anchor: self.anchor,
        })));
    }

    /// The open span that a layer knows by this key: for a thread that has not seen it yet.
    #[must_use]
    pub fn find(&self, key: SpanKey) -> Option<Slot> {
        if !self.is_recording() {
            return None;
        }
        let state = self.lock();
        let outliving = || state.outliving.iter().flatten().find(|span| span.key == key);
        state.buffer.find(key).or_else(|| Some(outliving()?.slot))
    }

    /// The ids of the span at `slot` and of its parent; of one that is unknown, the root's.
    pub(crate) fn ids(&self, slot: Slot) -> (SpanId, Option<SpanId>) {
        let root = (self.root, self.propagation.parent_span_id);
        if !self.is_recording() || slot == Slot::ROOT {
            return root;
        }
        let state = self.lock();
        let outliving = || state.outliving.iter().flatten().find(|span| span.slot == slot);
        let ids = state.buffer.ids(slot).or_else(|| outliving().map(|span| (span.span_id, span.parent)));
        ids.map_or(root, |(id, parent)| (id, Some(parent)))
    }

    /// Changes what is recorded.
    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut Buffer) -> T) -> T {
        edit(&mut self.lock().buffer)
    }

    /// Gives a span that has no status yet this one: something went wrong in it.
    pub fn set_status_if_none(&self, slot: Slot, status: SpanStatus) {
        if self.is_recording() {
            self.edit(|buffer| {
                if buffer.status(slot).is_none() {
                    buffer.set_status(slot, status);
                }
            });
        }
    }

    /// The attributes of a span and of those around it, the root's first; none of a trace that is not recorded, or has ended.
    #[must_use]
    pub fn fields_around(&self, slot: Slot) -> Fields {
        if self.is_recording() { self.edit(|buffer| buffer.fields_around(slot)) } else { Fields::new() }
    }

    /// The transaction's name.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        self.lock().name.clone()
    }

    /// Renames the transaction; `None` leaves its source as it is.
    pub(crate) fn rename(&self, name: Cow<'static, str>, source: Option<TransactionSource>) {
        let mut state = self.lock();
        state.buffer.set_name(Slot::ROOT, name.clone());
        state.source = source.unwrap_or(state.source);
        state.name = name;
    }

    /// Says in which current scope the root lives: what is set there is on its transaction.
    pub(crate) fn live_in(&self, current: &Scope) {
        let old = std::mem::replace(&mut self.lock().current, current.clone());
        drop(old); // outside the lock
    }
}

fn decide(
    client: &Client,
    propagation: &PropagationContext,
    init: &RootInit,
    fields: &Fields,
) -> Option<Sampled> {
    let options = client.options();
    if let (Some(sampled), true) = (init.sampled, client.config().tracing_is_on()) {
        let rate = Some(if sampled { 1.0 } else { 0.0 });
        return Some(Sampled { sampled, rate, by_sampler: true });
    }
    let context = SamplingContext {
        name: &init.name,
        op: init.op.as_deref(),
        source: init.source,
        attributes: fields,
        trace_id: propagation.trace_id,
        parent_span_id: propagation.parent_span_id,
        parent_sampled: propagation.parent_sampled,
        parent_sample_rate: propagation.parent_sample_rate(),
    };
    sampling::decide(
        options.traces_sampler.as_ref(),
        options.traces_sample_rate,
        &context,
        propagation.sample_rand,
    )
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").field("id", &self.id()).field("is_recording", &self.is_recording()).finish()
    }
}
