//! The copy for the developer's own receiver (`protocol.md` §19): of what the server gets, and of what it does not.

use std::sync::Arc;

use watchpost_protocol::{Category, Envelope};

use super::{EventJob, ItemJob, Job, Pipeline, TransactionJob, weight};
use crate::losses::Losses;
use crate::outbox::{Label, Prepare, Priority};
use crate::unharmed::unharmed;

impl Job {
    /// An event that only the receiver gets: it was not sampled, or the server has enough.
    pub(crate) fn copied_event(job: EventJob) -> Self {
        let (weight, counted) = weight::event(&job);
        Job::copied(weight, |pipeline| {
            let _counted = counted;
            pipeline.prepare_event(job, &mut None)
        })
    }

    /// What a user says that only the receiver gets.
    pub(crate) fn copied_feedback(job: EventJob) -> Self {
        Job::copied(weight::event(&job).0, |pipeline| pipeline.prepare_feedback(job))
    }

    /// A transaction that only the receiver gets.
    pub(crate) fn copied_transaction(job: TransactionJob) -> Self {
        Job::copied(weight::transaction(&job), |pipeline| pipeline.prepare_transaction(job))
    }

    /// It goes first when there is no room, and counts for nothing: it was counted when it was refused.
    fn copied(weight: usize, prepare: impl FnOnce(&Pipeline) -> Option<Envelope> + Send + 'static) -> Self {
        Job::Item(ItemJob {
            label: Label { priority: Priority::Record, category: Category::Internal, order: None, weight },
            quantities: [(Category::Internal, 0); 3],
            prepare: Box::new(move |pipeline, _| {
                let aside = pipeline.aside();
                aside.copy(&prepare(&aside)?);
                None
            }),
        })
    }
}

impl Pipeline {
    pub(super) fn copy(&self, envelope: &Envelope) {
        if let Some(tap) = &self.config.options.tap
            && unharmed(|| tap.copy(envelope)).is_none()
        {
            crate::debug!("the receiver of copies panicked");
        }
    }

    /// Copies what a rate limit keeps from the server.
    pub(super) fn copy_refused(&self, job: Job) {
        if self.config.options.tap.is_none() {
            return;
        }
        let aside = self.aside();
        let mut next = Some(job);
        while let Some(job) = next.take() {
            aside.prepare(job, &mut next); // which copies it
        }
    }

    /// The same way, on which nothing is counted, and nothing taken along: what there is to tell of sessions is for the server.
    fn aside(&self) -> Pipeline {
        Pipeline {
            config: Arc::clone(&self.config),
            losses: Arc::new(Losses::default()),
            sessions: None,
            batches: Arc::clone(&self.batches),
            callsites: Arc::clone(&self.callsites),
            profiling: self.profiling.clone(),
        }
    }
}
