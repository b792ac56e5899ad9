//! When the program is profiled, and what is linked with what (`protocol.md` §13).
//!
//! Either of transactions, some of which carry a profile of their own (version 1, `profiles_sample_rate`), or of the process as a whole, in
//! chunks (version 2, `profile_session_sample_rate`): then transactions only say which run of the profiler saw them.

mod payload;
mod run;
mod transaction;

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use watchpost_protocol::ProfileId;

use crate::clock::Clock;
use crate::profiler::{Profiler, Recording, StackSample};
use crate::rng::{self, Rng};
use crate::sampling::SampleRate;
use crate::unharmed::unharmed;

use self::payload::Written;
pub(crate) use self::payload::{Program, WriteProfile};
pub(crate) use self::run::Chunk;
use self::run::Run;
pub(crate) use self::transaction::{Profiled, TransactionRecording, Unprofiled};

/// When the program is profiled by chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfileLifecycle {
    /// From `profiler::start` to `profiler::stop`.
    #[default]
    Manual,
    /// While a sampled transaction is open. Then `start` and `stop` do nothing.
    Trace,
}

/// A profiler that was plugged in, and what is made of what it sees: a program without one does not have that linked in.
#[derive(Clone)]
pub(crate) struct Plug {
    pub(crate) profiler: Arc<dyn Profiler>,
    pub(crate) chunk: fn(&Chunk, &Program<'_>) -> Option<Written>,
    pub(crate) profile: fn(&TransactionRecording, &Program<'_>) -> Option<WriteProfile>,
}

impl Plug {
    pub(crate) fn new(profiler: impl Profiler) -> Self {
        Plug { profiler: Arc::new(profiler), chunk: payload::chunk, profile: payload::profile }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Relative to sampled transactions.
    pub(crate) of_transactions: Option<SampleRate>,
    pub(crate) of_sessions: Option<SampleRate>,
    pub(crate) lifecycle: ProfileLifecycle,
    /// How long a chunk may become.
    pub(crate) chunk: Duration,
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted {
            of_transactions: None,
            of_sessions: None,
            lifecycle: ProfileLifecycle::default(),
            chunk: Duration::from_secs(60),
        }
    }
}

/// Asks for a look at what is gathered, within a time.
type Call = Box<dyn Fn(Duration) + Send + Sync>;

/// The profiling of one client.
pub(crate) struct Profiling {
    plug: Plug,
    wanted: Wanted,
    /// Whether this session is profiled, in chunks: the dice are thrown once.
    session: bool,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    state: Mutex<State>,
    call: OnceLock<Call>,
    /// How many transactions are profiled now.
    transactions: AtomicUsize,
    said_unavailable: OnceLock<()>,
}

#[derive(Default)]
struct State {
    run: Option<Run>,
    /// How many sampled transactions are open, if that matters.
    open: usize,
}

impl Profiling {
    pub(crate) fn new(plug: Plug, wanted: Wanted, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Arc<Self> {
        let session = wanted.of_sessions.is_some_and(|rate| rate.keeps(rng::sample_rand(&*rng)));
        let above_zero = |rate: Option<SampleRate>| rate.is_some_and(|rate| rate.get() > 0.0);
        let ignored = above_zero(wanted.of_transactions) && above_zero(wanted.of_sessions);
        if ignored {
            crate::debug!("profiles_sample_rate is set: profile_session_sample_rate is ignored");
        }
        Arc::new(Profiling {
            plug,
            wanted,
            session: session && !ignored,
            clock,
            rng,
            state: Mutex::default(),
            call: OnceLock::new(),
            transactions: AtomicUsize::new(0),
            said_unavailable: OnceLock::new(),
        })
    }

    /// Says whom to call when a chunk is to be sent before long; the first one stays.
    pub(crate) fn on_call(&self, call: impl Fn(Duration) + Send + Sync + 'static) {
        let _ = self.call.set(Box::new(call));
    }

    pub(crate) fn plug(&self) -> &Plug {
        &self.plug
    }

    /// Begins to profile by hand; nothing happens if that is done already (features P01).
    pub(crate) fn start(self: &Arc<Self>) {
        if self.is_by_hand() {
            self.run();
        }
    }

    /// Ends what was begun by hand. What there is to send is the last chunk of the run (features P02).
    pub(crate) fn stop(self: &Arc<Self>) -> Option<Chunk> {
        if self.is_by_hand() { self.end() } else { None }
    }

    /// Ends whatever goes on.
    pub(crate) fn end(self: &Arc<Self>) -> Option<Chunk> {
        let mut run = self.lock().run.take()?;
        run.pause();
        run.has_news().then(|| run.cut(self, self.clock.monotonic(), self.new_id()))
    }

    fn is_by_hand(&self) -> bool {
        let by_hand = self.wanted.lifecycle == ProfileLifecycle::Manual;
        if !by_hand {
            crate::debug!("profile_lifecycle is \"trace\": starting and stopping the profiler does nothing");
        } else if !self.session {
            crate::debug!(
                "the profiler does not start: the session is not sampled (profile_session_sample_rate)"
            );
        }
        by_hand && self.session
    }

    /// The run of the profiler that goes on, if one does.
    pub(crate) fn running(&self) -> Option<ProfileId> {
        self.lock().run.as_ref().filter(|run| run.is_on() && run.is_at_home()).map(|run| run.id)
    }

    /// Has a run go on, or begins one. A profiler is code of others, and is called outside the lock.
    fn run(self: &Arc<Self>) {
        let now = self.clock.monotonic();
        let known = {
            let mut state = self.lock();
            match state.run.as_mut().filter(|run| run.is_at_home()) {
                Some(run) if run.is_on() => return,
                Some(run) => {
                    run.resume(now);
                    true
                }
                None => false,
            }
        };
        if known {
            unharmed(|| self.plug.profiler.wake());
        } else {
            let run = Run::new(self.new_id(), &*self.clock);
            let weak = Arc::downgrade(self);
            run.recording.on_full(move || call_at_once(&weak));
            if !self.record(&run.recording) {
                return;
            }
            let mut state = self.lock();
            if state.run.as_ref().is_some_and(Run::is_at_home) {
                return; // another thread was faster; its run is as good
            }
            let waits = state.open == 0 && self.wanted.lifecycle == ProfileLifecycle::Trace;
            let run = state.run.insert(run);
            if waits {
                run.pause(); // the transaction is over by now
            }
        }
        self.call_within(self.wanted.chunk);
    }

    /// The chunk of the run, if its time has come; sees to it that somebody looks again.
    pub(crate) fn due(self: &Arc<Self>) -> Option<Chunk> {
        let (now, id) = (self.clock.monotonic(), self.new_id()); // the program's, maybe: before the lock
        let mut state = self.lock();
        let run = state.run.as_mut().filter(|run| run.has_news())?;
        let age = run.age(now);
        if age < self.wanted.chunk && !run.is_nearly_full() {
            drop(state);
            self.call_within(self.wanted.chunk - age);
            return None;
        }
        let chunk = run.cut(self, now, id);
        let goes_on = run.is_on();
        drop(state);
        if goes_on {
            self.call_within(self.wanted.chunk);
        }
        Some(chunk)
    }

    /// The chunk of the run as it is: at a flush.
    pub(crate) fn cut(self: &Arc<Self>) -> Option<Chunk> {
        let (now, id) = (self.clock.monotonic(), self.new_id());
        let mut state = self.lock();
        let run = state.run.as_mut().filter(|run| run.has_news())?;
        Some(run.cut(self, now, id))
    }

    fn new_id(&self) -> ProfileId {
        rng::profile_id(&*self.rng)
    }

    /// What was sampled for a recording until now. On the worker.
    pub(crate) fn take(&self, recording: &Recording) -> Vec<StackSample> {
        unharmed(|| self.plug.profiler.collect());
        recording.take()
    }

    fn record(&self, recording: &Arc<Recording>) -> bool {
        let unavailable = match unharmed(|| self.plug.profiler.record(recording)) {
            Some(Ok(())) => return true,
            Some(Err(why)) => why.to_string(),
            None => "the profiler panicked".to_owned(),
        };
        if self.said_unavailable.set(()).is_ok() {
            crate::debug!("the profiler does not start: {unavailable}");
        }
        false
    }

    fn call_within(&self, time: Duration) {
        if let Some(call) = self.call.get() {
            call(time);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn call_at_once(profiling: &Weak<Profiling>) {
    if let Some(profiling) = profiling.upgrade() {
        profiling.call_within(Duration::ZERO);
    }
}

impl fmt::Debug for Plug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plug").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
