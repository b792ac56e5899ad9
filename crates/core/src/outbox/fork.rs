//! A process that was forked: it has what its parent had in memory, and none of its threads but the one that forked.
//!
//! What waited is the parent's to send, and its losses are the parent's to report: both are forgotten here, and the next push starts a worker.
//! (What was gathered beside the queue, the logs of some seconds, is sent by both: the child cannot tell its own from the parent's.)
//! To ask who we are costs the caller a system call, so it is asked when a push finds nothing waiting, and else for one push in so many.
//!
//! A process that forks in the very moment in which a worker holds the outbox's lock has a child in which nobody will release it. Nothing can be
//! done about that after the fact: who forks should do so early, or flush before.

use std::sync::MutexGuard;

use super::crew::Crew;
use super::disk::Disk;
use super::outage::Outage;
use super::queue::Queue;
use super::wait::Tickets;
use super::{Prepare, Shared, State};
use crate::rng;

/// Where something waits, who we are is asked for one push in so many.
const EVERY: u64 = 16;

impl<J> State<J> {
    fn is_elsewhere(&self) -> bool {
        self.home != std::process::id()
    }
}

impl<P: Prepare> Shared<P> {
    /// The lock, for a caller that may be in another process than the workers are.
    pub(super) fn lock_here(&self) -> MutexGuard<'_, State<P::Job>> {
        let state = self.lock();
        if state.is_elsewhere() { self.move_in(state) } else { state }
    }

    /// The same, and asks only now and then.
    pub(super) fn lock_to_push(&self) -> MutexGuard<'_, State<P::Job>> {
        let state = self.lock();
        let ask = state.queue.len() == 0 || state.queue.pushed().is_multiple_of(EVERY);
        if ask && state.is_elsewhere() { self.move_in(state) } else { state }
    }

    /// Begins anew in this process.
    fn move_in<'a>(&'a self, mut state: MutexGuard<'a, State<P::Job>>) -> MutexGuard<'a, State<P::Job>> {
        let left = std::mem::replace(&mut state.queue, Queue::new(self.wire.bounds));
        let disk = std::mem::replace(&mut state.disk, Disk::new(self.wire.spool.is_some()));
        state.crew = Crew::new(self.wire.max_in_flight);
        state.outage = Outage::default();
        state.tickets = Tickets::default();
        (state.reporting, state.said_full) = (false, false);
        state.home = std::process::id();
        drop(state);
        crate::debug!("this process was forked: what waited then is its parent's");
        rng::leave_parent();
        drop(self.wire.losses.take());
        drop((left, disk)); // not under the lock: their destructors may be the program's
        self.lock()
    }
}
