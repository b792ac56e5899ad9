//! The other way to keep the time: by the profiling timer of the process. In a process of its own, because that has one profiler (features P04).
#![cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use watchpost_core::api::{flush, profiler};
use watchpost_profiling::{ProfilerBackend, Sampler};
use watchpost_testkit::{install, options};

#[test]
fn the_timer_of_the_process_interrupts_what_runs() {
    let options = options().profile_session_sample_rate(1.0).unwrap();
    let (_guard, recorder) = install(options.profiler(Sampler::new(ProfilerBackend::Signal))).unwrap();
    profiler::start();
    let began = Instant::now();
    let samples = || {
        recorder.captured().profile_chunks().iter().map(|chunk| chunk.profile.samples.len()).sum::<usize>()
    };
    while samples() < 10 {
        assert!(began.elapsed() < Duration::from_secs(120), "nothing was seen for a long time");
        let mut number = 1_u64;
        (0..2_000_000_u64).for_each(|step| number = black_box(number.wrapping_mul(31).wrapping_add(step)));
        flush(None);
    }
    profiler::stop();
}
