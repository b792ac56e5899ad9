//! A process that was forked: it has what its parent had in memory, and none of its threads but the one that forked.
//!
//! What waited is the parent's to send, and its losses are the parent's to report: both are forgotten here, and so is what was gathered
//! beside the queue. The next push, or what is gathered next, starts a worker.
//! To ask who we are costs the caller a system call, so traces, of which there may be many, ask it when they find nothing waiting, and else one
//! in so many.
//!
//! A process that forks in the very moment in which a worker holds the outbox's lock has a child in which nobody will release it. Nothing can be
//! done about that after the fact: who forks should do so early, or flush before.

use std::sync::{Arc, MutexGuard};

use super::crew::Crew;
use super::disk::Disk;
use super::gather::Gathering;
use super::outage::Outage;
use super::queue::{Priority, Queue};
use super::wait::Tickets;
use super::{Prepare, Shared, State};
use crate::hints;

/// Where something waits, one trace in so many asks who we are.
const EVERY: u64 = 16;

impl<P: Prepare> Shared<P> {
    /// The lock, for a caller that may be in another process than the workers are.
    pub(super) fn lock_here(&self) -> MutexGuard<'_, State<P::Job>> {
        let mut state = self.lock();
        if state.home.left() { self.move_in(state) } else { state }
    }

    /// The same, to push a job; for a trace it asks only now and then.
    pub(super) fn lock_to_push(&self, priority: Priority) -> MutexGuard<'_, State<P::Job>> {
        let mut state = self.lock();
        let ask = priority != Priority::Trace
            || state.queue.len() == 0
            || state.queue.pushed().is_multiple_of(EVERY);
        if ask && state.home.left() { self.move_in(state) } else { state }
    }

    /// Begins anew in this process.
    fn move_in<'a>(&'a self, mut state: MutexGuard<'a, State<P::Job>>) -> MutexGuard<'a, State<P::Job>> {
        let left =
            std::mem::replace(&mut state.queue, Queue::new(self.wire.bounds, Arc::clone(&self.wire.health)));
        let disk = std::mem::replace(&mut state.disk, Disk::new(self.wire.spool.is_some()));
        state.crew = Crew::new(self.wire.max_in_flight);
        state.outage = Outage::default();
        state.gathering = Gathering::default();
        state.tickets = Tickets::default();
        (state.reporting, state.said_full) = (false, false);
        drop(state);
        hints::process_forked();
        self.preparer.leave_parent();
        self.wire.losses.forget();
        drop((left, disk)); // not under the lock: their destructors may be the program's
        self.lock()
    }
}
