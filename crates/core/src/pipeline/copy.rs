//! The copy for the developer's own receiver (`protocol.md` §19): of what the server gets, and of what it does not.

use std::sync::Arc;

use watchpost_protocol::{Category, Envelope};

use super::{EventJob, ItemJob, Job, Pipeline, TransactionJob, weight};
use crate::losses::Losses;
use crate::outbox::{Label, Priority};

impl Job {
    /// An event that only the receiver gets: it was not sampled, or the server has enough.
    pub(crate) fn copied_event(job: EventJob) -> Self {
        Job::copied(weight::event(&job), |pipeline| pipeline.prepare_event(job))
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
            prepare: Box::new(move |pipeline| {
                let aside = pipeline.aside();
                aside.copy(&prepare(&aside)?);
                None
            }),
        })
    }
}

impl Pipeline {
    pub(super) fn copy(&self, envelope: &Envelope) {
        if let Some(tap) = &self.config.options.tap {
            tap.copy(envelope);
        }
    }

    /// The same way, on which nothing is counted.
    fn aside(&self) -> Pipeline {
        Pipeline {
            config: Arc::clone(&self.config),
            losses: Arc::new(Losses::default()),
            sessions: self.sessions.clone(),
            batches: Arc::clone(&self.batches),
            profiling: self.profiling.clone(),
        }
    }
}
