//! How the measured part of a workload is counted: by the clock or by the allocator. The two never look at the same run.

use std::thread;
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::workloads::Workload;

/// Samples that are not counted at the start of a turn, while pools grow and threads start.
const WARM_UP: usize = 3;
/// Between samples, for those who work in the background.
const PAUSE: Duration = Duration::from_millis(1);

/// Is given the part of a sample that counts, and may run it several times.
pub(crate) trait Meter {
    fn measure(&mut self, body: &mut dyn FnMut());
}

/// One subject's go at one workload: some samples, by one meter.
pub(crate) struct Turn<'a> {
    pub(crate) workload: Workload,
    pub(crate) samples: usize,
    pub(crate) meter: &'a mut dyn Meter,
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

/// Nanoseconds of each sample.
#[derive(Default)]
pub(crate) struct Clock(Vec<f64>);

impl Clock {
    pub(crate) fn median(self) -> f64 {
        median(self.0)
    }
}

impl Meter for Clock {
    fn measure(&mut self, body: &mut dyn FnMut()) {
        body(); // after a pause the first run finds cold caches
        allocation_counter::opt_out(|| {
            let start = Instant::now();
            body();
            self.0.push(start.elapsed().as_secs_f64() * 1e9);
        });
    }
}

/// What this thread allocates, in all samples.
#[derive(Default)]
pub(crate) struct Allocations {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Meter for Allocations {
    fn measure(&mut self, body: &mut dyn FnMut()) {
        let seen = allocation_counter::measure(body);
        self.count += seen.count_total;
        self.bytes += seen.bytes_total;
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
