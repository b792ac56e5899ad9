//! Who works: when a worker is started, called, rests and ends.
//!
//! To wake a thread costs the caller some microseconds: more than most of what it captures. So after work a worker only naps, and looks by
//! itself for what has come meanwhile; it is called out of a sleep, once. Another worker is started where items wait while all are
//! delivering; where deliveries take next to no time, a second one is enough, if there is a processor for it.
//!
//! A worker that sends what can wait gives way to the program's own threads from then on.

use std::cell::Cell;
use std::num::NonZero;
use std::sync::{Arc, Condvar, LazyLock, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use watchpost_protocol::DiscardReason;

use super::{End, Prepare, Shared, State};
use crate::background;

/// How long after its last work a worker still looks for more by itself; also how late an item may leave, at most.
const NAP: Duration = Duration::from_millis(10);

/// How long a worker that is not the only one waits for more before it ends.
const LINGER: Duration = Duration::from_secs(5);

/// A delivery that takes longer is worth a worker of its own.
const SLOW: Duration = Duration::from_millis(1);

/// More workers than this, or than there are processors, need slow deliveries.
const FEW: usize = 2;

thread_local! {
    /// The outbox that this thread works for, by the address of what its workers share; zero: none.
    static EMPLOYER: Cell<usize> = const { Cell::new(0) };

    /// Whether this worker gives way to the program's threads.
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
}

/// The workers of an outbox, as a count.
#[derive(Debug)]
pub(super) struct Crew {
    most: usize,
    /// How many there may be while deliveries take next to no time: one until the first has looked.
    few: usize,
    /// How many there are.
    threads: usize,
    /// Whether one of them has taken an item to prepare: it sees to what else waits when it is done.
    pub(super) preparing: bool,
    /// How many wait for the wire.
    delivering: usize,
    naps: Rests,
    sleeps: Rests,
    /// How long the last delivery took; `None`: nobody knows yet.
    last: Option<Duration>,
    /// When a delivery last began or ended.
    moved: Option<Instant>,
}

/// Workers that rest in one of the two ways.
#[derive(Debug, Default)]
struct Rests {
    resting: usize,
    /// Those of them that were called and are not up yet: whoever comes next need not call them again.
    called: usize,
}

/// How a worker rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// For a moment, to look by itself then: after work, and while another prepares.
    Nap,
    /// Until it is called.
    Sleep,
    /// Until it is called, or there is something to look at on the disk.
    Doze(Duration),
    /// Until it is called, or for so long.
    Pause(Duration),
}

impl Crew {
    pub(super) fn new(most: usize) -> Self {
        Crew {
            most,
            few: 1,
            threads: 0,
            preparing: false,
            delivering: 0,
            naps: Rests::default(),
            sleeps: Rests::default(),
            last: None,
            moved: None,
        }
    }

    /// In a test: one more than there is.
    #[cfg(test)]
    pub(super) fn add(&mut self) {
        self.threads += 1;
    }

    /// How many workers there are.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// A delivery begins.
    pub(super) fn departs(&mut self, now: Instant) {
        self.delivering += 1;
        self.moved = Some(now);
    }

    /// One has ended.
    pub(super) fn returns(&mut self) {
        self.delivering -= 1;
        self.moved = Some(Instant::now());
    }

    /// One has ended that says how long they take.
    pub(super) fn returns_after(&mut self, took: Duration) {
        self.returns();
        self.last = Some(took);
    }

    /// Whether deliveries take long enough to be made in parallel, or one is stuck.
    fn is_slow(&self) -> bool {
        self.last.is_none_or(|took| took >= SLOW) || self.moved.is_none_or(|moved| moved.elapsed() > NAP)
    }

    /// Whether nobody is about to look at what waits: one that prepares does afterwards, and so does one that is up and not delivering.
    fn is_away(&self) -> bool {
        let busy = self.delivering + self.naps.resting + self.sleeps.resting;
        !self.preparing && self.threads <= busy
    }

    fn may_grow(&self) -> bool {
        self.threads < self.most && (self.threads < self.few || self.is_slow())
    }

    /// Whether one more delivery may begin: not if this worker is the one that is there for the disk alone.
    pub(super) fn may_deliver(&self) -> bool {
        self.delivering < self.most
    }
}

impl Rests {
    /// Takes one of those who rest to be called.
    fn call(&mut self) -> bool {
        let somebody = self.resting > 0;
        if somebody {
            (self.resting, self.called) = (self.resting - 1, self.called + 1);
        }
        somebody
    }

    /// One is up again. Which one does not matter: as many are called as were.
    fn rise(&mut self) {
        match self.called {
            0 => self.resting = self.resting.saturating_sub(1),
            _ => self.called -= 1,
        }
    }
}

impl<P: Prepare> Shared<P> {
    /// Sees to it that somebody looks at what waits; at once, if it is urgent.
    pub(super) fn attend(self: &Arc<Self>, mut state: MutexGuard<'_, State<P::Job>>, urgent: bool) {
        let to_keep = state.is_to_be_kept();
        if state.pause().is_some() && !to_keep {
            return; // whoever found out that there is nobody to send to looks when the pause is over
        }
        let crew = &mut state.crew;
        if !crew.is_away() || (crew.naps.resting > 0 && !urgent) {
            return;
        }
        if crew.naps.call() {
            drop(state);
            self.napping.notify_one();
        } else if crew.sleeps.call() {
            drop(state);
            self.sleeping.notify_one();
        } else if crew.may_grow() || (to_keep && crew.threads <= crew.most) {
            self.grow(state);
        }
    }

    /// Sees to it that there is a worker, and that one which sleeps looks how long it may.
    pub(super) fn rouse(self: &Arc<Self>, mut state: MutexGuard<'_, State<P::Job>>) {
        if state.crew.threads == 0 {
            self.grow(state);
        } else if state.crew.sleeps.call() {
            drop(state);
            self.sleeping.notify_one();
        }
    }

    /// Starts a worker. If there is none then, nobody will ever send what waits: it is lost.
    pub(super) fn grow(self: &Arc<Self>, mut state: MutexGuard<'_, State<P::Job>>) {
        state.crew.threads += 1;
        drop(state);
        let shared = Arc::clone(self);
        let gives_way = GIVES_WAY.get(); // a thread begins with the priority of the one that starts it
        let work = move || {
            GIVES_WAY.set(gives_way);
            shared.run();
        };
        if let Err(error) = background::start("watchpost", Box::new(work)) {
            crate::debug!("a worker thread could not be started: {error}");
            let mut state = self.lock();
            state.crew.threads -= 1;
            let lost = if state.crew.threads == 0 { state.queue.drain() } else { Vec::new() };
            self.lose(&mut state, DiscardReason::InternalSdkError, &lost);
            drop(state);
            self.progress.notify_all();
        }
    }

    /// Calls everybody: there is an end to prepare for.
    pub(super) fn call_all(&self) {
        self.napping.notify_all();
        self.sleeping.notify_all();
    }

    /// Lets a worker rest. `None`: nobody has needed it for so long that it is taken off the crew.
    pub(super) fn rest<'a>(
        &self,
        mut state: MutexGuard<'a, State<P::Job>>,
        rest: Rest,
    ) -> Option<MutexGuard<'a, State<P::Job>>> {
        if rest == Rest::Nap {
            state.crew.naps.resting += 1;
            let (mut state, _) = wait(&self.napping, state, Some(NAP));
            state.crew.naps.rise();
            return Some(state);
        }
        let timeout = match rest {
            Rest::Pause(pause) => Some(pause),
            _ => {
                let doze = if let Rest::Doze(pause) = rest { Some(pause) } else { None };
                let linger = (state.crew.threads > 1).then_some(LINGER);
                doze.into_iter().chain(linger).chain(state.gathering.left()).min()
            }
        };
        state.crew.sleeps.resting += 1;
        let (mut state, expired) = wait(&self.sleeping, state, timeout);
        state.crew.sleeps.rise();
        let lingered = expired && timeout == Some(LINGER) && !matches!(rest, Rest::Pause(_));
        let idle = lingered && state.queue.waiting() == 0 && state.end == End::Open;
        if idle && state.crew.threads > 1 {
            state.crew.threads -= 1;
            return None;
        }
        Some(state)
    }

    /// Takes a worker that has nothing to do any more off the crew.
    pub(super) fn leave(&self, mut state: MutexGuard<'_, State<P::Job>>) {
        state.crew.threads -= 1;
        drop(state);
        self.progress.notify_all();
        self.call_all(); // who slept because another had to go first has nothing to wait for, either
    }

    /// Lets the program's threads go before this one, if it does not already.
    pub(super) fn give_way(&self) {
        if self.wire.gives_way && !GIVES_WAY.replace(true) {
            background::give_way();
        }
    }

    /// Whether this thread is one of the workers: what a hook or the transport calls on it cannot wait for them.
    pub(super) fn employs_this_thread(&self) -> bool {
        EMPLOYER.with(Cell::get) == self.address()
    }

    /// Makes this thread one of the workers, to its end.
    pub(super) fn employ_this_thread(&self) {
        EMPLOYER.with(|employer| employer.set(self.address()));
    }

    /// Finds out how many workers may run at once. It is asked by a worker, since it costs some files to read, and by one of the process.
    pub(super) fn look_at_processors(&self) {
        static PROCESSORS: LazyLock<usize> =
            LazyLock::new(|| available_parallelism().map_or(FEW, NonZero::get));
        let few = FEW.min(*PROCESSORS); // before the lock
        self.lock().crew.few = few;
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// Waits to be called, or until the time is up: says whether it is.
fn wait<'a, T>(
    called: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: Option<Duration>,
) -> (MutexGuard<'a, T>, bool) {
    match timeout {
        None => (called.wait(guard).unwrap_or_else(PoisonError::into_inner), false),
        Some(timeout) => {
            let (guard, waited) = called.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
            (guard, waited.timed_out())
        }
    }
}
