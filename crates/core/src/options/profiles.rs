//! Profiles (`protocol.md` §13).

use std::time::Duration;

use super::Options;
use super::parts::Custom;
use crate::error::InitError;
use crate::profiler::Profiler;
use crate::profiling::{Plug, ProfileLifecycle};
use crate::sampling::SampleRate;

impl Options {
    /// The share of the *sampled* transactions that carry a profile of their own, of their first 30 seconds. Which sampled the functions of all threads
    /// meanwhile, so that it is worth more in a program that does one thing at a time. With it, [`profile_session_sample_rate`](Self::profile_session_sample_rate)
    /// is ignored. Default: `SENTRY_PROFILES_SAMPLE_RATE`, else not set: none.
    ///
    /// It takes a profiler: the facade's feature `profiling`.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn profiles_sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.profiles.of_transactions = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// The share of sessions that are profiled as a whole, in chunks; a session is the life of a client, and the dice are thrown once, when it is
    /// made. When the profiler runs is said by [`profile_lifecycle`](Self::profile_lifecycle). Default: not set: none.
    ///
    /// It takes a profiler: the facade's feature `profiling`.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn profile_session_sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.profiles.of_sessions = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// When the profiler of a sampled session runs. Default: [`ProfileLifecycle::Manual`].
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use watchpost::{Options, ProfileLifecycle};
    ///
    /// let options = Options::new()
    ///     .traces_sample_rate(0.1)?
    ///     .profile_session_sample_rate(1.0)?
    ///     .profile_lifecycle(ProfileLifecycle::Trace);
    /// # Ok::<(), watchpost_core::InitError>(())
    /// ```
    pub fn profile_lifecycle(mut self, lifecycle: ProfileLifecycle) -> Self {
        self.profiles.lifecycle = lifecycle;
        self
    }

    /// How long a chunk becomes before it is sent, unless it is full, or the profiler stops, before that. Default: 60 seconds (`protocol.md` §13.1).
    pub fn profile_chunk_length(mut self, length: Duration) -> Self {
        self.profiles.chunk = length;
        self
    }

    /// What samples. Default: with the facade's feature `profiling`, the sampler of `watchpost-profiling`; else none.
    pub fn profiler(mut self, profiler: impl Profiler) -> Self {
        self.profiler = Some(Plug::new(Custom(profiler)));
        self
    }
}

#[doc(hidden)]
impl Options {
    /// As [`profiler`](Self::profiler), unless there is one.
    pub fn default_profiler(&mut self, profiler: impl Profiler) {
        if self.profiler.is_none() {
            *self = std::mem::take(self).profiler(profiler);
        }
    }

    /// The name of the setter by which profiles were asked for, in code or in a file, though nothing can take them.
    #[must_use]
    pub fn wants_profiler(&self) -> Option<&'static str> {
        let wanted = [
            (self.profiles.of_transactions, "profiles_sample_rate", "Options::profiles_sample_rate"),
            (
                self.profiles.of_sessions,
                "profile_session_sample_rate",
                "Options::profile_session_sample_rate",
            ),
        ];
        let wanted = wanted.into_iter().filter(|(rate, ..)| rate.is_some_and(|rate| rate.get() > 0.0));
        // A variable may be meant for other programs, too: that one of them cannot do it is no reason not to start.
        let mut wanted = wanted.filter(|(_, option, _)| !self.is_from_environment(option));
        if self.profiler.is_none() { wanted.next().map(|(.., setter)| setter) } else { None }
    }
}
