//! What is gathered beside the queue, because it is worth more together: when it is queued.
//!
//! There is no thread that waits for that: a worker that has nothing to do rests no longer than until then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{End, Outbox, Prepare, Shared};

/// When somebody is to look at what was gathered; `None`: nothing was.
#[derive(Debug, Default)]
pub(super) struct Gathering(Option<Instant>);

impl Gathering {
    /// Somebody is to look within this time; says whether that is news.
    pub(super) fn is_to_be_looked_at_in(&mut self, within: Duration) -> bool {
        let due = Instant::now() + within;
        let sooner = self.0.is_none_or(|before| due < before);
        if sooner {
            self.0 = Some(due);
        }
        sooner
    }

    /// How long there still is.
    pub(super) fn left(&self) -> Option<Duration> {
        self.0.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Whether it is time; then it is not again.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.left().is_some_and(|left| left.is_zero());
        if due {
            self.0 = None;
        }
        due
    }
}

impl<P: Prepare> Outbox<P> {
    /// Has somebody look at what is gathered, within a time; sooner, if somebody was to look sooner.
    pub(crate) fn remind(&self, within: Duration) {
        self.shared.gather_within(within);
    }

    /// What asks for a look at what is gathered, within a time. It does not keep the outbox alive.
    pub(crate) fn caller(&self) -> impl Fn(Duration) + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.shared);
        move |within| {
            if let Some(shared) = shared.upgrade() {
                shared.gather_within(within);
            }
        }
    }
}

impl<P: Prepare> Shared<P> {
    /// Queues what is gathered now.
    pub(super) fn gather(self: &Arc<Self>) {
        let open = self.lock_here().end == End::Open;
        if open {
            for job in self.preparer.gathered() {
                self.push(job);
            }
        }
    }

    /// Queues what was gathered while the queue was worked off: nothing will come after that.
    pub(super) fn gather_last(&self) {
        for job in self.preparer.gathered() {
            self.add(job, None);
        }
    }

    /// Sees to it that somebody looks in time. The worker that sleeps has to be called: it does not know of it.
    fn gather_within(self: &Arc<Self>, within: Duration) {
        let mut state = self.lock_here();
        if state.end == End::Open && state.gathering.is_to_be_looked_at_in(within) {
            self.rouse(state);
        }
    }
}
