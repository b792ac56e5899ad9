//! Waiting with a deadline: flush and close.
//!
//! Both only ever wait on a condition variable with what is left of their time; the wire is the worker's. So they end on time
//! whatever the server does (promise 4).

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use watchpost_protocol::DiscardReason;

use super::{Outbox, Prepare, Worker};

impl<P: Prepare> Outbox<P> {
    /// How many items wait or are under way.
    pub(crate) fn pending(&self) -> usize {
        let state = self.shared.lock();
        state.queue.len() + state.in_flight
    }

    /// Waits until all that was queued before is delivered or lost and the losses are reported, or the time is up. Says which.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.shared.lock();
        if matches!(state.worker, Worker::NotStarted) && self.nothing_to_report() {
            return true;
        }
        if matches!(state.worker, Worker::Ended) {
            return true;
        }
        if is_this_thread(&state.worker) {
            return false; // a callback on the worker cannot wait for the worker
        }
        let mine = state.ask_flush();
        if !self.wake(state, true) {
            return false;
        }
        self.wait_until(deadline, |state| state.flushes_done >= mine || matches!(state.worker, Worker::Ended))
    }

    /// Takes nothing more, then waits like [`flush`](Self::flush), for the worker to end too. What is still queued when the time is
    /// up is counted and dropped; an item that is under way is left to the worker, which nobody waits for any longer.
    pub(crate) fn close(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.shared.lock();
        let first = !std::mem::replace(&mut state.closing, true);
        match state.worker {
            Worker::NotStarted if self.nothing_to_report() => {
                state.worker = Worker::Ended;
                return true;
            }
            Worker::Ended => return true,
            _ => {}
        }
        if first {
            state.ask_flush();
        }
        let on_worker = is_this_thread(&state.worker);
        if !self.wake(state, true) {
            return false;
        }
        if on_worker {
            return false; // it closes as soon as the callback that called us returns
        }
        let done = self.wait_until(deadline, |state| matches!(state.worker, Worker::Ended));
        if !done {
            self.give_up(timeout);
        }
        done
    }

    /// Takes nothing more and waits for nobody: the worker sends what is queued, reports, and ends.
    pub(crate) fn retire(&self) {
        let mut state = self.shared.lock();
        let over = match state.worker {
            Worker::NotStarted => self.nothing_to_report(),
            Worker::Running(_) => false,
            Worker::Ended => true,
        };
        if !std::mem::replace(&mut state.closing, true) && !over {
            state.ask_flush();
            self.wake(state, true);
        }
    }

    fn give_up(&self, timeout: Duration) {
        let mut state = self.shared.lock();
        let left: Vec<P::Job> = state.queue.drain(..).collect();
        state.finished += left.len() as u64;
        let pending = left.len() + state.in_flight;
        drop(state);
        self.shared.count(DiscardReason::NetworkError, &left);
        if pending > 0 {
            let seconds = timeout.as_secs_f64();
            crate::debug!(
                "closed after {seconds:.1} s without an answer from the server: {pending} items were not delivered"
            );
        }
    }

    fn nothing_to_report(&self) -> bool {
        !self.shared.wire.reports || self.shared.wire.losses.is_empty()
    }

    fn wait_until(&self, deadline: Option<Instant>, done: impl Fn(&super::State<P::Job>) -> bool) -> bool {
        let mut state = self.shared.lock();
        loop {
            if done(&state) {
                return true;
            }
            // A timeout too long for the clock to add is a wait without an end, as was asked for.
            let left = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return false;
            }
            state = self.shared.idle.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn is_this_thread(worker: &Worker) -> bool {
    matches!(worker, Worker::Running(Some(id)) if *id == std::thread::current().id())
}
