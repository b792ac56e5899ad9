use std::sync::atomic::Ordering;

use super::*;
use crate::clock::SystemClock;
use crate::profiler::{SampledThread, Unavailable};

/// A profiler that takes a sample whenever it is asked for what it has.
#[derive(Default)]
struct Pretend {
    recordings: Mutex<Vec<Weak<Recording>>>,
    begun: AtomicUsize,
    woken: AtomicUsize,
    broken: bool,
}

impl Profiler for Arc<Pretend> {
    fn record(&self, recording: &Arc<Recording>) -> Result<(), Unavailable> {
        if self.broken {
            return Err(Unavailable("nothing works here".into()));
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.recordings.lock().unwrap().push(Arc::downgrade(recording));
        Ok(())
    }

    fn wake(&self) {
        self.woken.fetch_add(1, Ordering::Relaxed);
    }

    fn collect(&self) {
        let at = std::time::Instant::now();
        let thread = Arc::new(SampledThread { id: 7, name: None });
        let sample = StackSample { at, thread, stack: [1].into() };
        self.recordings
            .lock()
            .unwrap()
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|recording| recording.add(&sample));
    }
}

/// Dice that always show the same.
struct Dice(u64);

impl Rng for Dice {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

fn profiling(wanted: Wanted, dice: u64) -> (Arc<Profiling>, Arc<Pretend>) {
    let pretend = Arc::new(Pretend::default());
    (plugged(&pretend, wanted, dice), pretend)
}

fn plugged(pretend: &Arc<Pretend>, wanted: Wanted, dice: u64) -> Arc<Profiling> {
    let plug = Plug::new(Arc::clone(pretend));
    Profiling::new(plug, wanted, Arc::new(SystemClock), Arc::new(Dice(dice)))
}

fn sessions(rate: f64, lifecycle: ProfileLifecycle) -> Wanted {
    Wanted { of_sessions: SampleRate::try_from(rate).ok(), lifecycle, ..Wanted::default() }
}

#[test]
fn starting_twice_is_one_run_and_after_a_stop_there_is_another() {
    let (profiling, pretend) = profiling(sessions(1.0, ProfileLifecycle::Manual), 0);
    profiling.start();
    profiling.start();
    assert_eq!(pretend.begun.load(Ordering::Relaxed), 1);
    assert!(profiling.running().is_some());
    let chunk = profiling.stop().expect("what was seen until then");
    assert!(profiling.running().is_none());
    assert!(profiling.stop().is_none());
    assert!(chunk.take().is_empty(), "nothing was seen before it stopped");
    profiling.start();
    assert_eq!(pretend.begun.load(Ordering::Relaxed), 2);
}

#[test]
fn the_dice_of_a_session_are_thrown_once() {
    for (dice, runs) in [(499_999, true), (500_000, false)] {
        let (profiling, _) = profiling(sessions(0.5, ProfileLifecycle::Manual), dice);
        profiling.start();
        assert_eq!(profiling.running().is_some(), runs, "{dice}");
    }
}

#[test]
fn with_transactions_it_runs_while_one_is_open_and_all_is_one_run() {
    let (profiling, pretend) = profiling(sessions(1.0, ProfileLifecycle::Trace), 0);
    profiling.start();
    assert!(profiling.running().is_none(), "it is not for the program to start it");
    let (first, _) = profiling.begin_transaction();
    let (second, _) = profiling.begin_transaction();
    let run = profiling.running();
    assert!(run.is_some());
    drop(first);
    assert_eq!(profiling.running(), run);
    drop(second);
    assert!(profiling.running().is_none());
    let (third, _) = profiling.begin_transaction();
    assert_eq!((profiling.running(), pretend.woken.load(Ordering::Relaxed)), (run, 1));
    assert_eq!(third.unwrap().profiler, run);
    assert_eq!(pretend.begun.load(Ordering::Relaxed), 1);
}

#[test]
fn a_chunk_is_due_when_it_is_old_enough_and_then_another_one_begins() {
    let wanted = sessions(1.0, ProfileLifecycle::Manual);
    let (patient, _) = profiling(wanted, 0);
    patient.start();
    assert!(patient.due().is_none());

    let (profiling, _) = profiling(Wanted { chunk: Duration::ZERO, ..wanted }, 0);
    assert!(profiling.due().is_none(), "nothing runs");
    profiling.start();
    let (first, second) = (profiling.due().unwrap(), profiling.due().unwrap());
    assert_eq!(first.profiler_id, second.profiler_id);
    assert_eq!(first.take().len(), 1);
    assert_eq!(second.take().len(), 1);
}

#[test]
fn a_transaction_has_a_profile_by_its_rate_and_as_long_as_there_is_room() {
    let wanted = Wanted { of_transactions: SampleRate::try_from(0.5).ok(), ..Wanted::default() };
    let (unlucky, _) = profiling(wanted, 500_000);
    assert_eq!(unlucky.begin_transaction().1, Err(Unprofiled::Unsampled));

    let (profiling, _) = profiling(wanted, 0);
    let mut open = Vec::new();
    while let (Some(profiled), Ok(())) = profiling.begin_transaction() {
        open.push(profiled);
    }
    assert_eq!(open.len(), 32);
    assert_eq!(profiling.begin_transaction().1, Err(Unprofiled::Full));
    let ended = Box::new(open.remove(0)).end().unwrap();
    assert_eq!(ended.own.as_ref().unwrap().take().len(), 0, "what is seen later is not its own");
    drop(ended);
    assert_eq!(profiling.begin_transaction().1, Ok(()));
}

#[test]
fn with_a_rate_for_transactions_that_of_sessions_is_ignored() {
    let both = Wanted { of_transactions: Some(SampleRate::ALL), ..sessions(1.0, ProfileLifecycle::Manual) };
    let (profiling, _) = profiling(both, 0);
    profiling.start();
    assert!(profiling.running().is_none());
}

#[test]
fn where_nothing_can_be_sampled_nothing_runs() {
    let broken = Arc::new(Pretend { broken: true, ..Pretend::default() });
    let wanted = Wanted { of_transactions: Some(SampleRate::ALL), ..Wanted::default() };
    assert_eq!(plugged(&broken, wanted, 0).begin_transaction().1, Err(Unprofiled::Off));
    let profiling = plugged(&broken, sessions(1.0, ProfileLifecycle::Manual), 0);
    profiling.start();
    assert!(profiling.running().is_none());
}
