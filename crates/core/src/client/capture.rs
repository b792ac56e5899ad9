//! What a client takes in: the gates, what is built behind them, and where it is queued.

use std::sync::Arc;

use watchpost_protocol::{Category, DiscardReason, Event, EventId, Level, Mechanism};

use super::Client;
use crate::attachment::Attachment;
use crate::batch::Moment;
use crate::errors::{self, AsError, Draft, View, is_a_closed_pipe};
use crate::fields::Fields;
use crate::merge::Layers;
use crate::pipeline::{self, EventJob, EventTrace, Job, Record};
use crate::propagation_context::PropagationContext;
use crate::scope::{NearestFirst, Scope, Snapshot};
use crate::session::{Gravity, Matter, Note};
use crate::unharmed::unharmed;
use crate::{mute, rng};

/// What makes an event once it is admitted. Not a type parameter: each closure would bring the whole way of an event along.
pub(crate) type Build<'a> = &'a mut dyn FnMut() -> Option<Draft>;

/// Makes a [`Build`] of what can build only once.
pub(crate) fn once<D: Into<Draft>>(build: impl FnOnce() -> D) -> impl FnMut() -> Option<Draft> {
    let mut build = Some(build);
    move || Some(build.take()?().into())
}

/// Why an error is not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is captured here and now.
    Off,
    /// It is not sent, which is counted. It happened all the same.
    Unsent,
}

impl Refusal {
    /// Whether the session that it happened in is to hear of it.
    pub(crate) fn happened(self) -> bool {
        self == Refusal::Unsent
    }
}

/// Proof that an item of a category may be built: it passed the gates that come before building.
pub(crate) struct Admitted {
    /// The server does not get it; the developer's own receiver does.
    only_copied: bool,
}

impl Client {
    /// Captures an event with the data of `scope`, and nothing of the current scopes. `None` if it was not queued.
    pub fn capture_event(&self, event: Event, scope: Option<&Scope>) -> Option<EventId> {
        self.capture_built(scope, Matter::of(&event), &mut once(|| event))
    }

    /// Captures an error with its causes; as [`capture_event`](Self::capture_event).
    pub fn capture_error<K, E: AsError<K> + ?Sized>(
        &self,
        error: &E,
        scope: Option<&Scope>,
    ) -> Option<EventId> {
        self.capture_built(scope, Matter::Error, &mut || Some(self.draft(&error.view(), Event::default())))
    }

    /// Captures a message at a level; as [`capture_event`](Self::capture_event).
    pub fn capture_message(&self, message: &str, level: Level, scope: Option<&Scope>) -> Option<EventId> {
        let build = || Event { level: Some(level), ..crate::message::event(message) };
        self.capture_built(scope, Matter::Message, &mut once(build))
    }

    /// The event of an error that the program captures itself, shown to the hooks.
    pub(crate) fn draft(&self, error: &View<'_>, event: Event) -> Draft {
        let mechanism = Mechanism { handled: Some(true), ..Mechanism::default() };
        Draft::of_error(errors::read(error, mechanism, Some(&self.options().error_hooks)), event)
    }

    fn capture_built(&self, scope: Option<&Scope>, matter: Matter, build: Build<'_>) -> Option<EventId> {
        let noted = |gravity| scope.and_then(|scope| self.note(scope, gravity));
        let admitted = match self.admit_error(scope.as_slice()) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                refusal.happened().then(|| noted(matter.at_a_guess(Level::Error)));
                return None;
            }
        };
        let draft = self.build(build, scope.as_slice())?;
        let note = noted(matter.gravity(&draft.event, Level::Error));
        let fresh = || PropagationContext::fresh(self.rng());
        let propagation = match scope {
            Some(scope) => scope.propagation(fresh),
            None => Arc::new(fresh()),
        };
        let trace = self.trace_of(&propagation);
        let current = scope.map(Scope::snapshot).unwrap_or_default();
        let layers = Layers { current, ..Layers::default() };
        let mut job = EventJob::of(draft, layers, trace, Level::Error);
        job.note = note;
        self.capture(admitted, job)
    }

    /// The gates of an error event, the cheapest first: enabled? muted? limited? sampled? What they refuse is counted.
    pub(crate) fn admit_error(&self, scopes: &[&Scope]) -> Result<Admitted, Refusal> {
        if !self.is_active() || mute::is_muted() {
            return Err(Refusal::Off);
        }
        let inner = &self.inner;
        if inner.limits.is_limited(Category::Error, || self.monotonic()) {
            self.lose_error(DiscardReason::RatelimitBackoff, scopes);
            return self.admit_copy(Refusal::Unsent);
        }
        let sampled_later = self.options().error_sampler.is_some();
        let rate = inner.config.sample_rate.get();
        if rate < 1.0 && !sampled_later && rng::sample_rand(self.rng()) >= rate {
            self.lose_error(DiscardReason::SampleRate, scopes);
            return self.admit_copy(Refusal::Unsent);
        }
        Ok(Admitted { only_copied: false })
    }

    /// Counts an error that is not built, with the files of the scopes that would have gone with it.
    fn lose_error(&self, reason: DiscardReason, scopes: &[&Scope]) {
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.data()).collect();
        let lost = pipeline::quantities_of_error(scopes.iter().flat_map(|data| &data.attachments));
        self.ledger().record_all(reason, &lost);
    }

    /// What the server does not get, the developer's own receiver does, if there is one.
    fn admit_copy(&self, otherwise: Refusal) -> Result<Admitted, Refusal> {
        self.options().tap.as_ref().map(|_| Admitted { only_copied: true }).ok_or(otherwise)
    }

    /// Builds an admitted event, unless the program does not want to hear of its error. A panic in it (a `Display` of the program's, say)
    /// costs this event, is counted, and harms nobody.
    pub(crate) fn build(&self, build: Build<'_>, scopes: &[&Scope]) -> Option<Draft> {
        let hooks = &self.options().error_hooks;
        let built = {
            let _muted = mute::enter(); // an error that captures something when it is printed might capture itself, for ever
            unharmed(build)
        };
        let draft = built.unwrap_or_else(|| {
            crate::debug!("formatting an error panicked: it was not captured");
            self.lose_error(DiscardReason::InternalSdkError, scopes);
            None
        });
        let mut draft = draft?;
        let error = draft.event.exception.last();
        let is_no_failure = || draft.notes.no_failure || error.is_some_and(is_a_closed_pipe);
        if draft.notes.ignored
            || error.is_some_and(|error| hooks.ignores_name(error))
            || (self.options().default_ignores && is_no_failure())
        {
            crate::debug!("an error that is ignored was not captured");
            self.lose_error(DiscardReason::EventProcessor, scopes);
            return None;
        }
        draft.apply_hooks();
        Some(draft)
    }

    /// An event of now, with an id.
    pub(crate) fn stamped(&self) -> Event {
        let (event_id, now) = (rng::event_id(self.rng()), self.options().clock.now());
        Event { event_id, timestamp: Some(now), ..Event::default() }
    }

    /// Stamps and queues an event. `None` if the server will not get it: the queue has no room for it, which is counted, or it is only a copy.
    pub(crate) fn capture(&self, admitted: Admitted, mut job: EventJob) -> Option<EventId> {
        if job.event.event_id == EventId::default() {
            job.event.event_id = rng::event_id(self.rng());
        }
        job.event.timestamp.get_or_insert_with(|| self.options().clock.now());
        let attach = !job.event.exception.is_empty() || self.options().attach_stacktrace;
        let has_stack = job.event.exception.last().is_some_and(|exception| exception.stacktrace.is_some());
        if attach && !has_stack && job.stack.is_none() {
            job.stack = self.options().stack_source.as_ref().map(|source| source.capture());
        }
        self.leave_out_large(&mut job, !admitted.only_copied);
        let id = job.event.event_id;
        if admitted.only_copied {
            self.push(Job::copied_event(job));
            return None;
        }
        self.push(Job::event(job)).then_some(id)
    }

    /// An attachment that is too large is left out here: it would take up the room of the event itself, and of others.
    fn leave_out_large(&self, job: &mut EventJob, counts: bool) {
        let limit = self.options().max_attachment_size;
        let fits = |attachment: &Attachment| {
            let size = attachment.size_beyond(limit);
            if let Some(size) = size.filter(|_| counts) {
                attachment.leave_out_large(size, limit, self.ledger());
            }
            size.is_none()
        };
        let Layers { global, isolation, current } = &mut job.layers;
        for Snapshot { data, .. } in [global, isolation, current] {
            if data.attachments.iter().any(|attachment| attachment.size_beyond(limit).is_some()) {
                *data = std::mem::take(data).keeping(fits);
            }
        }
        job.attachments.retain(fits);
    }

    /// The gates of a record: whether one may be built. What they refuse is counted, though nobody knows how large it would have been.
    pub(crate) fn admits<R: Record>(&self) -> bool {
        if !self.is_active() {
            return false;
        }
        let admitted = !R::CATEGORIES.iter().any(|category| self.is_limited(*category));
        if !admitted && self.options().tap.is_none() {
            let lost = R::CATEGORIES.map(|category| (category, 1));
            self.ledger().record_all(DiscardReason::RatelimitBackoff, &lost);
        }
        admitted || self.options().tap.is_some() // its copy is the worker's to make
    }

    /// Adds a record to those of its kind that are sent together.
    pub(crate) fn add<R: Record>(
        &self,
        record: R,
        moment: Moment,
        scopes: NearestFirst<'_>,
        fields: &Fields,
    ) {
        let Some(outbox) = &self.inner.outbox else { return };
        let lost = self.inner.batches.add(outbox, record, moment, scopes, fields);
        if let Err(reason) = lost {
            let [count, bytes] = R::CATEGORIES;
            self.ledger().record_all(reason, &[(count, 1), (bytes, fields.text_len().max(1) as u64)]);
        }
    }

    /// The trace data of an event while no span is open (§8.7).
    pub(crate) fn trace_of(&self, propagation: &PropagationContext) -> EventTrace {
        EventTrace {
            context: Some(crate::span_ref::propagated_context(propagation)),
            dsc: Some(crate::dsc::of_scope(propagation, self.config())),
            transaction: None,
        }
    }

    /// Tells the session that happens in a scope of an error there.
    pub(crate) fn note(&self, scope: &Scope, gravity: Option<Gravity>) -> Option<Note> {
        let (ledger, gravity) = (self.sessions()?, gravity?);
        scope.session().filter(|session| session.is_of(ledger))?.note(gravity)
    }
}
