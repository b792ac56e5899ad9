//! What is gathered beside the queue, because it is worth more together: when it is queued.
//!
//! There is no thread that waits for that: a worker that has nothing to do rests no longer than until then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{End, Outbox, Prepare, Shared};

/// What is known of what was gathered.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// When somebody is to look at it; `None`: nothing was.
    due: Option<Instant>,
    /// How many have looked, and have it in hand: it is neither there any more nor in the queue yet.
    in_hand: usize,
}

impl Gathering {
    /// Somebody is to look within this time; says whether that is news.
    pub(super) fn is_to_be_looked_at_in(&mut self, within: Duration) -> bool {
        let due = Instant::now() + within;
        let sooner = self.due.is_none_or(|before| due < before);
        if sooner {
            self.due = Some(due);
        }
        sooner
    }

    /// How long there still is.
    pub(super) fn left(&self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Whether it is time; then it is not again.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.left().is_some_and(|left| left.is_zero());
        if due {
            self.due = None;
        }
        due
    }

    /// How many have something in hand that they will queue.
    pub(super) fn in_hand(&self) -> usize {
        self.in_hand
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
    /// Queues what is gathered now. Whoever waits for what was captured before waits for that, too, while this thread has it in hand.
    pub(super) fn gather(self: &Arc<Self>) {
        let mut state = self.lock_here();
        if state.end > End::Open {
            return;
        }
        state.gathering.in_hand += 1;
        let hand = Hand { shared: self, number: state.queue.reserve() };
        drop(state);
        for job in self.preparer.gathered() {
            self.push_of(job, Some(hand.number));
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

/// What somebody has gathered and not queued yet. It has the number of a job, for those who wait for it: what is queued of it is its rest.
struct Hand<'a, P: Prepare> {
    shared: &'a Arc<Shared<P>>,
    number: u64,
}

impl<P: Prepare> Drop for Hand<'_, P> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.gathering.in_hand = state.gathering.in_hand.saturating_sub(1); // in a process that was forked there are none
        state.tickets.finish(self.number);
        if state.tickets.are_due() {
            self.shared.attend(state, true); // there was nothing in it, and nobody else looks
        }
    }
}
