//! Waiting with a deadline: flush and close.
//!
//! Both only ever wait on a condition variable with what is left of their time; the wire is the workers'. So they end on time whatever
//! the server does (promise 4).

use std::fmt::Write;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use watchpost_protocol::{Category, DiscardReason};

use super::{End, Outbox, Prepare, Shared, State};

/// A close that is not done so long before its deadline gives up what waits, to have time to report it...
const LAST_WORDS: Duration = Duration::from_millis(250);

/// ...but no more than this part of its time.
const LAST_PART: u32 = 4;

/// As [`LAST_WORDS`], where what waits is kept on the disk...
const LAST_PAGES: Duration = Duration::from_secs(1);

/// ...and the part of the time for that.
const LAST_HALF: u32 = 2;

/// The flushes that somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    tickets: Vec<Ticket>,
    asked: u64,
}

#[derive(Debug)]
struct Ticket {
    number: u64,
    /// It waits for the jobs that were queued before: those that come later cannot hold it up.
    before: u64,
    /// How many of those are left.
    left: usize,
    /// What came later, and is the rest of one that came before.
    also: Vec<u64>,
    served: bool,
}

impl Tickets {
    fn ask(&mut self, before: u64, left: usize) -> u64 {
        self.asked += 1;
        self.tickets.push(Ticket { number: self.asked, before, left, also: Vec::new(), served: false });
        self.asked
    }

    /// A job is delivered or lost.
    pub(super) fn finish(&mut self, job: u64) {
        for ticket in self.tickets.iter_mut().filter(|ticket| ticket.awaits(job)) {
            ticket.left = ticket.left.saturating_sub(1);
        }
    }

    /// The rest of a job is queued as another one: whoever waits for the job waits for that, too.
    pub(super) fn go_on(&mut self, job: u64, rest: u64) {
        for ticket in self.tickets.iter_mut().filter(|ticket| ticket.awaits(job)) {
            ticket.left += 1;
            ticket.also.push(rest);
        }
    }

    /// Up to which job somebody waits.
    pub(super) fn awaited(&self) -> Option<u64> {
        self.tickets.iter().filter(|ticket| ticket.left > 0).map(|ticket| ticket.before).min()
    }

    /// Whether there is a flush that waits for nothing but a report.
    pub(super) fn are_due(&self) -> bool {
        self.tickets.iter().any(Ticket::is_due)
    }

    pub(super) fn due(&self) -> Vec<u64> {
        self.tickets.iter().filter(|ticket| ticket.is_due()).map(|ticket| ticket.number).collect()
    }

    pub(super) fn serve(&mut self, flushes: &[u64]) {
        for ticket in self.tickets.iter_mut().filter(|ticket| flushes.contains(&ticket.number)) {
            ticket.served = true;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    fn is_served(&self, number: u64) -> bool {
        self.tickets.iter().all(|ticket| ticket.number != number || ticket.served)
    }

    fn withdraw(&mut self, number: u64) {
        self.tickets.retain(|ticket| ticket.number != number);
    }
}

impl Ticket {
    fn awaits(&self, job: u64) -> bool {
        job < self.before || self.also.contains(&job)
    }

    fn is_due(&self) -> bool {
        self.left == 0 && !self.served
    }
}

/// A flush that was asked for. Nobody works for one that is dropped.
pub(crate) struct Flush<'a, P: Prepare> {
    outbox: &'a Outbox<P>,
    ticket: Option<u64>,
}

impl<P: Prepare> Outbox<P> {
    /// Asks for a flush of all that is queued now.
    pub(crate) fn flush(&self) -> Flush<'_, P> {
        let shared = &self.shared;
        shared.gather();
        let mut state = shared.lock_here();
        let pending = state.queue.len() + state.gathering.in_hand();
        let over = state.end > End::Open && state.crew.threads() == 0;
        if over || (pending == 0 && !state.reporting && !shared.has_news()) {
            return Flush { outbox: self, ticket: None };
        }
        let pushed = state.queue.pushed();
        let ticket = state.tickets.ask(pushed, pending);
        state.outage.cut_short();
        if pending == 0 || state.queue.is_ready() {
            shared.attend(state, true);
        } // else whoever has what it waits for looks afterwards
        Flush { outbox: self, ticket: Some(ticket) }
    }

    /// Takes nothing more, then waits until what is queued is delivered or lost, the losses are reported and the workers have ended, or the
    /// time is up. Says which. What still waits shortly before is counted, to be reported as long as there is time; what is under
    /// way is left to its worker, for which nobody waits any longer.
    pub(crate) fn close(&self, timeout: Duration) -> bool {
        let began = Instant::now();
        if self.retire() {
            return true;
        }
        let shared = &self.shared;
        if shared.employs_this_thread() {
            return false; // it ends as soon as the callback that called us returns
        }
        let ended = |state: &State<P::Job>| state.crew.threads() == 0;
        let last_words = match shared.wire.spool {
            None => LAST_WORDS.min(timeout / LAST_PART),
            Some(_) => LAST_PAGES.min(timeout / LAST_HALF), // to write down what waits takes longer than to say that it is lost
        };
        if shared.wait_until(began, timeout - last_words, ended) {
            return true;
        }
        let mut given_up = shared.cut_short();
        let done = shared.wait_until(began, timeout, ended);
        given_up.extend(shared.give_up());
        let under_way = shared.lock().queue.under_way().map(|label| label.category).collect::<Vec<_>>();
        if !under_way.is_empty() || !given_up.is_empty() {
            crate::debug!(
                "closed after {:.1} s, which was not enough to send everything: {}",
                timeout.as_secs_f64(),
                lost(&given_up, &under_way)
            );
        }
        done && given_up.is_empty()
    }

    /// Takes nothing more and waits for nobody: the workers send what is queued, report, and end. Says whether there is nothing to do.
    pub(crate) fn retire(&self) -> bool {
        let shared = &self.shared;
        shared.gather();
        let mut state = shared.lock_here();
        let idle = state.crew.threads() == 0;
        if state.end == End::Open {
            state.end = End::Closing;
            if idle && (state.gathering.in_hand() > 0 || shared.has_news()) {
                shared.grow(state); // somebody has to send that, or to report
                return false;
            }
            drop(state);
            shared.call_all();
        }
        idle
    }
}

impl<P: Prepare> Flush<'_, P> {
    /// Waits until all that was queued is delivered or lost and the losses are reported, or the time is up. Says which.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let Some(ticket) = self.ticket else { return true };
        let shared = &self.outbox.shared;
        if shared.employs_this_thread() {
            return false; // a callback on a worker cannot wait for the worker
        }
        let began = Instant::now();
        shared.wait_until(began, timeout, |state| {
            state.tickets.is_served(ticket) || (state.end > End::Open && state.crew.threads() == 0)
        })
    }
}

impl<P: Prepare> Drop for Flush<'_, P> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.outbox.shared.lock().tickets.withdraw(ticket);
        }
    }
}

impl<P: Prepare> Shared<P> {
    /// Sees to it that what waits is kept, or else counts it as lost and sees to it that it is reported, though every worker may be stuck.
    /// Says what was lost.
    fn cut_short(self: &std::sync::Arc<Self>) -> Vec<Category> {
        let mut state = self.lock();
        if state.crew.threads() == 0 {
            return Vec::new(); // they have just ended
        }
        state.end = state.end.max(End::CutShort);
        if self.wire.spool.is_some() {
            state.disk.last_call();
            self.grow(state); // one more than there may be: the others may be stuck
            return Vec::new();
        }
        let left = state.queue.drain();
        self.lose(&mut state, DiscardReason::NetworkError, &left);
        if state.end == End::CutShort && !state.reporting && self.has_news() {
            self.grow(state); // one more than there may be: for the last report alone
        } else {
            drop(state); // before what is dropped with `left`: its destructors may be the program's
        }
        left.iter().map(|entry| entry.label.category).collect()
    }

    /// Counts what still waits when the time is up. Says what was lost.
    fn give_up(&self) -> Vec<Category> {
        let mut state = self.lock();
        let left = state.queue.drain();
        self.lose(&mut state, DiscardReason::NetworkError, &left);
        left.iter().map(|entry| entry.label.category).collect()
    }

    fn wait_until(&self, began: Instant, timeout: Duration, done: impl Fn(&State<P::Job>) -> bool) -> bool {
        let mut state: MutexGuard<'_, State<P::Job>> = self.lock();
        loop {
            if done(&state) {
                return true;
            }
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return false;
            }
            let left = left.min(Duration::from_secs(3600)); // not every clock can count to the end of time
            state = self.progress.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What was lost at the end, by kind.
fn lost(given_up: &[Category], under_way: &[Category]) -> String {
    let mut text = String::new();
    for (kinds, what) in [(given_up, "lost at the deadline"), (under_way, "left under way")] {
        for (index, kind) in kinds.iter().enumerate() {
            if !kinds[..index].contains(kind) {
                let comma = if text.is_empty() { "" } else { ", " };
                let count = kinds.iter().filter(|other| *other == kind).count();
                let _ = write!(text, "{comma}{count} {kind} {what}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_at_the_end_is_named_by_kind() {
        use Category::{Error, Transaction};
        assert_eq!(
            lost(&[Transaction, Error, Transaction], &[Error]),
            "2 transaction lost at the deadline, 1 error lost at the deadline, 1 error left under way"
        );
    }
}
