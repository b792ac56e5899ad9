//! A turn: some samples of a workload, each handed to a meter.

use std::thread;
use std::time::Duration;

use crate::api::Api;
use crate::workloads::Workload;

/// Samples that are not counted at the start of a turn, while pools grow and threads start.
const WARM_UP: usize = 3;
/// Between samples, for those who work in the background.
const PAUSE: Duration = Duration::from_millis(8);

/// Is given the part of a sample that counts, and may run it several times.
pub trait Meter {
    /// Runs it and counts whatever this counts.
    fn measure(&mut self, body: &mut dyn FnMut());
}

/// One subject's go at one workload.
#[expect(missing_debug_implementations, reason = "a meter has nothing to show")]
pub struct Turn<'a> {
    /// What to do.
    pub workload: Workload,
    /// How many samples are counted.
    pub samples: usize,
    /// Who counts.
    pub meter: &'a mut dyn Meter,
}

impl Turn<'_> {
    pub(crate) fn play<A: Api>(&mut self, api: &A) {
        for _ in 0..WARM_UP {
            self.workload.sample(api, &mut Uncounted);
            thread::sleep(PAUSE);
        }
        for _ in 0..self.samples {
            self.workload.sample(api, self.meter);
            thread::sleep(PAUSE);
        }
    }
}

struct Uncounted;

impl Meter for Uncounted {
    fn measure(&mut self, body: &mut dyn FnMut()) {
        body();
    }
}
