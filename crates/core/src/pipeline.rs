//! One way through the worker for every kind of item: defaults, scopes, processors, integrations, the scrubber, the last hook, a cut, an
//! envelope.
//!
//! Whoever drops an item on the way, or fails, has it counted under a reason of its own; nothing else of the client is held up by it.

mod attributes;
mod batches;
mod callsites;
mod ceiling;
mod check_in;
mod copy;
mod databag;
mod event;
mod feedback;
mod grouping;
mod log;
mod metric;
mod models;
mod profile;
mod reminder;
mod sessions;
mod told;
mod transaction;
mod weight;

use std::collections::VecDeque;
use std::sync::Arc;

use watchpost_protocol::{Category, DiscardReason, DynamicSamplingContext, Envelope, EventId, Item};

use crate::config::Config;
use crate::diag;
use crate::integration::{self, Integration};
use crate::losses::Losses;
use crate::outbox::{Label, Prepare, Priority};
use crate::personal;
use crate::profiling::Profiling;
use crate::scrub::Rules;
use crate::session::Ledger;
use crate::unharmed::unharmed;

pub(crate) use batches::{Batches, Record};
pub(crate) use callsites::Callsites;
pub(crate) use check_in::CheckInJob;
pub(crate) use event::{EventJob, EventTrace, quantities as quantities_of_error};
pub(crate) use grouping::by_place;
pub(crate) use log::{LogRecord, LogSource};
pub(crate) use metric::MetricRecord;
use told::Told;
pub(crate) use transaction::TransactionJob;

/// What waits for the worker.
#[expect(
    clippy::large_enum_variant,
    reason = "a box for each transaction would be freed by another thread than made it"
)]
pub(crate) enum Job {
    Item(ItemJob),
    Transaction(TransactionJob, PrepareTransaction),
}

/// An item of any other kind, without its type: whatever may drop a job would bring along all that an event consists of. What the outbox has
/// to know of it was asked when it was made, when it still had a type.
pub(crate) struct ItemJob {
    pub(crate) label: Label,
    /// What is lost if it is never prepared (§4.2); a line of none does not count.
    pub(crate) quantities: [(Category, u64); 3],
    pub(crate) prepare: PrepareItem,
}

/// Its way goes with it, as an item's does: a program that ends no trace has none of that code.
type PrepareTransaction = fn(&Pipeline, TransactionJob) -> Option<Envelope>;

type PrepareItem = Box<dyn FnOnce(&Pipeline, &mut Option<Job>) -> Option<Envelope> + Send>;

pub(crate) struct Pipeline {
    pub(crate) config: Arc<Config>,
    pub(crate) losses: Arc<Losses>,
    /// `None`: there is no release to count sessions of.
    pub(crate) sessions: Option<Arc<Ledger>>,
    pub(crate) batches: Arc<Batches>,
    pub(crate) callsites: Arc<Callsites>,
    /// `None`: there is nothing to profile with.
    pub(crate) profiling: Option<Arc<Profiling>>,
}

/// A kind of item on its way. The order of the steps is the pipeline's; what a step means is the kind's.
pub(crate) trait Telemetry: Told + Sized {
    /// Lets an integration see it.
    fn integrate(self, integration: &dyn Integration) -> Option<Self>;
    /// Takes out of it what must not leave the process (§16).
    fn scrub(&mut self, rules: &Rules);
    /// Asks the user's last hook, if there is one.
    fn before_send(self, config: &Config) -> Option<Self>;
    /// What is lost with it (§4.2).
    fn quantities(&self) -> Vec<(Category, u64)>;
    /// What was lost of it, given what there was before a step that kept it.
    fn part_lost(&self, _before: &[(Category, u64)]) -> Option<(Category, u64)> {
        None
    }
    /// Whether the program's own sampler keeps it, which is asked when all else is done.
    fn is_sampled(&self, _config: &Config) -> bool {
        true
    }
    /// Cuts what is too long to send.
    fn trim(&mut self, config: &Config);
    /// Why it cannot be sent at all, if it cannot.
    fn refuse(&self) -> Option<&'static str> {
        None
    }
}

/// A kind of item that has an envelope of its own.
pub(crate) trait Standalone: Telemetry {
    /// The id in the header of its envelope, for kinds that have one (§2.2).
    fn event_id(&self) -> Option<EventId>;
    fn item(&mut self) -> Result<Item, serde_json::Error>;
    /// What goes with it in its envelope.
    fn companions(self, _pipeline: &Pipeline) -> Vec<Item> {
        Vec::new()
    }
}

/// A step of somebody else's.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// What it is, for the developer.
    of: &'static str,
    /// What it is counted as, should it drop something.
    reason: DiscardReason,
}

impl Step {
    const PROCESSOR: Step = Step { of: "an event processor", reason: DiscardReason::EventProcessor };
}

impl Prepare for Pipeline {
    type Job = Job;

    fn label(&self, job: &Job) -> Label {
        match job {
            Job::Item(job) => job.label,
            Job::Transaction(job, _) => Label {
                priority: Priority::Trace,
                category: Category::Transaction,
                order: None,
                weight: weight::transaction(job),
            },
        }
    }

    fn prepare(&self, job: Job, rest: &mut Option<Job>) -> Option<Envelope> {
        let envelope = match job {
            Job::Item(job) => (job.prepare)(self, rest),
            Job::Transaction(job, prepare) => prepare(self, job),
        }?;
        self.copy(&envelope);
        Some(envelope)
    }

    fn refused(&self, job: Job) {
        self.copy_refused(job);
    }

    fn quantities(&self, job: &Job) -> Vec<(Category, u64)> {
        match job {
            Job::Item(job) => job.quantities.to_vec(),
            Job::Transaction(job, _) => job.quantities(),
        }
    }

    fn gathered(&self) -> Vec<Job> {
        let mut jobs = self.batches.take();
        jobs.extend(self.sessions.as_ref().and_then(|sessions| Job::sessions(sessions)));
        jobs.extend(self.profiling.as_ref().and_then(Profiling::due).map(Job::profile_chunk));
        jobs
    }

    fn leave_parent(&self) {
        self.batches.leave_parent();
        if let Some(sessions) = &self.sessions {
            sessions.leave_parent();
        }
    }
}

impl Job {
    pub(crate) fn event(job: EventJob) -> Self {
        let priority = if job.is_crash() { Priority::Crash } else { Priority::Error };
        let (weight, counted) = weight::event(&job);
        let label = Label { priority, category: Category::Error, order: None, weight };
        Job::Item(ItemJob {
            label,
            quantities: job.quantities(),
            prepare: Box::new(move |pipeline, rest| {
                let _counted = counted;
                pipeline.prepare_event(job, rest)
            }),
        })
    }

    pub(crate) fn transaction(job: TransactionJob) -> Self {
        Job::Transaction(job, Pipeline::prepare_transaction)
    }
}

/// What an envelope had no room for.
impl Job {
    /// Sends what is prepared, one envelope after the other, as `label` says but for the weight. `None`: there is nothing.
    fn sealed(mut envelopes: VecDeque<Envelope>, label: Label) -> Option<Self> {
        let first = envelopes.pop_front()?;
        let all = || std::iter::once(&first).chain(&envelopes);
        let mut quantities = [(label.category, 0); 3];
        for (category, quantity) in all().flat_map(|envelope| &envelope.items).flat_map(Item::losses) {
            let line = usize::from(category != label.category); // records are counted by bytes, too
            quantities[line] = (category, quantities[line].1 + quantity);
        }
        let label = Label { weight: all().map(Envelope::size_hint).sum(), ..label };
        Some(Job::Item(ItemJob {
            label,
            quantities,
            prepare: Box::new(move |_, rest| {
                *rest = Job::sealed(envelopes, label);
                Some(first)
            }),
        }))
    }
}

impl Pipeline {
    fn prepare_event(&self, mut job: EventJob, rest: &mut Option<Job>) -> Option<Envelope> {
        let note = job.note.take();
        let envelope = self.event_envelope(job);
        self.settle(note, envelope, rest)
    }

    fn event_envelope(&self, job: EventJob) -> Option<Envelope> {
        let dsc = job.trace.dsc.clone();
        let processors = job.processors(&self.config);
        let mut event = job.into_report(&self.config);
        grouping::by_words(&mut event.event);
        for processor in &processors {
            event = self.step(event, Step::PROCESSOR, |report| report.map(|event| processor(event)))?;
        }
        self.finish(event, dsc)
    }

    fn prepare_transaction(&self, mut job: TransactionJob) -> Option<Envelope> {
        let buffer = std::mem::take(&mut job.buffer);
        let layers = std::mem::take(&mut job.layers);
        let (report, dsc) =
            job.into_report((&buffer, &layers), (&self.config, &self.callsites), &self.losses)?;
        self.finish(report, Some(dsc))
    }

    /// The way of an item that has its data and an envelope of its own.
    fn finish<T: Standalone>(&self, item: T, dsc: Option<Arc<DynamicSamplingContext>>) -> Option<Envelope> {
        let mut item = self.polish(item)?;
        let lead = match item.item() {
            Ok(lead) => lead,
            Err(error) => {
                crate::debug!("an item could not be serialised: {error}");
                self.losses.record_all(DiscardReason::InternalSdkError, &item.quantities());
                return None;
            }
        };
        personal::look(&lead);
        let mut envelope = Envelope::of(&self.config.sdk, vec![lead]);
        envelope.headers.event_id = item.event_id();
        // A context that is frozen empty has nothing to say (§8.4).
        envelope.headers.trace = dsc.filter(|dsc| !dsc.is_empty());
        if let (Some(dsc), Some(rules)) = (&mut envelope.headers.trace, &self.config.scrub) {
            rules.scrub_context(dsc);
        }
        envelope.items.append(&mut item.companions(self));
        Some(envelope)
    }

    /// The steps that every kind of item takes once it has its data.
    fn polish<T: Telemetry>(&self, mut item: T) -> Option<T> {
        for integration in &self.config.integrations {
            let step = Step { of: integration::name(&**integration), ..Step::PROCESSOR };
            item = self.step(item, step, |item| item.integrate(&**integration))?;
        }
        if let Some(rules) = &self.config.scrub {
            item.scrub(rules); // before the hook: what the hook itself adds is the program's own (§16.1)
        }
        let hook = Step { of: T::HOOK, reason: DiscardReason::BeforeSend };
        item = self.step(item, hook, |item| item.before_send(&self.config))?;
        if !item.is_sampled(&self.config) {
            self.losses.record_all(DiscardReason::SampleRate, &item.quantities());
            return None;
        }
        item.trim(&self.config); // last, so that what a hook adds is cut too
        if let Some(why) = item.refuse() {
            let lost = item.quantities();
            crate::debug!("dropped one {}: {why}", lost[0].0);
            self.losses.record_all(DiscardReason::Invalid, &lost);
            return None;
        }
        Some(item)
    }

    /// Runs one step of somebody else's: under no lock, its panic caught, its losses counted (`protocol.md` §20.5).
    fn step<T: Telemetry>(
        &self,
        item: T,
        Step { of, reason }: Step,
        step: impl FnOnce(T) -> Option<T>,
    ) -> Option<T> {
        let before = item.quantities();
        let title = if diag::enabled() { item.title() } else { None };
        let which = || title.map(|title| format!(" {title:?}")).unwrap_or_default();
        match unharmed(|| step(item)) {
            Some(Some(item)) => {
                if let Some((category, quantity)) = item.part_lost(&before) {
                    self.losses.record(reason, category, quantity);
                }
                Some(item)
            }
            Some(None) => {
                crate::debug!("{of} dropped one {}{} ({reason})", before[0].0, which());
                self.losses.record_all(reason, &before);
                None
            }
            None => {
                crate::debug!("{of} panicked: dropped one {}{} ({reason})", before[0].0, which());
                self.losses.record_all(reason, &before);
                None
            }
        }
    }
}
