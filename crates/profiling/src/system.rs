//! The profiler of this process: its thread, who wants samples of it, and how answers become samples.

#[cfg(target_os = "linux")]
mod maps;
#[allow(unsafe_code, reason = "a signal handler, and calls that safe Rust has no name for")]
mod signal;
#[cfg(target_os = "linux")]
mod threads;
mod timing;
mod unwind;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use watchpost_core::{Recording, SampledThread, StackSample, Unavailable, unharmed};

use self::signal::Answer;
use self::timing::Timing;
use self::unwind::Unwinder;
use crate::ProfilerBackend;

/// 101 times a second: not in step with what the program does a hundred times a second (`protocol.md` §13.1).
const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 101);
/// So often nobody may want anything before the thread goes to sleep: short requests come one after the other.
const IDLE: u32 = 101;
/// So long it sleeps before it ends.
const SLEEP: Duration = Duration::from_secs(10);
/// So many stacks and threads are known at most.
const MOST_STACKS: usize = 20_000;
const MOST_THREADS: usize = 10_000;

/// The threads that report: they are not what anybody wants to know of. Linux keeps 15 bytes of a name.
const REPORTERS: [&str; 5] =
    ["watchpost", "watchpost-dns", "watchpost-flush", "watchpost-profile", "watchpost-spotlight"];

/// What there is one of in a process.
struct Engine {
    /// The process. In one that was forked, whatever locks there are may be held by threads that stayed behind: it has an engine of its own.
    home: u32,
    state: Mutex<State>,
    called: Condvar,
    gatherer: Mutex<Option<Gatherer>>,
    of_child: OnceLock<Box<Engine>>,
}

#[derive(Default)]
struct State {
    recordings: Vec<Weak<Recording>>,
    /// Its thread is there.
    running: bool,
}

static ENGINE: OnceLock<Engine> = OnceLock::new();

pub(crate) fn record(backend: ProfilerBackend, recording: &Arc<Recording>) -> Result<(), Unavailable> {
    let engine = Engine::of_this_process();
    let mut state = engine.lock();
    engine.run(&mut state, backend).map_err(|why| Unavailable(why.into()))?;
    state.recordings.push(Arc::downgrade(recording));
    engine.called.notify_one();
    Ok(())
}

pub(crate) fn wake(backend: ProfilerBackend) {
    let engine = Engine::of_this_process();
    if engine.run(&mut engine.lock(), backend).is_ok() {
        engine.called.notify_one();
    }
}

/// Whoever asks does not wait: if the profiler's thread is at it, it hands over what there is.
pub(crate) fn collect() {
    let engine = Engine::of_this_process();
    match engine.gatherer.try_lock() {
        Ok(gatherer) => engine.gather(gatherer),
        Err(TryLockError::Poisoned(gatherer)) => engine.gather(gatherer.into_inner()),
        Err(TryLockError::WouldBlock) => {}
    }
}

pub(crate) fn thread_id() -> Option<u64> {
    Some(signal::thread_id())
}

impl Engine {
    fn new() -> Self {
        Engine {
            home: std::process::id(),
            state: Mutex::default(),
            called: Condvar::new(),
            gatherer: Mutex::default(),
            of_child: OnceLock::new(),
        }
    }

    fn of_this_process() -> &'static Engine {
        let here = std::process::id();
        let mut engine = ENGINE.get_or_init(Engine::new);
        while engine.home != here {
            engine = engine.of_child.get_or_init(|| {
                signal::switch(false);
                signal::forget_all();
                Box::new(Engine::new())
            });
        }
        engine
    }

    /// Sees to it that the thread is there.
    fn run(&'static self, state: &mut State, backend: ProfilerBackend) -> Result<(), &'static str> {
        if state.running {
            return Ok(());
        }
        if !signal::can_copy() {
            return Err("the system does not let a program copy its own stacks (process_vm_readv)");
        }
        signal::install()?;
        let thread = std::thread::Builder::new().name("watchpost-profile".into());
        let spawned: io::Result<_> = thread.spawn(move || {
            if unharmed(|| self.work(backend)).is_none() {
                watchpost_core::debug!("the profiler has failed: it has ended");
                self.end(&mut Timing::left_on(backend));
            }
        });
        state.running = spawned.is_ok();
        spawned.map(drop).map_err(|_| "its thread could not be started")
    }

    /// What the thread does.
    fn work(&self, backend: ProfilerBackend) {
        let mut timing = Timing::new(backend, signal::thread_id());
        let mut idle = 0;
        loop {
            if !signal::is_ours() {
                // Before anybody is interrupted: by default, the signal ends the process.
                watchpost_core::debug!("the program handles SIGPROF itself now: the profiler has ended");
                return self.end(&mut timing);
            }
            let wanted = self.is_wanted();
            signal::switch(wanted);
            if wanted {
                idle = 0;
                timing.tick();
            } else {
                idle += 1;
                timing.rest();
            }
            if idle > IDLE && !self.sleep() {
                return;
            }
            std::thread::sleep(PERIOD);
            self.gather(self.gatherer.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn end(&self, timing: &mut Timing) {
        signal::switch(false);
        timing.rest();
        self.lock().running = false;
    }

    fn is_wanted(&self) -> bool {
        let mut state = self.lock();
        state.recordings.retain(|recording| recording.strong_count() > 0);
        let is_wanted = |recording: Arc<Recording>| recording.is_wanted();
        state.recordings.iter().filter_map(Weak::upgrade).any(is_wanted)
    }

    /// Waits until it is called; false if nobody does, and the thread is to end.
    fn sleep(&self) -> bool {
        let wanted = |state: &State| {
            state.recordings.iter().filter_map(Weak::upgrade).any(|recording| recording.is_wanted())
        };
        let state = self.lock();
        let (mut state, _) = self
            .called
            .wait_timeout_while(state, SLEEP, |state| !wanted(state))
            .unwrap_or_else(PoisonError::into_inner);
        state.running = wanted(&state);
        state.running
    }

    /// Hands the answers that there are to those who want them.
    fn gather(&self, mut gatherer: MutexGuard<'_, Option<Gatherer>>) {
        let recordings: Vec<_> = self.lock().recordings.iter().filter_map(Weak::upgrade).collect();
        let gatherer = gatherer.get_or_insert_with(Gatherer::new);
        let mut samples = Vec::new();
        signal::collect(|answer| samples.extend(gatherer.sample(answer)));
        for sample in &samples {
            recordings.iter().for_each(|recording| recording.add(sample));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes samples of answers: what many of them have in common is kept once.
struct Gatherer {
    unwinder: Unwinder,
    /// A moment, and what the clock of the answers said then.
    began: (Instant, u64),
    stacks: HashSet<Arc<[usize]>>,
    threads: HashMap<u64, Arc<SampledThread>>,
}

impl Gatherer {
    fn new() -> Self {
        Gatherer {
            unwinder: Unwinder::new(),
            began: (Instant::now(), signal::now()),
            stacks: HashSet::new(),
            threads: HashMap::new(),
        }
    }

    fn sample(&mut self, answer: &Answer) -> Option<StackSample> {
        let name = name_of(answer);
        let stack = if is_reporter(name.as_deref()) { Vec::new() } else { self.unwinder.stack(answer) };
        if stack.is_empty() {
            return None;
        }
        let (began, nanos) = self.began;
        let at = match answer.nanos.checked_sub(nanos) {
            Some(later) => began + Duration::from_nanos(later),
            None => began.checked_sub(Duration::from_nanos(nanos - answer.nanos))?,
        };
        Some(StackSample { at, thread: self.thread(answer.thread, name), stack: self.known(&stack) })
    }

    fn known(&mut self, stack: &[usize]) -> Arc<[usize]> {
        if let Some(known) = self.stacks.get(stack) {
            return Arc::clone(known);
        }
        if self.stacks.len() >= MOST_STACKS {
            self.stacks.retain(|known| Arc::strong_count(known) > 1);
        }
        if self.stacks.len() >= MOST_STACKS {
            self.stacks.clear();
        }
        let new: Arc<[usize]> = stack.into();
        self.stacks.insert(Arc::clone(&new));
        new
    }

    fn thread(&mut self, id: u64, name: Option<String>) -> Arc<SampledThread> {
        if let Some(known) = self.threads.get(&id).filter(|known| known.name == name) {
            return Arc::clone(known);
        }
        if self.threads.len() >= MOST_THREADS {
            self.threads.clear();
        }
        let new = Arc::new(SampledThread { id, name });
        self.threads.insert(id, Arc::clone(&new));
        new
    }
}

/// The name of a thread, as Rust calls it too: on Linux the first one has the name of the program.
fn name_of(answer: &Answer) -> Option<String> {
    if cfg!(target_os = "linux") && answer.thread == u64::from(std::process::id()) {
        return Some("main".to_owned());
    }
    let name = String::from_utf8_lossy(answer.name());
    if name.is_empty() { None } else { Some(name.into_owned()) }
}

fn is_reporter(name: Option<&str>) -> bool {
    let kept = |reporter: &'static str| {
        if cfg!(target_os = "linux") { &reporter[..reporter.len().min(15)] } else { reporter }
    };
    name.is_some_and(|name| REPORTERS.into_iter().any(|reporter| kept(reporter) == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reports_is_not_part_of_the_picture() {
        let kept = if cfg!(target_os = "linux") { "watchpost-profi" } else { "watchpost-profile" };
        assert!(is_reporter(Some(kept)) && is_reporter(Some("watchpost")));
        assert!(!is_reporter(Some("watchpost-demo")) && !is_reporter(None));
    }

    #[test]
    fn a_stack_that_was_seen_before_is_kept_once() {
        let mut gatherer = Gatherer::new();
        let first = gatherer.known(&[1, 2]);
        assert!(Arc::ptr_eq(&first, &gatherer.known(&[1, 2])));
        for address in 0..MOST_STACKS {
            gatherer.known(&[address]);
        }
        assert!(gatherer.stacks.len() <= MOST_STACKS);
        assert!(Arc::ptr_eq(&first, &gatherer.known(&[1, 2])), "what somebody still has is not forgotten");
    }
}
