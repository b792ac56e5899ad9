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

    /// Samples are wanted now.
    pub(super) fn tick(&mut self) {
        match self {
            Timing::Signal { on } => {
                if !std::mem::replace(on, true) {
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
        {
            signal::set_timer(None);
        }
    }
}
