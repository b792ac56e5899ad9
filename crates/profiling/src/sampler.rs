//! What is plugged into a client.

use std::sync::Arc;

use watchpost_core::{Profiler, Recording, Unavailable};

use crate::system;

/// Who keeps the time of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfilerBackend {
    /// The kernel, by the profiling timer of the process (`ITIMER_PROF`), unless the program uses that itself: it interrupts whichever thread runs when another 10 ms of processor time are
    /// used up. Where many threads run at once, some of their time is missed. The timer outlives `exec`, and with either backend a signal that is under
    /// way would end what comes after: a program that replaces itself has to stop the profiler first, and to wait a hundredth of a second.
    Signal,
    /// A thread of the profiler: it looks which threads are on a processor, and interrupts those. Each of them is seen at its own moments. Linux; elsewhere it
    /// is as [`Signal`](Self::Signal).
    #[default]
    Thread,
}

/// The profiler. There is one in a process, however many clients have one: it runs while any of them wants samples.
///
/// Its thread sleeps while nobody does, and ends after a while. It holds 2 MB of memory for the copies of stacks (as far as they were ever needed), and
/// the unwind tables of the binary and its libraries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sampler {
    backend: ProfilerBackend,
}

impl Sampler {
    /// A profiler whose time is kept so. If one runs already, its time goes on being kept as it is.
    #[must_use]
    pub fn new(backend: ProfilerBackend) -> Self {
        Sampler { backend }
    }
}

impl Profiler for Sampler {
    fn record(&self, recording: &Arc<Recording>) -> Result<(), Unavailable> {
        system::record(self.backend, recording)
    }

    fn wake(&self) {
        system::wake(self.backend);
    }

    fn collect(&self) {
        system::collect();
    }

    fn thread_id(&self) -> Option<u64> {
        system::thread_id()
    }
}
