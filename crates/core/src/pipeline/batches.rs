//! The client's batches: who adds to them, and what becomes of them.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use watchpost_protocol::{Category, Contained, Container, DiscardReason, Envelope, Fit};

use super::reminder::Reminder;
use super::{ItemJob, Job, LogRecord, MetricRecord, Pipeline, Telemetry};
use crate::batch::{Added, Batch, Batcher, Entry, Moment};
use crate::config::Config;
use crate::fields::Fields;
use crate::outbox::{Label, Outbox, Priority};
use crate::scope::NearestFirst;

/// How long a record waits for others, at most (`protocol.md` §9.4).
const MAX_AGE: Duration = Duration::from_secs(5);

/// What waits to be sent with others of its kind.
pub(crate) struct Batches {
    logs: Batcher<LogRecord, Job>,
    metrics: Batcher<MetricRecord, Job>,
    reminder: Reminder,
}

/// A kind of record that is sent in batches.
pub(crate) trait Record: Sized + Send + 'static {
    /// What the worker makes of it.
    type Item: Telemetry + Contained;
    /// What is lost by count and by bytes (§4.2).
    const CATEGORIES: [Category; 2];

    /// Where it waits.
    fn batcher(batches: &Batches) -> &Batcher<Self, Job>;
    /// Makes the item, with everything that the client and the scopes know.
    fn make(entry: &Entry<'_, Self>, config: &Config) -> Self::Item;
}

impl Batches {
    pub(crate) fn new() -> Self {
        let reminder = Reminder(AtomicU32::new(0));
        Batches { logs: Batcher::new(), metrics: Batcher::new(), reminder }
    }

    pub(super) fn logs(&self) -> &Batcher<LogRecord, Job> {
        &self.logs
    }

    pub(super) fn metrics(&self) -> &Batcher<MetricRecord, Job> {
        &self.metrics
    }

    /// Adds a record, and queues what is full.
    pub(crate) fn add<R: Record>(
        &self,
        outbox: &Outbox<Pipeline>,
        record: R,
        moment: Moment,
        scopes: NearestFirst<'_>,
        fields: &Fields,
    ) -> Result<(), DiscardReason> {
        match R::batcher(self).add(record, moment, scopes, fields, Job::batch::<R>) {
            Added::Waits => {}
            Added::First => {
                if self.reminder.is_due(std::process::id()) {
                    outbox.remind(MAX_AGE);
                }
            }
            Added::Full(job) => {
                outbox.push(job); // what it has no room for, it counts
            }
            Added::Refused => return Err(DiscardReason::QueueOverflow),
        }
        Ok(())
    }

    /// Takes what there is. What comes afterwards reminds a worker anew.
    pub(crate) fn take(&self) -> Vec<Job> {
        self.reminder.begin_anew();
        let mut jobs = Vec::from_iter(self.logs.take());
        jobs.extend(self.metrics.take());
        jobs
    }

    /// Forgets what was gathered before this process was forked.
    pub(super) fn leave_parent(&self) {
        self.logs.leave_parent();
        self.metrics.leave_parent();
    }

    /// As [`take`](Self::take), and takes no more records.
    pub(crate) fn close(&self) -> Vec<Job> {
        let mut jobs = Vec::from_iter(self.logs.close());
        jobs.extend(self.metrics.close());
        jobs
    }
}

impl Job {
    fn batch<R: Record>(batch: Batch<R>) -> Job {
        let [count, bytes] = R::CATEGORIES;
        Job::Item(ItemJob {
            label: Label { priority: Priority::Record, category: count, order: None, weight: batch.weight() },
            quantities: [(count, batch.len() as u64), (bytes, batch.bytes() as u64), (bytes, 0)],
            prepare: Box::new(move |pipeline, rest| pipeline.prepare_batch(&batch, rest)),
        })
    }
}

impl Pipeline {
    fn prepare_batch<R: Record>(&self, batch: &Batch<R>, rest: &mut Option<Job>) -> Option<Envelope> {
        let mut containers = vec![Container::new()];
        for entry in batch.entries() {
            if let Some(item) = self.polish(R::make(&entry, &self.config)) {
                self.contain(&mut containers, &item);
            }
        }
        let full = containers.into_iter().filter(|container| container.count() > 0);
        // Items of one container may be of several traces: no trace is the envelope's (§2.5).
        let mut envelopes = full.map(|container| Envelope::of(&self.config.sdk, vec![container.into_item()]));
        let first = envelopes.next();
        let label = Label { priority: Priority::Record, category: R::CATEGORIES[0], order: None, weight: 0 };
        *rest = Job::sealed(envelopes.collect(), label);
        first
    }

    /// Adds an item to the last container, or to a new one if it has no room; what fits none is lost.
    fn contain<T: Telemetry + Contained>(&self, containers: &mut Vec<Container<T>>, item: &T) {
        let added = match containers.last_mut().map(|last| last.add(item)) {
            Some(Ok(Fit::Full)) | None => {
                let mut next = Container::new();
                let added = next.add(item);
                containers.push(next);
                added
            }
            Some(added) => added,
        };
        let (reason, why) = match added {
            Ok(Fit::Taken) => return,
            Ok(Fit::Full | Fit::TooLarge) => (DiscardReason::Invalid, "it is too large".to_owned()),
            Err(error) => (DiscardReason::InternalSdkError, error.to_string()),
        };
        let lost = item.quantities();
        crate::debug!("dropped one {}: {why}", lost[0].0);
        self.losses.record_all(reason, &lost);
    }
}
