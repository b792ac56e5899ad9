//! The outbox: a bounded queue, workers that prepare and deliver, flush and close by deadline.
//!
//! ```text
//!  caller ── push ──▶ [ queue: crash ▸ error ▸ status ▸ trace ▸ record ] ── one at a time ──▶ prepare ──┐
//!                │      │ full            ▲                                  │ limited, None, panic     │ several at once
//!                │      ▼                 │ unreachable, at most twice       ▼                          ▼
//!  worse and ◀── health │                 └────────────────────────── losses ◀── act on ◀── deliver, with a report
//!  fewer traces         └─────────────────────────────────────────────▶ │      the answer        now and then
//!                                                                       └──▶ report: every half minute, at flush, at close
//! ```
//!
//! The caller never waits: a full queue drops what matters least, and what it drops is counted. An item counts against the bounds until it
//! is delivered or lost, so that "full" means what it says while the server is slow.
//!
//! Workers are all alike. Whoever has no delivery under way prepares the next item, one worker at a time, and then delivers it beside the
//! others: so nothing prepared waits for a thread, nobody is woken for an item, and hooks never run in parallel. The first worker starts with
//! the first push, the others as long as items wait while all are delivering; they end when there is nothing to do for a while.
//!
//! One lock guards it all, and no code of anybody else runs under it.

mod crew;
mod delivery;
mod disk;
mod fork;
mod gather;
mod health;
mod hold;
mod outage;
mod queue;
mod report;
mod wait;
mod worker;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use watchpost_protocol::{Category, DiscardReason, Envelope, SdkInfo, Timestamp};

use crate::clock::Clock;
use crate::home::Home;
use crate::limits::Limits;
use crate::losses::Losses;
use crate::spool::Spool;
use crate::transport::Transport;

use self::crew::Crew;
use self::delivery::Outcry;
use self::disk::Disk;
use self::gather::Gathering;
pub(crate) use self::health::{Health, Pressure};
use self::outage::Outage;
pub(crate) use self::queue::{Bounds, Label, Priority};
use self::queue::{Entry, Load, Queue};
use self::report::Reports;
use self::wait::Tickets;

/// What turns a queued job into an envelope, on a worker.
pub(crate) trait Prepare: Send + Sync + 'static {
    /// What waits in the queue.
    type Job: Send + 'static;

    /// What the outbox has to know of a job. It is asked on the caller: no more than a look at numbers that are there.
    fn label(&self, job: &Self::Job) -> Label;

    /// Makes the envelope; `None` if the job was dropped on the way, which `prepare` itself has counted then. What an envelope has no room for
    /// is left in `rest`, a job that comes next.
    fn prepare(&self, job: Self::Job, rest: &mut Option<Self::Job>) -> Option<Envelope>;

    /// A rate limit refuses a job, which is counted: who watches beside the server may see it nevertheless.
    fn refused(&self, _job: Self::Job) {}

    /// What is lost if this job is never prepared.
    fn quantities(&self, job: &Self::Job) -> Vec<(Category, u64)>;

    /// What was gathered beside the queue, as jobs that send it: asked when it is time, at a flush and at a close.
    fn gathered(&self) -> Vec<Self::Job> {
        Vec::new()
    }

    /// Forgets what was gathered before this process was forked: it is the parent's to send.
    fn leave_parent(&self) {}
}

/// What an outbox is made of, besides its preparer.
pub(crate) struct Wire {
    pub(crate) transport: Arc<dyn Transport>,
    /// Where what the transport cannot deliver is kept; `None`: it is lost.
    pub(crate) spool: Option<Arc<dyn Spool>>,
    pub(crate) losses: Arc<Losses>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) health: Arc<Health>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How much may wait or be under way.
    pub(crate) bounds: Bounds,
    /// How many envelopes may be under way at once.
    pub(crate) max_in_flight: usize,
    /// Whether workers that send what can wait give way to the program's threads (option `lower_worker_priority`).
    pub(crate) gives_way: bool,
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
    reports: Mutex<Reports>,
    outcry: Mutex<Outcry>,
    /// Where workers wait that look by themselves before long.
    napping: Condvar,
    /// Where they wait until they are called.
    sleeping: Condvar,
    /// Signalled when a flush or a close may have come to its end.
    progress: Condvar,
}

struct State<J> {
    queue: Queue<J>,
    crew: Crew,
    outage: Outage,
    gathering: Gathering,
    disk: Disk,
    /// The flushes that are waited for.
    tickets: Tickets,
    /// Whether a report of its own is under way: one at a time, so that a flush does not end before the report that it asked for.
    reporting: bool,
    /// Whether it was said that the queue is full: once for each time that it is.
    said_full: bool,
    end: End,
    /// Whether somebody has looked at what was gathered since.
    gathered_last: bool,
    /// The process that the workers are in.
    home: Home,
}

/// How far the outbox is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It takes jobs.
    Open,
    /// It takes no more, and delivers what it has.
    Closing,
    /// Time is nearly up: what waited was counted, to be reported as long as there is time.
    CutShort,
    /// The last words are said, or nobody wants them: workers only end.
    Silent,
}

impl<P: Prepare> Outbox<P> {
    pub(crate) fn new(preparer: P, wire: Wire) -> Self {
        let state = State {
            queue: Queue::new(wire.bounds, Arc::clone(&wire.health)),
            crew: Crew::new(wire.max_in_flight),
            outage: Outage::default(),
            gathering: Gathering::default(),
            disk: Disk::new(wire.spool.is_some()),
            tickets: Tickets::default(),
            reporting: false,
            said_full: false,
            end: End::Open,
            gathered_last: false,
            home: Home::here(),
        };
        let outbox = Outbox {
            shared: Arc::new(Shared {
                preparer,
                wire,
                state: Mutex::new(state),
                reports: Mutex::default(),
                outcry: Mutex::default(),
                napping: Condvar::new(),
                sleeping: Condvar::new(),
                progress: Condvar::new(),
            }),
        };
        let shared = &outbox.shared;
        if shared.wire.spool.is_some() {
            shared.grow(shared.lock()); // to look what an earlier process has left
        }
        outbox
    }

    /// Queues a job, or counts it as lost. Never waits for the wire. Says whether it was taken.
    pub(crate) fn push(&self, job: P::Job) -> bool {
        self.shared.push_of(job, None)
    }

    /// How many items wait or are under way.
    pub(crate) fn pending(&self) -> usize {
        self.shared.lock().queue.len()
    }
}

impl<P: Prepare> Shared<P> {
    fn lock(&self) -> MutexGuard<'_, State<P::Job>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job, which may be a part of what somebody had in hand.
    fn push_of(self: &Arc<Self>, job: P::Job, hand: Option<u64>) -> bool {
        let label = self.preparer.label(&job);
        let mut state = self.lock_to_push(label.priority);
        let in_time = hand.is_some() && state.crew.threads() > 0;
        if state.end > End::Open && !in_time {
            drop(state);
            // Captures after close do nothing (features K05); this one began before.
            self.wire.losses.record_all(DiscardReason::QueueOverflow, &self.preparer.quantities(&job));
            return false;
        }
        let number = state.queue.pushed();
        let (taken, dropped) = state.queue.take_in(label, job);
        if let (true, Some(hand)) = (taken, hand) {
            state.tickets.go_on(hand, number);
        }
        let full = !dropped.is_empty();
        let say = full && !std::mem::replace(&mut state.said_full, full);
        self.lose(&mut state, DiscardReason::QueueOverflow, &dropped);
        let urgent = state.queue.is_half_full(); // a nap is cut short only before the queue is full
        self.attend(state, urgent);
        if full {
            self.overflow(say);
        }
        taken
        // What was dropped is freed here: its destructors may be the program's.
    }

    /// Counts what was taken out of the queue to be dropped. Under the lock, so that whoever sees that it is gone finds it counted.
    fn lose(&self, state: &mut State<P::Job>, reason: DiscardReason, dropped: &[Entry<P::Job>]) {
        for entry in dropped {
            self.wire.losses.record_all(reason, &self.quantities(&entry.load));
            state.tickets.finish(entry.number);
        }
    }

    /// What is lost with a load.
    fn quantities(&self, load: &Load<P::Job>) -> Vec<(Category, u64)> {
        match load {
            Load::Job(job) => self.preparer.quantities(job),
            Load::Sealed(envelope) => envelope.items.iter().flat_map(|item| item.losses()).collect(),
        }
    }

    /// Something was dropped because the queue was full.
    fn overflow(&self, say: bool) {
        self.wire.health.overflowed(&self.wire.limits, self.wire.now());
        if say {
            let Bounds { items, bytes } = self.wire.bounds;
            crate::debug!(
                "the queue is full (it takes {items} items and {bytes} bytes): the least important items are dropped and counted"
            );
        }
    }
}

impl Wire {
    fn now(&self) -> Instant {
        self.clock.monotonic()
    }

    fn time_of_day(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether nothing of a category may be sent now. What is counted by items and by bytes is limited by either (§3.3).
    fn is_limited(&self, category: Category) -> bool {
        let by_the_other = match category {
            Category::LogItem => Some(Category::LogByte),
            Category::TraceMetric => Some(Category::TraceMetricByte),
            Category::Attachment => Some(Category::AttachmentItem),
            _ => None,
        };
        [Some(category), by_the_other]
            .into_iter()
            .flatten()
            .any(|it| self.limits.is_limited(it, || self.now()))
    }
}

#[cfg(test)]
mod tests;
