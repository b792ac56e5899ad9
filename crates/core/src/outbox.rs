//! The outbox: a bounded queue, one worker that prepares and delivers, flush and close by deadline.
//!
//! ```text
//!  caller ── push ──▶ [queue ≤ capacity] ── worker: prepare ─▶ rate limits ─▶ + report ─▶ deliver ─▶ act on the answer
//!                          │ full                    │ None            │                        │
//!                          └───────────────▶  losses (by reason and category)  ◀────────────────┘
//! ```
//!
//! The caller never waits: a full queue refuses, and the refusal is counted. The worker starts with the first push, so that a
//! client that has nothing to say starts no thread. An item counts against the capacity until it is delivered or lost, so that
//! "full" means what it says while the server is slow.

mod deliver;
mod wait;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use watchpost_protocol::{Category, DiscardReason, Envelope, SdkInfo};

use crate::clock::Clock;
use crate::limits::Limits;
use crate::losses::Losses;
use crate::mute;
use crate::transport::Transport;

/// What turns a queued job into an envelope, on the worker.
pub(crate) trait Prepare: Send + Sync + 'static {
    /// What waits in the queue.
    type Job: Send + 'static;

    /// Makes the envelope; `None` if the job was dropped on the way, which `prepare` itself has counted then.
    fn prepare(&self, job: Self::Job) -> Option<Envelope>;

    /// What is lost if this job is never prepared.
    fn quantities(&self, job: &Self::Job) -> Vec<(Category, u64)>;
}

/// What an outbox is made of, besides its preparer.
pub(crate) struct Wire {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) losses: Arc<Losses>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How many items may wait or be under way.
    pub(crate) capacity: usize,
    /// Whether losses are reported to the server (option `send_client_reports`).
    pub(crate) reports: bool,
    pub(crate) sdk: Arc<SdkInfo>,
}

/// The sending half, shared by every thread that captures.
pub(crate) struct Outbox<P: Prepare> {
    shared: Arc<Shared<P>>,
}

struct Shared<P: Prepare> {
    preparer: P,
    wire: Wire,
    state: Mutex<State<P::Job>>,
    /// Signalled when there is work for a worker that waits.
    work: Condvar,
    /// Signalled when a flush or a close may have come to its end.
    idle: Condvar,
}

struct State<J> {
    queue: VecDeque<J>,
    in_flight: usize,
    worker: Worker,
    rest: Rest,
    /// How many jobs were ever queued, and how many of them the worker has dealt with.
    pushed: u64,
    finished: u64,
    /// For each flush asked for, the number of jobs that have to be finished first: items that come later cannot hold it up.
    flushes: VecDeque<u64>,
    flushes_asked: u64,
    flushes_done: u64,
    closing: bool,
}

impl<J> State<J> {
    /// Asks the worker for a flush of all that is queued now; the answer is due when `flushes_done` reaches the result.
    fn ask_flush(&mut self) -> u64 {
        self.flushes.push_back(self.pushed);
        self.flushes_asked += 1;
        self.flushes_asked
    }
}

/// What the worker does while there is nothing to do. To wake a thread costs the caller some microseconds: more than most of what it
/// captures. So after work it only naps, and looks by itself for what has come meanwhile; a caller wakes it out of a sleep, once.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rest {
    /// None: it works.
    Awake,
    /// For at most [`NAP`].
    Naps,
    /// Until it is woken.
    Sleeps,
}

/// How long after its last work the worker still looks for more by itself; also how late an item may leave, at most.
const NAP: Duration = Duration::from_millis(10);

enum Worker {
    NotStarted,
    Running(Option<ThreadId>),
    Ended,
}

enum Task<J> {
    Send(J),
    /// Everything queued before so many flushes has been dealt with: what is left of them is one report.
    Report(u64),
    Stop,
}

impl<P: Prepare> Outbox<P> {
    pub(crate) fn new(preparer: P, wire: Wire) -> Self {
        let state = State {
            queue: VecDeque::new(),
            in_flight: 0,
            worker: Worker::NotStarted,
            rest: Rest::Awake,
            pushed: 0,
            finished: 0,
            flushes: VecDeque::new(),
            flushes_asked: 0,
            flushes_done: 0,
            closing: false,
        };
        let shared =
            Shared { preparer, wire, state: Mutex::new(state), work: Condvar::new(), idle: Condvar::new() };
        Outbox { shared: Arc::new(shared) }
    }

    /// Queues a job, or counts it as lost. Never waits for the wire. Says whether it was taken.
    pub(crate) fn push(&self, job: P::Job) -> bool {
        let mut state = self.shared.lock();
        if state.closing {
            drop(state);
            // Captures after close do nothing (features K05); this one began before.
            self.shared.count(DiscardReason::QueueOverflow, &[job]);
            return false;
        }
        if state.queue.len() + state.in_flight >= self.shared.wire.capacity {
            drop(state);
            self.shared.count(DiscardReason::QueueOverflow, &[job]);
            crate::debug!("the queue is full ({} items): dropped one", self.shared.wire.capacity);
            return false;
        }
        state.queue.push_back(job);
        state.pushed += 1;
        // A nap is cut short only before the queue is full.
        let urgent = state.queue.len() >= self.shared.wire.capacity / 2;
        self.wake(state, urgent)
    }

    /// Starts the worker, or wakes it if it sleeps; if it is urgent, also if it naps.
    fn wake(&self, mut state: MutexGuard<'_, State<P::Job>>, urgent: bool) -> bool {
        match state.worker {
            Worker::NotStarted => self.start(state),
            Worker::Running(_) => {
                if state.rest == Rest::Sleeps || (urgent && state.rest == Rest::Naps) {
                    state.rest = Rest::Awake; // whoever comes next need not wake it again
                    drop(state);
                    self.shared.work.notify_one();
                }
                true
            }
            Worker::Ended => false,
        }
    }

    fn start(&self, mut state: MutexGuard<'_, State<P::Job>>) -> bool {
        let shared = Arc::clone(&self.shared);
        let spawned = std::thread::Builder::new().name("watchpost".into()).spawn(move || shared.run());
        match spawned {
            Ok(handle) => {
                state.worker = Worker::Running(Some(handle.thread().id()));
                true
            }
            Err(error) => {
                let lost: Vec<_> = state.queue.drain(..).collect();
                state.finished += lost.len() as u64;
                drop(state);
                crate::debug!("the worker thread could not be started: {error}");
                self.shared.count(DiscardReason::InternalSdkError, &lost);
                false
            }
        }
    }
}

impl<P: Prepare> Shared<P> {
    fn lock(&self) -> MutexGuard<'_, State<P::Job>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, reason: DiscardReason, jobs: &[P::Job]) {
        for job in jobs {
            self.wire.losses.record_all(reason, &self.preparer.quantities(job));
        }
    }

    /// The worker: everything that is not the caller's happens here.
    fn run(&self) {
        let _muted = mute::enter();
        let _ends = Ends(self);
        let mut dispatch = deliver::Dispatch::new();
        loop {
            match self.next() {
                Task::Send(job) => {
                    self.send(job, &mut dispatch);
                    self.finish(|state| {
                        state.in_flight -= 1;
                        state.finished += 1;
                    });
                }
                Task::Report(flushes) => {
                    dispatch.report(&self.wire);
                    self.finish(|state| state.flushes_done += flushes);
                }
                Task::Stop => break,
            }
        }
    }

    fn next(&self) -> Task<P::Job> {
        let mut state = self.lock();
        let mut rest = Rest::Naps;
        loop {
            let finished = state.finished;
            let due = state.flushes.iter().take_while(|&&target| target <= finished).count();
            if due > 0 {
                // One report for all: flushes that pile up while the server is stuck must not cost it, and us, a request each.
                state.flushes.drain(..due);
                return Task::Report(due as u64);
            }
            if let Some(job) = state.queue.pop_front() {
                state.in_flight += 1;
                return Task::Send(job);
            }
            if state.closing {
                return Task::Stop;
            }
            state.rest = rest;
            state = match rest {
                Rest::Sleeps => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                _ => self.work.wait_timeout(state, NAP).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.rest = Rest::Awake;
            rest = Rest::Sleeps; // unless there is something to do now
        }
    }

    fn finish(&self, change: impl FnOnce(&mut State<P::Job>)) {
        let mut state = self.lock();
        change(&mut state);
        drop(state);
        self.idle.notify_all();
    }

    /// Prepares a job and delivers what came of it. A panic on the way costs this one item.
    fn send(&self, job: P::Job, dispatch: &mut deliver::Dispatch) {
        let quantities = self.preparer.quantities(&job);
        let prepared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.preparer.prepare(job)));
        match prepared {
            Ok(Some(envelope)) => dispatch.deliver(&self.wire, envelope),
            Ok(None) => {}
            Err(_) => {
                crate::debug!("preparing an item panicked: dropped it");
                self.wire.losses.record_all(DiscardReason::InternalSdkError, &quantities);
            }
        }
    }
}

/// Says that the worker has ended, however it did. One that panicked (in a clock of the program, say) must not leave callers waiting for it:
/// what it had not begun is counted, and nothing is queued behind it any more.
struct Ends<'a, P: Prepare>(&'a Shared<P>);

impl<P: Prepare> Drop for Ends<'_, P> {
    fn drop(&mut self) {
        let mut left = VecDeque::new();
        self.0.finish(|state| {
            state.worker = Worker::Ended;
            state.closing = true;
            left = std::mem::take(&mut state.queue);
        });
        if !left.is_empty() {
            crate::debug!("the worker has failed: {} items were dropped", left.len());
            self.0.count(DiscardReason::InternalSdkError, left.make_contiguous());
        }
    }
}

#[cfg(test)]
mod tests;
