//! A trace, as far as this process knows it: the client that it reports to, the scopes that it lives in, the decision, and the spans.
//!
//! It is owned by its root span, and every span of it can reach it. An unsampled trace keeps its ids for propagation and for errors, and no
//! span.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchpost_protocol::{
    Category, DiscardReason, DynamicSamplingContext, SpanId, SpanStatus, TraceId, TransactionSource, Value,
};

use crate::bound;
use crate::client::Client;
use crate::diag;
use crate::dsc;
use crate::fields::Fields;
use crate::filters;
use crate::hints;
use crate::naming::{Name, gives_way_to_route};
use crate::origin::Origin;
use crate::outbox::Pressure;
use crate::pipeline::{Job, TransactionJob};
use crate::profiling::Profiled;
use crate::propagation_context::PropagationContext;
use crate::record::{Lent, Opening, Slot, SpanKey};
use crate::recorder::{Recorder, Unrecorded};
use crate::rng;
use crate::sampling::{self, Sampled, SamplingContext};
use crate::scope::Scope;

/// The part of a trace that happens in this process. For layers that keep spans for somebody else; in a program, use
/// [`Span`](crate::Span).
pub struct Trace {
    client: Client,
    propagation: Arc<PropagationContext>,
    root: SpanId,
    sampled: Sampled,
    /// `None`: it is not sampled, and nobody else wants it.
    recorder: Option<Arc<Recorder>>,
    state: Mutex<State>,
}

/// What the program may change while the trace lasts, besides its spans.
struct State {
    /// The isolation and the current scope of the root, of a trace that is recorded: those of the block or the future that it was entered for.
    scopes: Option<(Scope, Scope)>,
    name: Name,
    source: TransactionSource,
    /// Whether the program gave it that name, after the start.
    renamed: bool,
    /// Each once, however often it was set.
    measurements: Vec<(String, Value)>,
    /// What profiles it, if anything does.
    profiled: Option<Box<Profiled>>,
}

/// How a root span begins.
pub(crate) struct RootInit {
    pub(crate) name: Name,
    pub(crate) op: Option<Cow<'static, str>>,
    pub(crate) source: TransactionSource,
    /// The decision, if the program made it itself.
    pub(crate) sampled: Option<bool>,
    pub(crate) origin: Origin,
    pub(crate) key: SpanKey,
}

impl Trace {
    /// Decides about a root span and starts it. `None` if tracing is off: then there is nothing to decide and nothing to record.
    pub(crate) fn start(
        client: &Client,
        scopes: (&Scope, &Scope),
        propagation: Arc<PropagationContext>,
        init: RootInit,
        fields: &Fields,
    ) -> Option<Arc<Trace>> {
        let (sampled, held_back) = decide(client, &propagation, &init, fields)?;
        hints::span_began();
        if held_back {
            let lost = [(Category::Transaction, 1), (Category::Span, 1)];
            client.ledger().record_all(DiscardReason::Backpressure, &lost);
        } else if !sampled.sampled {
            client.ledger().record_unsampled();
        }
        let continued = propagation.parent_span_id.is_some();
        let new_id = if continued { rng::root_span_id } else { rng::span_id };
        let root = new_id(client.rng());
        let RootInit { name, source, origin, key, .. } = init;
        let profiled = if sampled.sampled { client.profile_transaction() } else { None };
        // One that is not sampled is recorded for the developer's own receiver, if there is one.
        let is_recorded = sampled.sampled || client.options().tap.is_some();
        let recorder = if is_recorded { Some(record(client, root, origin, key, fields)) } else { None };
        Some(Arc::new(Trace {
            client: client.clone(),
            propagation,
            root,
            sampled,
            recorder,
            state: Mutex::new(State {
                scopes: is_recorded.then(|| (scopes.0.clone(), scopes.1.clone())),
                name,
                source,
                renamed: false,
                measurements: Vec::new(),
                profiled,
            }),
        }))
    }

    /// Whether it is sampled: the server gets it.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled.sampled
    }

    /// Whether it is recorded. Of a trace that is not, no child needs to be kept.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recorder.is_some()
    }

    /// Where its spans are recorded, if they are.
    #[must_use]
    pub fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.recorder.as_ref()
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
            (state.name.text().into_owned(), state.source)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a child of the span at `parent`. `None` for one that is not recorded: of an unsampled trace; or of one that is full or has
    /// ended, which is counted.
    pub(crate) fn open(
        &self,
        parent: Slot,
        origin: Origin,
        key: SpanKey,
        fields: &Fields,
    ) -> Option<(Slot, SpanId)> {
        let opened = self.recorder.as_ref()?.open_as(parent, origin, key, fields);
        opened.inspect_err(|&why| self.count(why)).ok()
    }

    /// Counts a span of this trace that was not recorded.
    pub fn count(&self, why: Unrecorded) {
        if why == Unrecorded::Ended {
            if diag::enabled() {
                hints::span_after_its_trace(&self.name());
            }
            let client = bound::in_place_of(&self.client);
            let ledger = client.as_ref().unwrap_or(&self.client).ledger();
            ledger.record(DiscardReason::BufferOverflow, Category::Span, 1);
        }
    }

    /// Ends a span; the root ends the trace. `otherwise` is the status of a span that nobody has given one.
    pub fn close(&self, slot: Slot, otherwise: SpanStatus) {
        let Some(recorder) = &self.recorder else { return };
        if slot != Slot::ROOT {
            recorder.close(slot, otherwise);
        } else if let Some(buffer) = recorder.finish(otherwise) {
            self.finish(buffer);
        }
    }

    /// What was recorded goes to the pipeline, with the scopes it started in. A trace that outlives its client goes to the one that took its
    /// place; if there is none, nobody reports any more, and the loss stands in the ledger of the client that was closed.
    fn finish(&self, buffer: Lent) {
        if diag::enabled() {
            hints::spans_outlive(&self.name(), buffer.outliving().len());
        }
        let profiled = self.lock().profiled.take().and_then(Profiled::end);
        let profiles = profiled.as_ref().map_or(0, |profiled| u64::from(profiled.own.is_some()));
        let lost = |client: &Client, reason| {
            let spans = buffer.span_count();
            let quantities =
                [(Category::Transaction, 1), (Category::Span, spans), (Category::Profile, profiles)];
            client.ledger().record_all(reason, &quantities);
        };
        let Some(client) = bound::in_place_of(&self.client) else {
            crate::debug!("the client was closed before the trace ended: dropped one transaction");
            return lost(&self.client, DiscardReason::QueueOverflow);
        };
        let limited = client.is_limited(Category::Transaction);
        if limited && self.sampled.sampled {
            lost(&client, DiscardReason::RatelimitBackoff);
        }
        let is_copy = limited || !self.sampled.sampled;
        if is_copy && client.options().tap.is_none() {
            return;
        }
        let (name, source, renamed, scopes, measurements) = {
            let mut state = self.lock();
            let scopes = state.scopes.clone();
            let measurements = std::mem::take(&mut state.measurements);
            (state.name.clone(), state.source, state.renamed, scopes, measurements)
        };
        let Some((isolation, current)) = scopes else { return };
        let job = TransactionJob {
            event_id: rng::event_id(client.rng()),
            name,
            source,
            renamed,
            measurements,
            buffer,
            layers: [&current, &isolation, Scope::global()].map(|scope| scope.data().without_attachments()),
            propagation: Arc::clone(&self.propagation),
            sampled: self.sampled,
            profiled: profiled.filter(|_| !is_copy).or_else(|| client.profiled_by_run()),
        };
        client.push(if is_copy { Job::copied_transaction(job) } else { Job::transaction(job) });
    }

    /// The ids of the span at `slot` and of its parent; of one that is unknown, the root's.
    pub(crate) fn ids(&self, slot: Slot) -> (SpanId, Option<SpanId>) {
        let child = self.recorder.as_ref().filter(|_| slot != Slot::ROOT);
        match child.and_then(|recorder| recorder.ids(slot)) {
            Some((id, parent)) => (id, Some(parent)),
            None => self.root_ids(),
        }
    }

    /// The ids of the root and of its parent, which is another process's.
    pub(crate) fn root_ids(&self) -> (SpanId, Option<SpanId>) {
        (self.root, self.propagation.parent_span_id)
    }

    /// The transaction's name.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        let name = self.lock().name.clone();
        name.into_text()
    }

    /// Renames the transaction; `None` leaves its source as it is.
    pub(crate) fn rename(&self, name: Cow<'static, str>, source: Option<TransactionSource>) {
        let mut state = self.lock();
        state.source = source.unwrap_or(state.source);
        let old = std::mem::replace(&mut state.name, Name::Text(name));
        state.renamed = true;
        drop(state);
        drop(old); // outside the lock
    }

    /// Names it by a route that was not known when it started, unless the program has named it.
    pub(crate) fn name_by_route(&self, name: String) {
        let source = self.lock().source;
        if gives_way_to_route(source) {
            self.rename(name.into(), Some(TransactionSource::Route));
        }
    }

    /// Begins its own profile, unless it has one; says whether it has begun.
    pub(crate) fn begin_profile(&self) -> bool {
        let has_one = |state: &State| state.profiled.as_ref().is_some_and(|profiled| profiled.own.is_some());
        if !self.sampled.sampled || self.is_over() || has_one(&self.lock()) {
            return false;
        }
        let Some(own) = self.client.begin_profile() else { return false };
        let mut state = self.lock();
        if has_one(&state) {
            return false;
        }
        state.profiled.get_or_insert_default().own = Some(own);
        true
    }

    /// Ends its own profile, which waits for the trace to end.
    pub(crate) fn end_profile(&self) {
        if let Some(own) = self.lock().profiled.as_ref().and_then(|profiled| profiled.own.as_ref()) {
            own.end();
        }
    }

    fn is_over(&self) -> bool {
        self.recorder.as_ref().is_none_or(|recorder| recorder.abandoned().is_none())
    }

    /// Sets a measurement of the transaction.
    pub(crate) fn set_measurement(&self, name: String, value: Value) {
        let mut state = self.lock();
        match state.measurements.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => state.measurements.push((name, value)),
        }
    }

    /// Says in which scopes the root lives: what is set there is on its transaction.
    pub(crate) fn live_in(&self, isolation: &Scope, current: &Scope) {
        if self.is_recording() {
            let old = self.lock().scopes.replace((isolation.clone(), current.clone()));
            drop(old); // outside the lock
        }
    }
}

/// Whoever should have ended it is gone: a layer that was taken out of its subscriber, say.
impl Drop for Trace {
    fn drop(&mut self) {
        let abandoned = self.recorder.as_ref().and_then(|recorder| recorder.abandoned());
        if let Some(spans) = abandoned.filter(|_| self.sampled.sampled) {
            let lost = [(Category::Transaction, 1), (Category::Span, spans)];
            self.client.ledger().record_all(DiscardReason::InternalSdkError, &lost);
        }
    }
}

/// Begins to record a trace, with its root.
#[inline(never)] // it takes much room on the stack, which traces that are not recorded would make, too
fn record(client: &Client, root: SpanId, origin: Origin, key: SpanKey, fields: &Fields) -> Arc<Recorder> {
    let options = client.options();
    let recorder =
        Recorder::new(Arc::clone(&options.clock), Arc::clone(&options.rng), client.spare_buffers().lend());
    let (parent, start) = (Slot::ROOT, options.clock.monotonic());
    recorder.open_root(options.clock.now(), Opening { span_id: root, parent, origin, key, start, fields });
    Arc::new(recorder)
}

/// The decision, and whether the trace would be kept if less was waiting to be sent.
fn decide(
    client: &Client,
    propagation: &PropagationContext,
    init: &RootInit,
    fields: &Fields,
) -> Option<(Sampled, bool)> {
    let options = client.options();
    if !client.config().tracing_is_on() {
        return None;
    }
    let patterns = &options.ignore_transactions;
    let ignored = !patterns.is_empty() && filters::ignores_transaction(patterns, &init.name.text());
    if let Some(sampled) = ignored.then_some(false).or(init.sampled) {
        let rate = Some(if sampled { 1.0 } else { 0.0 });
        return Some((Sampled { sampled, rate, by_sampler: true }, false));
    }
    let asked = options.traces_sampler.as_ref().and_then(|sampler| {
        let context = SamplingContext {
            name: &init.name.text(),
            op: init.op.as_deref(),
            source: init.source,
            attributes: fields,
            trace_id: propagation.trace_id,
            parent_span_id: propagation.parent_span_id,
            parent_sampled: propagation.parent_sampled,
            parent_sample_rate: propagation.parent_sample_rate(),
        };
        sampling::ask(sampler, &context)
    });
    let sampled = sampling::decide(asked, options.traces_sample_rate, propagation);
    Some(match client.pressure() {
        Pressure::None => (sampled, false),
        Pressure::Halved(times) => sampled.halved(times, propagation.sample_rand),
        Pressure::Full => sampled.refused(),
    })
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").field("id", &self.id()).field("is_recording", &self.is_recording()).finish()
    }
}
