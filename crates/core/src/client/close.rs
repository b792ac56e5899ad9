//! How a client ends, and how somebody waits for what it has to send.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use watchpost_protocol::{DiscardReason, DiscardedEvent, SessionStatus};

use super::{Client, Inner, active};
use crate::hints;
use crate::outbox::Outbox;
use crate::pipeline::{Job, Pipeline};
use crate::profiling::Profiling;
use crate::unharmed::unharmed;

/// How long a flush waits before it says that it waits (`protocol.md` §20.2).
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a flush waits for the developer's own receiver, once everything is sent.
const COPIES: Duration = Duration::from_millis(500);

impl Client {
    /// Waits until everything captured so far is sent or counted as lost and the losses are reported, at most `timeout` (default: the
    /// shutdown timeout). Says whether it was in time. The client stays usable.
    ///
    /// It may be called from any thread, from several at once, and after [`close`](Self::close). In a hook or a transport of this client,
    /// which run on its workers, it returns false at once: a worker cannot wait for itself. While the server cannot be reached nothing is
    /// given up for it: then it waits in vain. With a [`spool`](crate::Options::spool), what is kept there counts as done: it is sent in its own time.
    pub fn flush(&self, timeout: Option<Duration>) -> bool {
        self.flush_with(timeout, |_, _| {})
    }

    /// As [`flush`](Self::flush); if there is still something to send after a tenth of a second, `notice` is told how many items, and the
    /// timeout: a program can say why it does not end yet.
    pub fn flush_with(&self, timeout: Option<Duration>, notice: impl FnOnce(usize, Duration)) -> bool {
        let timeout = timeout.unwrap_or(self.options().shutdown_timeout);
        let Some(outbox) = &self.inner.outbox else { return true };
        let began = Instant::now();
        if let Some(chunk) = self.inner.profiling.as_ref().and_then(Profiling::cut) {
            outbox.push(Job::profile_chunk(chunk));
        }
        let flush = outbox.flush();
        if flush.wait(timeout.min(PATIENCE)) {
            self.wait_for_copies(timeout.saturating_sub(began.elapsed()));
            return true;
        }
        let left = timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            return false;
        }
        notice(outbox.pending(), timeout);
        let flushed = flush.wait(timeout.saturating_sub(began.elapsed()));
        self.wait_for_copies(timeout.saturating_sub(began.elapsed()));
        flushed
    }

    /// A program that ends at once shows what it did, too; a receiver that does not answer delays no end.
    fn wait_for_copies(&self, timeout: Duration) {
        if let Some(tap) = &self.options().tap {
            unharmed(|| tap.wait(timeout.min(COPIES)));
        }
    }

    /// Flushes, reports the last losses, and disables the client. Later captures do nothing. Closing again is harmless. Says whether
    /// everything could be sent or was answered in time.
    ///
    /// What still waits shortly before the time is up is lost as `network_error`, so that there is time to report it. What is under way
    /// then is left to its thread, which reports what becomes of it if the process lives that long. With a [`spool`](crate::Options::spool) nothing
    /// of it is lost: both are kept there for the next process, and what an earlier one has left is sent as long as there is time.
    ///
    /// A session that goes on ends with it. A request that is still served is lost as a session, and counted when it ends.
    ///
    /// A trace that is still open goes, when it ends, to the client that has taken this one's place as the process's own; if there is none, it is
    /// lost, and stands in [`losses`](Self::losses).
    pub fn close(&self, timeout: Option<Duration>) -> bool {
        self.close_with(timeout, |_, _| {})
    }

    /// As [`close`](Self::close), with the notice of [`flush_with`](Self::flush_with).
    pub fn close_with(&self, timeout: Option<Duration>, notice: impl FnOnce(usize, Duration)) -> bool {
        self.inner.end_run();
        let is_first = self.inner.deactivate();
        if is_first {
            hints::ended();
            if self.was_bound() && self.config().wants_traces() {
                hints::closing_a_client_that_traces();
            }
        }
        hints::closing();
        let timeout = timeout.unwrap_or(self.options().shutdown_timeout);
        let Some(outbox) = &self.inner.outbox else { return true };
        let began = Instant::now();
        self.inner.close_batches(outbox);
        if !outbox.flush().wait(timeout.min(PATIENCE)) {
            notice(outbox.pending(), timeout);
        }
        let closed = outbox.close(timeout.saturating_sub(began.elapsed()));
        if let Some(sessions) = &self.inner.sessions {
            sessions.close();
        }
        self.wait_for_copies(timeout.saturating_sub(began.elapsed()));
        if is_first {
            self.inner.say_losses();
        }
        closed
    }
}

impl Inner {
    /// Says, once nobody can tell the server any more, what it does not know of.
    fn say_losses(&self) {
        let one = |line: DiscardedEvent| format!("{} {} ({})", line.quantity, line.category, line.reason);
        let ordinary = |line: &DiscardedEvent| line.reason == DiscardReason::SampleRate;
        let lost: Vec<_> = self.losses.lines().into_iter().filter(|line| !ordinary(line)).map(one).collect();
        if !lost.is_empty() {
            crate::debug!("closed; lost, and no server is known to have been told: {}", lost.join(", "));
        }
    }

    /// The run of the program ends with its client. One that is closed by a panic, on its way out of `main`, has crashed.
    fn end_run(&self) {
        if let Some(sessions) = &self.sessions {
            let panics = std::thread::panicking();
            sessions.end_run(if panics { SessionStatus::Crashed } else { SessionStatus::Exited });
        }
    }

    /// Says whether it was active until now.
    fn deactivate(&self) -> bool {
        let was_active = self.active.swap(false, Ordering::Relaxed);
        if was_active {
            active::leave(&self.config);
        }
        was_active
    }

    /// Queues what waits for others, which will not come any more.
    fn close_batches(&self, outbox: &Outbox<Pipeline>) {
        let chunk = self.profiling.as_ref().and_then(Profiling::end).map(Job::profile_chunk);
        let mut jobs = self.batches.close();
        jobs.extend(chunk);
        for job in jobs {
            outbox.push(job);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end_run();
        self.deactivate();
        // The worker holds the outbox's shared half: it has to be told that nobody will push any more.
        if let Some(outbox) = &self.outbox {
            self.close_batches(outbox);
            outbox.retire();
        }
    }
}
