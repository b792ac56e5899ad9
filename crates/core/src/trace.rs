//! A trace, as far as this process knows it: the client that it reports to, the scopes that it lives in, the decision, and the spans.
//!
//! It is owned by its root span, and every span of it can reach it. An unsampled trace keeps its ids for propagation and for errors, and no
//! span.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use watchpost_protocol::propagation::{format_rate, format_sample_rand};
use watchpost_protocol::{
    Category, DiscardReason, DynamicSamplingContext, SentryTrace, SpanId, SpanLink, SpanStatus, Timestamp,
    TraceContext, TraceId, TransactionSource,
};

use crate::client::Client;
use crate::config::Config;
use crate::fields::Fields;
use crate::merge::Layers;
use crate::pipeline::{EventTrace, Job, TransactionJob};
use crate::propagation_context::PropagationContext;
use crate::record::{Buffer, Slot, SpanInit};
use crate::rng;
use crate::sampling::{self, Sampled, SamplingContext};
use crate::scope::Scope;

/// The part of a trace that happens in this process.
pub(crate) struct Trace {
    client: Client,
    isolation: Scope,
    propagation: Arc<PropagationContext>,
    root: SpanId,
    sampled: Sampled,
    anchor: (Timestamp, u64),
    /// Once it has left the process it never changes (§8.4).
    frozen: OnceLock<DynamicSamplingContext>,
    state: Mutex<State>,
}

struct State {
    /// The current scope of the root: that of the block or the future that it was entered for.
    current: Scope,
    name: Cow<'static, str>,
    source: TransactionSource,
    finished: bool,
    buffer: Buffer,
}

/// How a root span begins, besides what every span begins with.
pub(crate) struct RootInit {
    pub(crate) source: TransactionSource,
    /// The decision, if the program made it itself.
    pub(crate) sampled: Option<bool>,
}

/// A span of a trace: where it is recorded, if it is, and the id under which others know it. For layers that keep a span for somebody else;
/// dropping it does not end the span. In a program, use [`Span`](crate::Span).
#[derive(Clone)]
pub struct SpanRef {
    pub(crate) trace: Arc<Trace>,
    /// `None` for a span that is not recorded: of an unsampled trace, or one too many.
    pub(crate) slot: Option<Slot>,
    pub(crate) span_id: SpanId,
    pub(crate) parent: Option<SpanId>,
    /// Whether this is not the span itself but one of its children that is not recorded: what it is told says nothing about the span.
    stands_in: bool,
}

impl Trace {
    /// Decides about a root span and starts it. `None` if tracing is off: then there is nothing to decide and nothing to record.
    pub(crate) fn start(
        client: &Client,
        scopes: (Scope, Scope),
        propagation: Arc<PropagationContext>,
        init: SpanInit,
        root: RootInit,
        fields: &Fields,
    ) -> Option<SpanRef> {
        let sampled = decide(client, &propagation, &init, &root)?;
        if !sampled.sampled {
            let losses = client.losses();
            losses.record(DiscardReason::SampleRate, Category::Transaction, 1);
            losses.record(DiscardReason::SampleRate, Category::Span, 1);
        }
        let span_id = rng::span_id(client.rng());
        let parent = propagation.parent_span_id;
        let anchor = (client.options().clock.now(), client.monotonic_nanos());
        let name = init.name.clone();
        let mut buffer = Buffer::default();
        let slot = if sampled.sampled { buffer.open(span_id, parent, init, fields, anchor.1) } else { None };
        let trace = Trace {
            client: client.clone(),
            isolation: scopes.0,
            propagation,
            root: span_id,
            sampled,
            anchor,
            frozen: OnceLock::new(),
            state: Mutex::new(State {
                current: scopes.1,
                name,
                source: root.source,
                finished: false,
                buffer,
            }),
        };
        Some(SpanRef { trace: Arc::new(trace), slot, span_id, parent, stands_in: false })
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.sampled.sampled
    }

    /// The context that goes with everything of this trace that leaves the process.
    pub(crate) fn dsc(&self) -> &DynamicSamplingContext {
        self.frozen.get_or_init(|| match &self.propagation.incoming {
            Some(incoming) => {
                let mut dsc = (**incoming).clone();
                if self.sampled.by_sampler && !dsc.is_empty() {
                    self.write_decision(&mut dsc);
                }
                dsc
            }
            None => {
                let mut dsc = propagated_dsc(&self.propagation, self.client.config());
                if dsc.is_empty() {
                    return dsc;
                }
                self.write_decision(&mut dsc);
                let state = self.lock();
                if state.source != TransactionSource::Url {
                    dsc.set("transaction", state.name.to_string());
                }
                dsc
            }
        })
    }

    fn write_decision(&self, dsc: &mut DynamicSamplingContext) {
        if let Some(rate) = self.sampled.rate {
            dsc.set("sample_rate", format_rate(rate));
        }
        dsc.set("sampled", if self.sampled.sampled { "true" } else { "false" });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the root, and with it the trace: what was recorded goes to the pipeline, with the scopes it started in.
    fn finish(&self, otherwise: Option<SpanStatus>) {
        let end = self.client.monotonic_nanos();
        let (buffer, source, current) = {
            let mut state = self.lock();
            if std::mem::replace(&mut state.finished, true) {
                return;
            }
            state.buffer.close(Slot::ROOT, end, otherwise.or(Some(SpanStatus::Ok)));
            (std::mem::take(&mut state.buffer), state.source, state.current.clone())
        };
        if !self.is_recording() {
            return;
        }
        if self.client.is_limited(Category::Transaction) {
            let losses = self.client.losses();
            losses.record(DiscardReason::RatelimitBackoff, Category::Transaction, 1);
            losses.record(DiscardReason::RatelimitBackoff, Category::Span, buffer.span_count());
            return;
        }
        self.client.push(Job::Transaction(Box::new(TransactionJob {
            event_id: rng::event_id(self.client.rng()),
            trace_id: self.propagation.trace_id,
            parent_span_id: self.propagation.parent_span_id,
            source,
            buffer,
            layers: Layers {
                global: Scope::global().snapshot(),
                isolation: self.isolation.snapshot(),
                current: current.snapshot(),
            },
            dsc: Some(self.dsc().clone()),
            anchor: self.anchor,
        })));
    }
}

impl SpanRef {
    /// Starts a child. One that finds no room, or a parent that has ended, stands for its parent and is counted.
    pub fn child(&self, init: SpanInit, fields: &Fields) -> SpanRef {
        if !self.trace.is_recording() {
            return self.stand_in();
        }
        let client = &self.trace.client;
        let span_id = rng::span_id(client.rng());
        let start = client.monotonic_nanos();
        let slot = {
            let mut state = self.trace.lock();
            if state.finished {
                drop(state);
                client.losses().record(DiscardReason::BufferOverflow, Category::Span, 1);
                None
            } else {
                state.buffer.open(span_id, Some(self.span_id), init, fields, start)
            }
        };
        match slot {
            Some(slot) => SpanRef {
                trace: Arc::clone(&self.trace),
                slot: Some(slot),
                span_id,
                parent: Some(self.span_id),
                stands_in: false,
            },
            None => self.stand_in(),
        }
    }

    fn stand_in(&self) -> SpanRef {
        SpanRef { slot: None, stands_in: true, ..self.clone() }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.span_id == self.trace.root
    }

    /// Ends the span; a root ends its trace. `otherwise` is the status of a span that has none yet.
    pub fn finish(&self, otherwise: Option<SpanStatus>) {
        if self.stands_in {
            return;
        }
        if self.is_root() {
            self.trace.finish(otherwise);
        } else if let Some(slot) = self.slot {
            let end = self.trace.client.monotonic_nanos();
            self.trace.lock().buffer.close(slot, end, otherwise.or(Some(SpanStatus::Ok)));
        }
    }

    fn edit(&self, edit: impl FnOnce(&mut Buffer, Slot)) {
        if let Some(slot) = self.slot {
            edit(&mut self.trace.lock().buffer, slot);
        }
    }

    /// Whether it is recorded.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.slot.is_some()
    }

    /// Whether its trace records at all: of a trace that does not, no child needs to be kept.
    #[must_use]
    pub fn is_recording_trace(&self) -> bool {
        self.trace.is_recording()
    }

    /// Adds attributes; of a key that is set twice, the later value stays.
    pub fn record(&self, fields: &Fields) {
        self.edit(|buffer, slot| buffer.record(slot, fields));
    }

    /// Sets the status.
    pub fn set_status(&self, status: SpanStatus) {
        self.edit(|buffer, slot| buffer.set_status(slot, status));
    }

    /// The status that was set.
    #[must_use]
    pub fn status(&self) -> Option<SpanStatus> {
        self.trace.lock().buffer.status(self.slot?)
    }

    /// Sets the operation.
    pub fn set_op(&self, op: Cow<'static, str>) {
        self.edit(|buffer, slot| buffer.set_op(slot, op));
    }

    /// Adds a link to another span.
    pub fn add_link(&self, link: SpanLink) {
        self.edit(|buffer, slot| buffer.add_link(slot, link));
    }

    /// Renames the span; the root's name is also the transaction's, whatever it is named by (`source`).
    pub fn set_name(&self, name: Cow<'static, str>, source: Option<TransactionSource>) {
        if self.stands_in {
            return;
        }
        let mut state = self.trace.lock();
        if self.is_root() {
            state.name.clone_from(&name);
            state.source = source.unwrap_or(state.source);
        }
        if let Some(slot) = self.slot {
            state.buffer.set_name(slot, name);
        }
    }

    /// Renames the transaction, from whichever of its spans.
    pub(crate) fn set_transaction_name(&self, name: Cow<'static, str>, source: TransactionSource) {
        let mut state = self.trace.lock();
        state.name.clone_from(&name);
        state.source = source;
        state.buffer.set_name(Slot::ROOT, name);
    }

    /// Says in which current scope a root lives: what is set there is on its transaction. Nothing for another span.
    pub(crate) fn live_in(&self, current: &Scope) {
        if self.is_root() {
            let old = std::mem::replace(&mut self.trace.lock().current, current.clone());
            drop(old); // outside the lock
        }
    }

    /// What an outgoing `sentry-trace` says of this span.
    pub(crate) fn header(&self) -> SentryTrace {
        SentryTrace {
            trace_id: self.trace_id(),
            span_id: self.span_id,
            sampled: Some(self.trace.is_recording()),
        }
    }

    pub(crate) fn trace_id(&self) -> TraceId {
        self.trace.propagation.trace_id
    }

    /// The trace data of an event that is captured in this span.
    pub(crate) fn event_trace(&self) -> EventTrace {
        let name = self.trace.lock().name.to_string();
        EventTrace {
            context: Some(TraceContext {
                trace_id: self.trace_id(),
                span_id: self.span_id,
                parent_span_id: self.parent,
                ..TraceContext::default()
            }),
            dsc: Some(self.trace.dsc().clone()),
            transaction: (!name.is_empty()).then_some(name),
        }
    }
}

fn decide(
    client: &Client,
    propagation: &PropagationContext,
    init: &SpanInit,
    root: &RootInit,
) -> Option<Sampled> {
    let options = client.options();
    if let (Some(sampled), true) = (root.sampled, client.config().tracing_is_on()) {
        let rate = Some(if sampled { 1.0 } else { 0.0 });
        return Some(Sampled { sampled, rate, by_sampler: true });
    }
    let context = SamplingContext {
        name: &init.name,
        op: init.op.as_deref(),
        source: root.source,
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

/// The trace context of an event while no span is open (§8.7).
pub(crate) fn propagated_context(propagation: &PropagationContext) -> TraceContext {
    TraceContext {
        trace_id: propagation.trace_id,
        span_id: propagation.span_id,
        parent_span_id: propagation.parent_span_id,
        ..TraceContext::default()
    }
}

/// The sampling context of a trace without a decision: as it came in, or what this process knows as its head (§8.7).
pub(crate) fn propagated_dsc(propagation: &PropagationContext, config: &Config) -> DynamicSamplingContext {
    if let Some(incoming) = &propagation.incoming {
        return (**incoming).clone();
    }
    let mut dsc = DynamicSamplingContext::default();
    let Some(destination) = &config.dsn else {
        return dsc; // nobody to sample for: the console, a transport of one's own
    };
    dsc.set("trace_id", propagation.trace_id.to_string());
    dsc.set("public_key", destination.public_key());
    dsc.set("sample_rand", format_sample_rand(propagation.sample_rand));
    if let Some(release) = &config.release {
        dsc.set("release", release.to_string());
    }
    dsc.set("environment", config.environment.to_string());
    if let Some(org_id) = &config.org_id {
        dsc.set("org_id", org_id.clone());
    }
    dsc
}

impl std::fmt::Debug for SpanRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpanRef")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id)
            .field("is_recorded", &self.is_recorded())
            .finish()
    }
}
