//! What a worker does: it takes an item, prepares it, lets another prepare, delivers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use watchpost_protocol::{DiscardReason, Envelope};

use super::crew::Rest;
use super::delivery::Answered;
use super::disk::{DiskTask, KeptFirst, OnDisk};
use super::outage::MAX_FAILURES;
use super::queue::{Entry, Label, Load, Priority};
use super::{End, Prepare, Shared, State};
use crate::mute;
use crate::rng::{self, ThreadRng};
use crate::spool::Room;
use crate::unharmed::unharmed;

/// What there is to do.
enum Task<J> {
    Send(Entry<J>),
    /// There is nobody to send it to, or no room for it until there is.
    Keep(Entry<J>),
    Disk(DiskTask),
    /// Everything that a flush waited for is done: what is left of it is a report.
    Report,
    /// It is time to look at what was gathered.
    Gather,
    /// It is the last time.
    GatherLast,
}

enum Next<J> {
    Do(Task<J>),
    Rest(Rest),
    End,
}

impl<P: Prepare> Shared<P> {
    /// A worker's life: everything that is not the caller's happens here.
    pub(super) fn run(self: &Arc<Self>) {
        let _muted = mute::enter();
        self.employ_this_thread();
        self.look_at_processors();
        while let Some(task) = self.next() {
            // Whatever is somebody else's is caught where it is called; a mistake of ours must not cost the worker.
            let done = unharmed(|| match task {
                Task::Send(entry) => self.send(entry),
                Task::Keep(entry) => self.keep_entry(entry),
                Task::Disk(DiskTask::KeepStranded(number, rank, envelope)) => {
                    self.keep_stranded(number, rank, &envelope);
                }
                Task::Disk(DiskTask::Drain) => self.drain(),
                Task::Report => self.report(),
                Task::Gather => self.gather(),
                Task::GatherLast => self.gather_last(),
            });
            if done.is_none() {
                crate::debug!("a worker has failed over an item");
            }
        }
    }

    /// Waits for something to do; `None`: there will be nothing any more.
    fn next(&self) -> Option<Task<P::Job>> {
        let mut state = self.lock();
        let mut napped = false;
        loop {
            match state.next(|| self.has_news()) {
                Next::Do(task) => {
                    let can_wait = state.can_wait(&task);
                    drop(state);
                    if can_wait {
                        self.give_way();
                    }
                    return Some(task);
                }
                Next::Rest(rest @ (Rest::Sleep | Rest::Doze(_))) => {
                    state = self.rest(state, if napped { rest } else { Rest::Nap })?;
                    napped = true; // unless there is something to do now
                }
                Next::Rest(rest) => state = self.rest(state, rest)?,
                Next::End => {
                    self.leave(state);
                    return None;
                }
            }
        }
    }

    /// Prepares what was taken, and delivers what came of it.
    fn send(self: &Arc<Self>, entry: Entry<P::Job>) {
        self.take_turn(entry);
        self.report_if_overdue();
    }

    fn take_turn(self: &Arc<Self>, mut entry: Entry<P::Job>) {
        let mut turn = Turn { shared: self, number: entry.number, began: None };
        let load = std::mem::replace(&mut entry.load, Load::Sealed(Arc::default()));
        let Some(envelope) = self.seal(load, &entry) else { return };
        let (claim, _draining) = match self.keep_first(&envelope, &entry.label) {
            KeptFirst::No => (None, None),
            KeptFirst::Mine(claim, draining) => (Some(claim), Some(draining)),
            KeptFirst::ForLater => return,
        };
        turn.hand_on();
        if claim.is_none() {
            self.note_departure(&entry, &envelope);
        }
        let answered = self.deliver(envelope);
        let copy = match claim {
            Some(claim) => OnDisk::Kept(claim),
            None => self.lock().disk.lands(entry.number, !matches!(answered, Answered::Unreachable(_))),
        };
        match answered {
            Answered::Settled => self.lock().outage.over(Instant::now()),
            Answered::NothingLeft => {}
            Answered::Unreachable(envelope) => {
                let kept = matches!(copy, OnDisk::Kept(_) | OnDisk::Writing(_));
                return self.not_delivered(entry, envelope, kept, turn);
            }
        }
        copy.settle();
    }

    /// There was no answer: it is for another try, or for the disk, if it is not there.
    fn not_delivered(
        &self,
        mut entry: Entry<P::Job>,
        envelope: Arc<Envelope>,
        kept: bool,
        mut turn: Turn<'_, P>,
    ) {
        let now = Instant::now();
        let mut state = self.lock();
        state.outage.failed(turn.began.unwrap_or(now), now, rng::sample_rand(&ThreadRng));
        if kept {
            return;
        }
        entry.failures += 1;
        // At the end there is no time for another try: who is offline should not have to wait for nothing.
        if entry.failures < MAX_FAILURES && state.end == End::Open {
            state.queue.put_back(entry, envelope);
            turn.number = u64::MAX; // it is not finished
        } else {
            drop(state);
            self.keep_or_lose(&entry.label, &envelope);
        }
    }

    /// Prepares what was taken, and keeps what came of it.
    fn keep_entry(self: &Arc<Self>, mut entry: Entry<P::Job>) {
        let mut turn = Turn { shared: self, number: entry.number, began: None };
        let load = std::mem::replace(&mut entry.load, Load::Sealed(Arc::default()));
        let Some(envelope) = self.seal(load, &entry) else { return };
        if self.lock().disk.is_called() {
            self.keep_or_lose(&entry.label, &envelope);
        } else if self.keep(&envelope, entry.label.rank(), Room::Find).is_err() {
            self.lock().queue.put_back(entry, envelope);
            turn.number = u64::MAX; // it is not finished
        }
    }

    /// What nobody would take, and the disk will not either, is lost.
    fn keep_or_lose(&self, label: &Label, envelope: &Envelope) {
        if let Err(reason) = self.keep(envelope, label.rank(), Room::Make) {
            self.wire.lose(reason, &envelope.items);
        }
    }

    /// The envelope of what was queued; `None` if nothing is to be sent. A panic on the way costs this one item.
    fn seal(&self, load: Load<P::Job>, entry: &Entry<P::Job>) -> Option<Arc<Envelope>> {
        let job = match load {
            Load::Sealed(envelope) => return Some(envelope),
            Load::Job(job) => job,
        };
        let quantities = self.preparer.quantities(&job);
        let lose = |reason| self.wire.losses.record_all(reason, &quantities);
        // What counts for nothing is not for the server, and its limits do not concern it.
        let counts = quantities.iter().any(|(_, quantity)| *quantity > 0);
        if counts && self.wire.is_limited(entry.label.category) {
            lose(DiscardReason::RatelimitBackoff);
            unharmed(|| self.preparer.refused(job));
            return None;
        }
        let mut rest = None;
        let prepared = unharmed(|| self.preparer.prepare(job, &mut rest)).unwrap_or_else(|| {
            crate::debug!("preparing an item panicked: dropped it");
            lose(DiscardReason::InternalSdkError);
            None
        });
        if let Some(rest) = rest {
            self.add(rest, Some(entry.number));
        }
        prepared.map(Arc::new)
    }

    /// Queues what comes of something that came in time, also in the end; who waits for the job that it is the rest of waits for it, too.
    pub(super) fn add(&self, job: P::Job, rest_of: Option<u64>) {
        let label = self.preparer.label(&job);
        let mut state = self.lock();
        let number = state.queue.pushed();
        let (taken, dropped) = state.queue.take_in(label, job);
        if let (true, Some(first)) = (taken, rest_of) {
            state.tickets.go_on(first, number);
        }
        self.lose(&mut state, DiscardReason::QueueOverflow, &dropped);
        drop(state);
        if !dropped.is_empty() {
            self.overflow(false);
        }
    }

    /// Sends a report if none was sent for long, because there was nothing that it could ride on.
    fn report_if_overdue(&self) {
        if self.report_is_overdue() && !std::mem::replace(&mut self.lock().reporting, true) {
            self.report();
        }
    }

    /// Sends a report of its own, and ends the flushes that waited for nothing else.
    fn report(&self) {
        let mut state = self.lock();
        state.crew.departs(Instant::now());
        let served = Served { shared: self, flushes: state.tickets.due() };
        drop(state);
        self.deliver_report();
        drop(served);
    }
}

impl<J> State<J> {
    /// What a worker that has nothing under way does next. `news` says whether there are losses to report.
    fn next(&mut self, news: impl FnOnce() -> bool) -> Next<J> {
        let keeps = self.is_to_be_kept() && !self.crew.preparing && !self.sends_first();
        if keeps && let Some(entry) = self.queue.take_least_important() {
            (self.crew.preparing, self.disk.kept_last) = (true, true);
            return Next::Do(Task::Keep(entry));
        }
        if let Some(task) = self.disk_task() {
            return Next::Do(Task::Disk(task));
        }
        let done = self.end == End::Closing && self.is_empty();
        if done && !std::mem::replace(&mut self.gathered_last, true) {
            return Next::Do(Task::GatherLast);
        }
        if !self.reporting && (self.tickets.are_due() || self.has_last_words(news)) {
            self.reporting = true;
            return Next::Do(Task::Report);
        }
        if self.end == End::Open && self.gathering.is_due() {
            return Next::Do(Task::Gather);
        }
        if self.queue.waiting() == 0 {
            self.said_full = false;
            // In the end the last to leave is the one that reports: whatever is lost is lost before.
            let in_hand = self.gathering.in_hand() > 0;
            return match (self.end, self.until_drain()) {
                (End::Open, None) => Next::Rest(Rest::Sleep),
                (End::Open, Some(pause)) => Next::Rest(Rest::Doze(pause)),
                (End::Closing, _) if in_hand => Next::Rest(Rest::Nap),
                _ => Next::End,
            };
        }
        if self.crew.preparing {
            return Next::Rest(Rest::Nap);
        }
        if !self.crew.may_deliver() {
            return Next::Rest(Rest::Sleep); // this one is there for the disk alone
        }
        if let Some(pause) = self.pause() {
            return Next::Rest(Rest::Pause(pause));
        }
        self.disk.kept_last = false;
        match self.queue.take(self.tickets.awaited()) {
            Some(entry) => {
                self.crew.preparing = true;
                Next::Do(Task::Send(entry))
            }
            // All that waits has to wait for others of its key, and who delivers those looks afterwards.
            None => Next::Rest(Rest::Sleep),
        }
    }

    /// Whether nobody is in a hurry for it.
    fn can_wait(&self, task: &Task<J>) -> bool {
        let calm = self.end == End::Open && self.tickets.is_empty();
        calm && matches!(task, Task::Send(entry) if entry.label.priority >= Priority::Trace)
    }

    /// Whether nothing waits, or is under way, or will be queued by somebody who has it in hand.
    fn is_empty(&self) -> bool {
        self.queue.len() == 0 && self.gathering.in_hand() == 0
    }

    /// How long nothing may be sent, because there is nobody to send to. In the end there is no time for that.
    pub(super) fn pause(&self) -> Option<Duration> {
        if self.end == End::Open { self.outage.pause(Instant::now) } else { None }
    }

    /// Whether it is time for a last report: nothing is left that could be lost, or there is no time to wait for that.
    fn has_last_words(&mut self, news: impl FnOnce() -> bool) -> bool {
        let alone = self.is_empty() && self.crew.threads() == 1;
        let then = match self.end {
            End::Closing if alone => End::Silent,
            End::CutShort => End::Closing, // and a last one of what is lost until the end, if there ever is one
            _ => return false,
        };
        let news = news();
        if news {
            self.end = then;
        }
        news
    }
}

/// The flushes that a report is the end of, however it ends.
struct Served<'a, P: Prepare> {
    shared: &'a Shared<P>,
    flushes: Vec<u64>,
}

impl<P: Prepare> Drop for Served<'_, P> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.reporting = false;
        state.crew.returns();
        state.tickets.serve(&self.flushes);
        drop(state);
        self.shared.progress.notify_all();
    }
}

/// A worker's turn: from taking an item to its end. However it ends, the others go on.
struct Turn<'a, P: Prepare> {
    shared: &'a Arc<Shared<P>>,
    /// Of the item; the highest there is: it was put back.
    number: u64,
    /// When its delivery began; before that it is being prepared.
    began: Option<Instant>,
}

impl<P: Prepare> Turn<'_, P> {
    /// What was taken is prepared: now another may prepare.
    fn hand_on(&mut self) {
        let now = Instant::now();
        self.began = Some(now);
        let mut state = self.shared.lock();
        state.crew.preparing = false;
        state.crew.departs(now);
        state.outage.try_now(now);
        if state.queue.is_ready() {
            self.shared.attend(state, false);
        }
    }
}

impl<P: Prepare> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.queue.release(self.number);
        state.tickets.finish(self.number);
        match self.began {
            Some(began) => state.crew.returns_after(began.elapsed()),
            None => state.crew.preparing = false,
        }
        let waited_for = !state.tickets.is_empty();
        drop(state);
        if waited_for {
            self.shared.progress.notify_all();
        }
    }
}
