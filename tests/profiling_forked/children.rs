//! A child, and its parent, which both go on.

use std::hint::black_box;
use std::time::{Duration, Instant};

use fork::{Fork, fork, waitpid};
use watchpost::profiler;
use watchpost_testkit::{Recorder, options};

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn a_child_is_profiled_by_itself() {
    let recorder = Recorder::new();
    let wanted = options().profile_session_sample_rate(1.0).unwrap().profiler(profiler::Sampler::default());
    let _guard = watchpost::init(wanted.transport(recorder.clone())).unwrap();
    profiler::start();
    work_until_seen(&recorder);
    match fork().unwrap() {
        Fork::Child => {
            profiler::start(); // the one that ran has stayed behind
            work_until_seen(&recorder);
            profiler::stop();
            std::process::exit(i32::from(!watchpost::close(Some(PATIENCE))));
        }
        Fork::Parent(child) => {
            work_until_seen(&recorder);
            profiler::stop();
            assert_eq!(waitpid(child).unwrap(), 0);
        }
    }
}

/// Works until it was seen some more times.
fn work_until_seen(recorder: &Recorder) {
    let samples = || {
        recorder.captured().profile_chunks().iter().map(|chunk| chunk.profile.samples.len()).sum::<usize>()
    };
    let (before, began) = (samples(), Instant::now());
    while samples() < before + 5 {
        assert!(began.elapsed() < PATIENCE, "nothing was seen for a long time");
        let mut number = 1_u64;
        (0..2_000_000_u64).for_each(|step| number = black_box(number.wrapping_mul(31).wrapping_add(step)));
        watchpost::flush(Some(PATIENCE));
    }
}
