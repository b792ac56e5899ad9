//! The sessions of one client, as far as they are to be told of: requests as counts, by the minute in which they began; runs by their updates.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use watchpost_protocol::{
    Category, DiscardReason, Item, SessionAggregate, SessionAggregates, SessionAttributes, SessionId,
    SessionStatus, SessionUpdate, Timestamp,
};

use super::{Run, Session};
use crate::clock::Clock;
use crate::home::Home;
use crate::losses::Losses;

/// What happened is told of at most so much later (§12.4).
const INTERVAL: Duration = Duration::from_secs(60);

/// The most minutes that an item may have (§2.6). There are so many only if no worker could be started for as long.
const MOST_MINUTES: usize = 100;

/// The most updates of runs that wait. There are so many only if runs begin and end faster than they can be told of.
const MOST_UPDATES: usize = 1000;

/// So many updates do not wait any longer.
const MANY_UPDATES: usize = 50;

const MINUTE: i64 = 60_000_000;

/// Asks for what is gathered here to be sent within this time.
type Call = Box<dyn Fn(Duration) + Send + Sync>;

pub(crate) struct Ledger {
    attributes: SessionAttributes,
    clock: Arc<dyn Clock>,
    losses: Arc<Losses>,
    state: Mutex<State>,
    call: OnceLock<Call>,
}

struct State {
    home: Home,
    gathered: Gathered,
    /// The run that goes on.
    running: Option<Arc<Session>>,
    /// Somebody was called, and has not come yet.
    called: bool,
    /// Nobody comes any more.
    closed: bool,
}

/// Sessions that are over and wait to be told of.
#[derive(Default)]
pub(crate) struct Gathered {
    minutes: Vec<SessionAggregate>,
    updates: Vec<SessionUpdate>,
}

impl Ledger {
    pub(crate) fn new(attributes: SessionAttributes, clock: Arc<dyn Clock>, losses: Arc<Losses>) -> Self {
        let (gathered, home) = (Gathered::default(), Home::here());
        let state = Mutex::new(State { home, gathered, running: None, called: false, closed: false });
        Ledger { attributes, clock, losses, state, call: OnceLock::new() }
    }

    /// Says whom to call when there is something to send; the first one stays.
    pub(crate) fn on_call(&self, call: impl Fn(Duration) + Send + Sync + 'static) {
        let _ = self.call.set(Box::new(call));
    }

    /// A run begins; the one before it is over.
    pub(crate) fn begin_run(self: &Arc<Self>, id: SessionId, did: Option<String>) -> Arc<Session> {
        let run = Some(Run { id, began: self.clock.monotonic(), process: std::process::id() });
        let session = Arc::new(Session::new(Arc::clone(self), self.clock.now(), run));
        session.set_did(did);
        let before = self.lock_here().running.replace(Arc::clone(&session));
        if let Some(before) = before {
            before.end(SessionStatus::Exited);
        }
        self.call();
        session
    }

    /// The run is over, if there is one.
    pub(crate) fn end_run(&self, status: SessionStatus) {
        let running = self.lock_here().running.take();
        if let Some(running) = running {
            running.end(status);
        }
    }

    /// A request is over.
    pub(super) fn count(&self, started: Timestamp, status: SessionStatus, errored: bool) {
        let minute = Timestamp::from_micros(started.as_micros().div_euclid(MINUTE) * MINUTE);
        let mut state = self.lock();
        if state.home.is_to_be_asked(started) {
            state = self.leave_parent_in(state);
        }
        if state.closed {
            drop(state);
            return self.losses.record(DiscardReason::QueueOverflow, Category::Session, 1);
        }
        let lost = state.gathered.make_room(minute);
        let of_minute = state.gathered.minute(minute);
        *match status {
            SessionStatus::Crashed => &mut of_minute.crashed,
            SessionStatus::Abnormal => &mut of_minute.abnormal,
            SessionStatus::Unhandled => &mut of_minute.unhandled,
            _ if errored => &mut of_minute.errored,
            _ => &mut of_minute.exited,
        } += 1;
        self.call_once(state);
        if lost > 0 {
            self.losses.record(DiscardReason::BufferOverflow, Category::Session, lost);
        }
    }

    /// A run is over, and this is the last that is told of it.
    pub(super) fn note_end(&self, update: SessionUpdate) {
        let mut state = self.lock_here();
        let ended = state.running.take_if(|running| running.run.is_some_and(|run| run.id == update.sid));
        if state.closed || state.gathered.updates.len() >= MOST_UPDATES {
            let reason =
                if state.closed { DiscardReason::QueueOverflow } else { DiscardReason::BufferOverflow };
            drop(state);
            drop(ended);
            return self.losses.record(reason, Category::Session, 1);
        }
        state.gathered.updates.push(update);
        let many = state.gathered.updates.len() >= MANY_UPDATES;
        self.call_once(state);
        if many {
            self.call_within(Duration::ZERO);
        }
        drop(ended); // outside the lock: a session that is dropped looks at its ledger
    }

    /// There is something to send before long.
    pub(super) fn call(&self) {
        self.call_once(self.lock_here());
    }

    fn call_once(&self, mut state: MutexGuard<'_, State>) {
        let called = std::mem::replace(&mut state.called, true);
        drop(state);
        if !called {
            self.call_within(INTERVAL);
        }
    }

    fn call_within(&self, time: Duration) {
        if let Some(call) = self.call.get() {
            call(time);
        }
    }

    /// Whether there is anything to tell of, or will be as soon as what is on its way is through.
    pub(crate) fn is_called(&self) -> bool {
        self.lock_here().called
    }

    /// Forgets what happened before this process was forked: its parent tells of it.
    pub(crate) fn leave_parent(&self) {
        drop(self.lock_here());
    }

    /// The lock, for a caller that may be in another process than before.
    fn lock_here(&self) -> MutexGuard<'_, State> {
        self.leave_parent_in(self.lock())
    }

    fn leave_parent_in<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if !state.home.left() {
            return state;
        }
        let left = (std::mem::take(&mut state.gathered), state.running.take());
        state.called = false;
        drop(state);
        drop(left); // outside the lock: a session that is dropped looks at its ledger
        self.lock()
    }

    /// The client is closed: what was not told of by now is lost, and so are the sessions that have not ended yet.
    pub(crate) fn close(&self) {
        let mut state = self.lock_here();
        state.closed = true;
        let left = std::mem::take(&mut state.gathered);
        drop(state);
        self.losses.record(DiscardReason::QueueOverflow, Category::Session, left.count());
    }

    /// What waits to be told of, besides the news of a run that goes on.
    pub(crate) fn gather(&self) -> Gathered {
        let mut state = self.lock_here();
        state.called = false;
        std::mem::take(&mut state.gathered)
    }

    /// What is told now: what was gathered before, what has come since, and the news of a run that goes on.
    pub(crate) fn items(&self, before: Gathered) -> Vec<Item> {
        let mut all = before.and(self.gather());
        let running = self.lock().running.clone();
        all.updates.extend(running.and_then(|running| running.news()));
        let mut items: Vec<Item> =
            all.updates.iter().filter_map(|update| Item::session(update).ok()).collect();
        for minutes in all.minutes.chunks(MOST_MINUTES) {
            let (attrs, aggregates) = (self.attributes.clone(), minutes.to_vec());
            items.extend(Item::sessions(&SessionAggregates { attrs, aggregates, ..Default::default() }));
        }
        items
    }

    pub(super) fn attributes(&self) -> &SessionAttributes {
        &self.attributes
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time of day, and how long it is since a moment.
    pub(super) fn now_and_since(&self, began: Instant) -> (Timestamp, Duration) {
        (self.clock.now(), self.clock.monotonic().saturating_duration_since(began))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathered {
    /// How many sessions there are.
    pub(crate) fn count(&self) -> u64 {
        self.minutes.iter().map(SessionAggregate::total).sum::<u64>() + self.updates.len() as u64
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        const NAMES: usize = 128;
        size_of::<SessionAggregate>() * self.minutes.capacity()
            + (size_of::<SessionUpdate>() + NAMES) * self.updates.capacity()
    }

    /// Lets the oldest minute go if there are as many as there may be. Says how many sessions that were.
    fn make_room(&mut self, minute: Timestamp) -> u64 {
        let new = self.minutes.iter().all(|known| known.started != minute);
        if new && self.minutes.len() >= MOST_MINUTES { self.minutes.remove(0).total() } else { 0 }
    }

    fn minute(&mut self, minute: Timestamp) -> &mut SessionAggregate {
        // Nearly always it is the last one.
        let at = self.minutes.iter().rposition(|known| known.started == minute).unwrap_or_else(|| {
            self.minutes.push(SessionAggregate { started: minute, ..SessionAggregate::default() });
            self.minutes.len() - 1
        });
        &mut self.minutes[at]
    }

    fn and(mut self, later: Gathered) -> Self {
        for minute in later.minutes {
            let SessionAggregate { exited, errored, abnormal, unhandled, crashed, .. } = minute;
            let sum = self.minute(minute.started);
            sum.exited += exited;
            sum.errored += errored;
            sum.abnormal += abnormal;
            sum.unhandled += unhandled;
            sum.crashed += crashed;
        }
        self.updates.extend(later.updates);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::SystemClock;

    fn ledger() -> (Arc<Ledger>, Arc<Losses>) {
        let losses = Arc::new(Losses::default());
        let ledger = Ledger::new(SessionAttributes::default(), Arc::new(SystemClock), Arc::clone(&losses));
        (Arc::new(ledger), losses)
    }

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn each_session_is_in_one_count_of_its_minute() {
        let (ledger, _) = ledger();
        for (second, status, errored) in [
            (845, SessionStatus::Exited, false),
            (880, SessionStatus::Exited, true),
            (899, SessionStatus::Crashed, true),
            (900, SessionStatus::Exited, false),
        ] {
            ledger.count(seconds(second), status, errored);
        }
        let first = SessionAggregate {
            started: seconds(840),
            exited: 1,
            errored: 1,
            crashed: 1,
            ..Default::default()
        };
        let second = SessionAggregate { started: seconds(900), exited: 1, ..Default::default() };
        assert_eq!(ledger.gather().minutes, [first, second]);
        assert_eq!(ledger.gather().count(), 0);
    }

    #[test]
    fn what_came_while_it_waited_is_added() {
        let (ledger, _) = ledger();
        ledger.count(seconds(0), SessionStatus::Exited, false);
        let before = ledger.gather();
        ledger.count(seconds(1), SessionStatus::Exited, true);
        let items = ledger.items(before);
        let sessions: SessionAggregates = items[0].decode().unwrap();
        assert_eq!((sessions.aggregates[0].exited, sessions.aggregates[0].errored), (1, 1));
        assert_eq!(items.len(), 1);
    }

    #[test]
    fn a_child_tells_of_nothing_that_its_parent_tells_of() {
        let (ledger, _) = ledger();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        ledger.on_call(move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
        ledger.count(seconds(0), SessionStatus::Exited, false);
        ledger.lock().home.be_elsewhere();
        ledger.count(seconds(1), SessionStatus::Exited, true);
        assert_eq!(calls.load(Ordering::Relaxed), 2, "nobody who was called comes");
        let told = ledger.gather();
        assert_eq!((told.count(), told.minutes[0].errored), (1, 1));
        ledger.count(seconds(2), SessionStatus::Exited, false);
        ledger.lock().home.be_elsewhere();
        assert!(!ledger.is_called());
        assert_eq!(ledger.gather().count(), 0);
    }

    #[test]
    fn a_call_is_made_once_for_all_that_comes_before_the_answer() {
        let (ledger, _) = ledger();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        ledger.on_call(move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
        (0..3).for_each(|second| ledger.count(seconds(second), SessionStatus::Exited, false));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        ledger.gather();
        ledger.count(seconds(9), SessionStatus::Exited, false);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn if_nobody_comes_the_oldest_are_let_go_and_counted() {
        let (ledger, losses) = ledger();
        for minute in 0..=MOST_MINUTES as i64 {
            (0..2).for_each(|_| ledger.count(seconds(60 * minute), SessionStatus::Exited, false));
        }
        assert_eq!(ledger.gather().count(), 2 * MOST_MINUTES as u64);
        assert_eq!(losses.lines()[0].quantity, 2);
    }
}
