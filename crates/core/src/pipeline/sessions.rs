//! What sessions have to do with the other items: the job that tells of them, and the events that they hear of.

use std::collections::VecDeque;

use watchpost_protocol::{Category, Envelope, Item};

use super::{ItemJob, Job, Pipeline};
use crate::outbox::{Label, Priority};
use crate::session::{Gathered, Ledger, Note};

/// The key by which what is told of sessions is delivered in order.
pub(super) const ORDER: u64 = u64::from_be_bytes(*b"sessions");

/// The most items of sessions that an envelope may have (§2.6).
const MOST: usize = 100;

impl Job {
    /// Tells of the sessions that are over and of the run that goes on; `None` if nothing is new. What happens until it is prepared is told of too.
    pub(super) fn sessions(ledger: &Ledger) -> Option<Self> {
        if !ledger.is_called() {
            return None;
        }
        let gathered = ledger.gather();
        Some(Job::Item(ItemJob {
            label: label(gathered.weight()),
            quantities: [
                (Category::Session, gathered.count()),
                (Category::Session, 0),
                (Category::Session, 0),
            ],
            prepare: Box::new(move |pipeline, rest| pipeline.prepare_sessions(gathered, rest)),
        }))
    }
}

fn label(weight: usize) -> Label {
    Label { priority: Priority::Status, category: Category::Session, order: Some(ORDER), weight }
}

impl Pipeline {
    /// Sessions pass no hook, and are not sampled (`protocol.md` §12.3).
    fn prepare_sessions(&self, gathered: Gathered, rest: &mut Option<Job>) -> Option<Envelope> {
        let mut items = self.sessions.as_ref()?.items(gathered);
        *rest = self.beyond(&mut items, MOST);
        (!items.is_empty()).then(|| Envelope::of(&self.config.sdk, items))
    }

    /// Takes out what is more than an envelope may have, as what is sent next.
    fn beyond(&self, items: &mut Vec<Item>, most: usize) -> Option<Job> {
        let mut beyond = items.split_off(most.min(items.len()));
        let mut envelopes = VecDeque::new();
        while !beyond.is_empty() {
            let rest = beyond.split_off(MOST.min(beyond.len()));
            envelopes.push_back(Envelope::of(&self.config.sdk, std::mem::replace(&mut beyond, rest)));
        }
        Job::sealed(envelopes, label(0))
    }

    /// An event was seen by the hooks: now it is known whether it counts. A crash takes along what there is to tell of its session, because nothing may
    /// come after it.
    pub(super) fn settle(
        &self,
        note: Option<Note>,
        event: Option<Envelope>,
        rest: &mut Option<Job>,
    ) -> Option<Envelope> {
        let Some(note) = note else { return event };
        let Some(mut envelope) = event else {
            note.retract();
            return None;
        };
        if note.settle()
            && let Some(ledger) = &self.sessions
        {
            let mut items = ledger.items(ledger.gather());
            *rest = self.beyond(&mut items, MOST);
            envelope.items.append(&mut items);
        }
        Some(envelope)
    }
}
