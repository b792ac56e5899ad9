//! The profiler by hand.

use crate::current::Scopes;
use crate::pipeline::Job;
use crate::profiling::Profiling;
use crate::span::Span;
use crate::span_ref::SpanRef;

/// Starts the profiler: from here to [`stop`] the stacks of the threads that are on a processor are sampled, and sent in chunks. Nothing
/// happens if it runs already, if the session is not sampled ([`profile_session_sample_rate`](crate::Options::profile_session_sample_rate)), or if the profiler
/// runs with transactions ([`ProfileLifecycle::Trace`](crate::ProfileLifecycle::Trace)): the `debug` option says so.
///
/// ```
/// # use watchpost_core::api as watchpost;
/// use watchpost::profiler;
///
/// profiler::start();
/// // ... the work that takes too long
/// profiler::stop();
/// ```
pub fn start() {
    if let Some(client) = Scopes::at_hand().client()
        && let Some(profiling) = client.profiling()
    {
        profiling.start();
    }
}

/// Stops the profiler, and queues what it saw last. A later [`start`] begins another run, with an id of its own.
pub fn stop() {
    if let Some(client) = Scopes::at_hand().client()
        && let Some(chunk) = client.profiling().and_then(Profiling::stop)
    {
        client.push(Job::profile_chunk(chunk));
    }
}

/// The profile of one transaction, taken because the program wants it, whatever [`profiles_sample_rate`](crate::Options::profiles_sample_rate) says. It
/// goes with the transaction, in one envelope. A transaction has one profile, of its first 30 seconds at most.
///
/// Of a transaction that is not sampled there is none, nor of one that has one already; then nothing happens.
///
/// ```
/// # use watchpost_core::api as watchpost;
/// use watchpost::profiler::Profile;
/// use watchpost::start_transaction;
///
/// let import = start_transaction("import").start();
/// let profile = Profile::new(&import);
/// // ... the part of it that is of interest
/// profile.finish();
/// import.finish();
/// ```
#[derive(Debug)]
#[must_use = "a profile that is not bound to a variable ends at once"]
pub struct Profile {
    /// Of whose transaction it is; `None`: it is none.
    span: Option<SpanRef>,
}

impl Profile {
    /// Begins the profile of the transaction that a span belongs to.
    pub fn new(span: &Span) -> Self {
        let begun = span.inner().filter(|span| span.trace.begin_profile());
        Profile { span: begun.cloned() }
    }

    /// Whether something is sampled.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.span.is_some()
    }

    /// Ends it; so does dropping it, and the end of the transaction.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        if let Some(span) = &self.span {
            span.trace.end_profile();
        }
    }
}
