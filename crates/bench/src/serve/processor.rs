//! Which processor a thread, and what it starts, runs on. Where that cannot be said (not on Linux, or there is only one) it runs as it would.

/// The server's.
pub(super) fn keep_to_the_first() {
    keep_to(|processors| processors.next());
}

/// That of whoever asks.
pub(super) fn keep_to_the_last() {
    keep_to(|processors| processors.last());
}

#[cfg(target_os = "linux")]
fn keep_to(choose: impl FnOnce(&mut dyn Iterator<Item = usize>) -> Option<usize>) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(allowed) = sched_getaffinity(None) else { return };
    if let Some(processor) = choose(&mut (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)))
    {
        let mut one = CpuSet::new();
        one.set(processor);
        if let Err(error) = sched_setaffinity(None, &one) {
            eprintln!("the threads run on any processor, which makes the numbers less steady: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn keep_to(_: impl FnOnce(&mut dyn Iterator<Item = usize>) -> Option<usize>) {}
