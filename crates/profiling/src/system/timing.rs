//! When threads are interrupted, and which.

#[cfg(target_os = "linux")]
use super::threads::Threads;
use super::{PERIOD, signal};
use crate::ProfilerBackend;

pub(super) enum Timing {
    Signal {
        /// Whether the timer runs.
        on: bool,
    },
    #[cfg(target_os = "linux")]
    Thread(Threads),
}

impl Timing {
    /// `own` is the profiler's thread, which is not part of the picture.
    #[cfg_attr(
        target_os = "macos",
        expect(unused_variables, reason = "there, the timer interrupts whichever thread runs")
    )]
    pub(super) fn new(backend: ProfilerBackend, own: u64) -> Self {
        match backend {
            #[cfg(target_os = "linux")]
            ProfilerBackend::Thread => Timing::Thread(Threads::besides(own)),
            _ => Timing::Signal { on: false },
        }
    }

    /// That of a profiler that has failed, which may have left the timer on.
    pub(super) fn left_on(backend: ProfilerBackend) -> Self {
        match Timing::new(backend, 0) {
            Timing::Signal { .. } => Timing::Signal { on: true },
            #[cfg(target_os = "linux")]
            threads @ Timing::Thread(_) => threads,
        }
    }

    /// Samples are wanted now.
    pub(super) fn tick(&mut self) {
        match self {
            Timing::Signal { on } => {
                if !*on && signal::is_timer_free() {
                    *on = true;
                    signal::set_timer(Some(PERIOD));
                }
            }
            #[cfg(target_os = "linux")]
            Timing::Thread(threads) => threads.interrupt(),
        }
    }

    /// They are not.
    pub(super) fn rest(&mut self) {
        if let Timing::Signal { on } = self
            && std::mem::replace(on, false)
            && signal::is_ours()
        {
            signal::set_timer(None); // else it is somebody else's by now
        }
    }
}
