//! A transaction that is profiled: by itself, or by the run of the profiler that goes on meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use watchpost_protocol::ProfileId;

use super::{ProfileLifecycle, Profiling};
use crate::profiler::{Recording, StackSample};
use crate::rng;

/// How much of a transaction its profile may show: the server refuses more (§13.2).
const LONGEST: Duration = Duration::from_secs(30);

/// How many samples its profile has room for: three threads that are busy for all of that time; 400 kB.
const MOST_SAMPLES: usize = 10_000;

/// How many transactions are profiled at once: their recordings then hold some 13 MB, if all of them are long and full.
const MOST_AT_ONCE: usize = 32;

/// What profiles a transaction while it is open, and afterwards what is known of it.
#[derive(Default)]
pub(crate) struct Profiled {
    /// Its own profile.
    pub(crate) own: Option<TransactionRecording>,
    /// The run of the profiler that saw it.
    pub(crate) profiler: Option<ProfileId>,
    /// Keeps the profiler running.
    hold: Option<Hold>,
}

/// Why a transaction has no profile of its own that might have had one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unprofiled {
    /// None is wanted, or there is nothing to take it with.
    Off,
    /// The dice say so.
    Unsampled,
    /// So many are profiled already.
    Full,
}

/// The recording of a transaction's own profile.
pub(crate) struct TransactionRecording {
    pub(crate) id: ProfileId,
    pub(crate) profiling: Arc<Profiling>,
    recording: Arc<Recording>,
}

/// While there is one, the profiler runs.
struct Hold(Arc<Profiling>);

impl Profiling {
    /// What profiles a sampled transaction that begins now. An error says why it has no profile of its own.
    pub(crate) fn begin_transaction(self: &Arc<Self>) -> (Option<Profiled>, Result<(), Unprofiled>) {
        let hold = self.hold();
        let own = match self.wanted.of_transactions {
            None => Err(Unprofiled::Off),
            Some(rate) if !rate.keeps(rng::sample_rand(&*self.rng)) => Err(Unprofiled::Unsampled),
            Some(_) => self.record_transaction(),
        };
        let why = own.as_ref().map(drop).map_err(|why| *why);
        let profiled = Profiled { own: own.ok(), profiler: self.running(), hold };
        (profiled.is_any().then_some(profiled), why)
    }

    /// The own profile of a transaction begins.
    pub(crate) fn record_transaction(self: &Arc<Self>) -> Result<TransactionRecording, Unprofiled> {
        let recording = Arc::new(Recording::new(MOST_SAMPLES, Some(LONGEST)));
        let before = self.transactions.fetch_add(1, Ordering::Relaxed);
        // From here on: whatever happens, its place is free again when it is dropped.
        let taken = TransactionRecording {
            id: rng::profile_id(&*self.rng),
            profiling: Arc::clone(self),
            recording: Arc::clone(&recording),
        };
        match before < MOST_AT_ONCE {
            false => Err(Unprofiled::Full),
            true if self.record(&recording) => Ok(taken),
            true => Err(Unprofiled::Off),
        }
    }

    /// Has the profiler run, if it is to run with transactions.
    fn hold(self: &Arc<Self>) -> Option<Hold> {
        if !self.session || self.wanted.lifecycle != ProfileLifecycle::Trace {
            return None;
        }
        self.lock().open += 1;
        let hold = Hold(Arc::clone(self));
        self.run();
        Some(hold)
    }
}

impl Profiled {
    /// By nothing but a run of the profiler.
    pub(crate) fn by(profiler: ProfileId) -> Self {
        Profiled { profiler: Some(profiler), ..Profiled::default() }
    }

    fn is_any(&self) -> bool {
        self.own.is_some() || self.profiler.is_some() || self.hold.is_some()
    }

    /// The transaction is over. `None` if nothing has profiled it.
    pub(crate) fn end(mut self: Box<Self>) -> Option<Box<Self>> {
        self.hold = None;
        if let Some(own) = &self.own {
            own.end();
        }
        self.is_any().then_some(self)
    }
}

impl TransactionRecording {
    /// Nothing more is sampled for it.
    pub(crate) fn end(&self) {
        self.recording.pause();
    }

    /// When it began.
    pub(crate) fn began(&self) -> Instant {
        self.recording.began()
    }

    /// What was sampled. On the worker.
    pub(crate) fn take(&self) -> Vec<StackSample> {
        self.profiling.take(&self.recording)
    }
}

impl Drop for TransactionRecording {
    fn drop(&mut self) {
        self.profiling.transactions.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open -= 1;
        if let (0, Some(run)) = (state.open, &mut state.run) {
            run.pause(); // and no more: many short requests are one run, and share its chunks
        }
    }
}
