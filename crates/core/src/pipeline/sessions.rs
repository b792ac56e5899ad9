//! What sessions have to do with the other items: the job that tells of them, and the events that they hear of.

use std::sync::Arc;

use watchpost_protocol::{Category, Envelope};

use super::{ItemJob, Job, Pipeline};
use crate::outbox::{Label, Priority};
use crate::session::{Gathered, Ledger, Note};

/// The key by which what is told of sessions is delivered in order.
pub(super) const ORDER: u64 = u64::from_be_bytes(*b"sessions");

impl Job {
    /// Tells of the sessions that are over and of the run that goes on; `None` if nothing is new. What happens until it is prepared is told of too.
    pub(super) fn sessions(ledger: &Ledger) -> Option<Self> {
        if !ledger.is_called() {
            return None;
        }
        let gathered = ledger.gather();
        let (priority, category) = (Priority::Status, Category::Session);
        Some(Job::Item(ItemJob {
            label: Label { priority, category, order: Some(ORDER), weight: gathered.weight() },
            quantities: [(category, gathered.count()), (category, 0), (category, 0)],
            prepare: Box::new(move |pipeline, _| pipeline.prepare_sessions(gathered)),
        }))
    }
}

impl Pipeline {
    /// Sessions pass no hook, and are not sampled (`protocol.md` §12.3).
    fn prepare_sessions(&self, gathered: Gathered) -> Option<Envelope> {
        let mut envelope = Envelope::default();
        envelope.headers.sdk = Some(Arc::clone(&self.config.sdk));
        envelope.items = self.sessions.as_ref()?.items(gathered);
        (!envelope.items.is_empty()).then_some(envelope)
    }

    /// An event was seen by the hooks: now it is known whether it counts. A crash takes along what there is to tell of its session, because nothing may
    /// come after it.
    pub(super) fn settle(&self, note: Option<Note>, event: Option<Envelope>) -> Option<Envelope> {
        let Some(note) = note else { return event };
        let Some(mut envelope) = event else {
            note.retract();
            return None;
        };
        if note.settle()
            && let Some(ledger) = &self.sessions
        {
            envelope.items.extend(ledger.items(ledger.gather()));
        }
        Some(envelope)
    }
}
