//! What a client has to do with profiles: it has them taken, and counts those that are not.

use std::sync::Arc;

use watchpost_protocol::{Category, DiscardReason};

use super::Client;
use crate::config::Config;
use crate::profiling::{Profiled, Profiling, TransactionRecording, Unprofiled};
use crate::sampling::SampleRate;
use crate::thread;

/// What profiles, if there is a profiler. Threads are called as it calls them, from here on.
pub(super) fn profiling(config: &Config) -> Option<Arc<Profiling>> {
    let options = &config.options;
    let above_zero = |rate: Option<SampleRate>| rate.is_some_and(|rate| rate.get() > 0.0);
    let wanted = above_zero(options.profiles.of_transactions) || above_zero(options.profiles.of_sessions);
    let traces = above_zero(options.traces_sample_rate) || options.traces_sampler.is_some();
    if wanted && !traces {
        crate::debug!("profiling requested but traces_sample_rate is 0/None"); // H10
    }
    if wanted && options.profiler.is_none() {
        crate::debug!("profiling requested but there is no profiler: the feature `profiling` has one");
    }
    let plug = options.profiler.clone()?;
    thread::name_by(&plug.profiler);
    Some(Profiling::new(plug, options.profiles, Arc::clone(&options.clock), Arc::clone(&options.rng)))
}

impl Client {
    /// The profiling of this client; `None` if it has nothing to profile with, or cannot send.
    pub(crate) fn profiling(&self) -> Option<&Arc<Profiling>> {
        self.inner.profiling.as_ref().filter(|_| self.is_active())
    }

    /// What profiles a sampled transaction that begins now, if anything does.
    pub(crate) fn profile_transaction(&self) -> Option<Box<Profiled>> {
        let (profiled, own) = self.profiling()?.begin_transaction();
        if let Err(why) = own {
            self.count_unprofiled(why);
        }
        profiled.map(Box::new)
    }

    /// The own profile of a transaction that the program wants to have one.
    pub(crate) fn begin_profile(&self) -> Option<TransactionRecording> {
        self.profiling()?.record_transaction().map_err(|why| self.count_unprofiled(why)).ok()
    }

    fn count_unprofiled(&self, why: Unprofiled) {
        let reason = match why {
            Unprofiled::Off => return,
            Unprofiled::Unsampled => DiscardReason::SampleRate,
            Unprofiled::Full => DiscardReason::BufferOverflow,
        };
        self.ledger().record(reason, Category::Profile, 1);
    }

    /// Of a transaction that nothing has profiled from its beginning: the run of the profiler that goes on now.
    pub(crate) fn profiled_by_run(&self) -> Option<Box<Profiled>> {
        let profiler = self.profiling()?.running()?;
        Some(Box::new(Profiled::by(profiler)))
    }
}
