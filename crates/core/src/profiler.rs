//! What samples stacks: a leaf crate plugs it in, and core says when, for how long, and what becomes of it.
//!
//! ```text
//!   core: wanted? since when? ──▶ Recording ◀── add: a stack, a thread, a moment ── profiler (a thread of its own)
//!                                    │ take
//!                                    ▼
//!   worker: names, stacks once each, an envelope
//! ```
//!
//! A profiler knows nothing of spans and chunks; it asks its recordings whether anybody wants samples, and hands in what it has.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Samples the stacks of the program's threads, as long as one of its [`Recording`]s wants it: what a client is given as its profiler. The one that
/// exists is in the crate `watchpost-profiling`, and the facade's feature `profiling` plugs it in.
///
/// All of its methods may be called from any thread, at any time, by several clients at once.
pub trait Profiler: Send + Sync + 'static {
    /// Hands samples to this recording, too, whenever [`Recording::is_wanted`], until nobody else holds it any more. It is called where a span begins: what
    /// takes long is to be done on a thread of the profiler's own.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing can be sampled here.
    fn record(&self, recording: &Arc<Recording>) -> Result<(), Unavailable>;

    /// A recording that was not wanted is wanted again.
    fn wake(&self) {}

    /// Hands in what was sampled so far. Called on the worker, before the samples are taken.
    fn collect(&self) {}

    /// The number by which samples name the thread that runs this, so that spans can name it too.
    fn thread_id(&self) -> Option<u64> {
        None
    }
}

/// Why nothing can be sampled, for a developer to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub Cow<'static, str>);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

/// A stack that was seen at a moment.
#[derive(Debug, Clone)]
pub struct StackSample {
    /// When.
    pub at: Instant,
    /// On which thread.
    pub thread: Arc<SampledThread>,
    /// Return addresses, the innermost first. The first one is where the thread was: one is added to it, so that all mean the instruction before.
    pub stack: Arc<[usize]>,
}

/// A thread that was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampledThread {
    /// As [`Profiler::thread_id`] calls it there.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
}

/// What was sampled between two moments, as long as there is room for it.
pub struct Recording {
    began: Instant,
    /// When it ends by itself.
    limit: Option<Instant>,
    /// How many samples there is room for.
    most: usize,
    /// Since when it is not wanted, in nanoseconds after it began. Not under the lock: whoever begins and ends spans never waits for the profiler.
    paused: AtomicU64,
    samples: Mutex<Vec<StackSample>>,
    /// How many samples there are.
    count: AtomicUsize,
    /// Called when there is hardly any room left.
    on_full: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// The process. In one that was forked, the lock may be held by a thread that stayed behind.
    home: u32,
}

/// It is wanted.
const NOT_PAUSED: u64 = u64::MAX;

impl Recording {
    pub(crate) fn new(most: usize, limit: Option<Duration>) -> Self {
        let began = Instant::now(); // the profiler's clock is the system's, whatever spans are told
        Recording {
            began,
            limit: limit.map(|limit| began + limit),
            most,
            paused: AtomicU64::new(NOT_PAUSED),
            samples: Mutex::default(),
            count: AtomicUsize::new(0),
            on_full: OnceLock::new(),
            home: std::process::id(),
        }
    }

    /// Says whom to tell that it is nearly full.
    pub(crate) fn on_full(&self, tell: impl Fn() + Send + Sync + 'static) {
        let _ = self.on_full.set(Box::new(tell));
    }

    /// Whether more is to be sampled for it.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        let paused = self.paused.load(Ordering::Acquire) != NOT_PAUSED;
        !paused && self.count.load(Ordering::Relaxed) < self.most && !self.is_over(Instant::now())
    }

    /// Keeps a sample, if it was taken while it was wanted, and if there is room.
    pub fn add(&self, sample: &StackSample) {
        let late = self.is_over(sample.at) || self.paused.load(Ordering::Acquire) < self.nanos(sample.at);
        if late || sample.at < self.began {
            return;
        }
        let mut samples = self.lock();
        if samples.len() >= self.most {
            return;
        }
        samples.push(sample.clone());
        self.count.store(samples.len(), Ordering::Relaxed);
        let is_nearly_full = samples.len() == self.nearly_full();
        drop(samples);
        if let (true, Some(tell)) = (is_nearly_full, self.on_full.get()) {
            tell();
        }
    }

    pub(crate) fn is_nearly_full(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.nearly_full()
    }

    fn nearly_full(&self) -> usize {
        self.most / 4 * 3
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Whether it began in this process, which may have been forked since.
    pub(crate) fn is_at_home(&self) -> bool {
        self.home == std::process::id()
    }

    pub(crate) fn pause(&self) {
        let now = self.nanos(Instant::now());
        let _ = self.paused.compare_exchange(NOT_PAUSED, now, Ordering::AcqRel, Ordering::Relaxed);
    }

    pub(crate) fn resume(&self) {
        self.paused.store(NOT_PAUSED, Ordering::Release);
    }

    /// Takes what there is, in the order of time.
    pub(crate) fn take(&self) -> Vec<StackSample> {
        if !self.is_at_home() {
            return Vec::new();
        }
        let mut samples = std::mem::take(&mut *self.lock());
        self.count.store(0, Ordering::Relaxed);
        samples.sort_by_key(|sample| sample.at); // threads answer in any order
        samples
    }

    fn is_over(&self, moment: Instant) -> bool {
        self.limit.is_some_and(|limit| limit < moment)
    }

    fn nanos(&self, moment: Instant) -> u64 {
        moment.saturating_duration_since(self.began).as_nanos() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StackSample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("is_wanted", &self.is_wanted()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: Instant) -> StackSample {
        StackSample { at, thread: Arc::default(), stack: [1].into() }
    }

    #[test]
    fn what_was_seen_while_it_was_wanted_is_kept_in_the_order_of_time() {
        let recording = Recording::new(10, None);
        let began = recording.began();
        let after = |millis| began + Duration::from_millis(millis);
        recording.add(&sample(after(2)));
        recording.add(&sample(after(1)));
        if let Some(before) = began.checked_sub(Duration::from_millis(1)) {
            recording.add(&sample(before));
        }
        recording.pause();
        assert!(!recording.is_wanted());
        recording.add(&sample(Instant::now() + Duration::from_secs(1)));
        recording.resume();
        assert!(recording.is_wanted());
        let moments: Vec<_> = recording.take().iter().map(|sample| sample.at).collect();
        assert_eq!(moments, [after(1), after(2)]);
        assert!(recording.take().is_empty());
    }

    #[test]
    fn it_ends_at_its_limit() {
        let recording = Recording::new(10, Some(Duration::ZERO));
        recording.add(&sample(recording.began()));
        recording.add(&sample(recording.began() + Duration::from_nanos(1)));
        assert_eq!(recording.take().len(), 1);
        assert!(!Recording::new(10, Some(Duration::ZERO)).is_over(recording.began()));
    }

    #[test]
    fn it_tells_once_that_it_is_nearly_full_and_keeps_no_more_than_it_may() {
        let recording = Recording::new(4, None);
        let told = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&told);
        recording.on_full(move || _ = counted.fetch_add(1, Ordering::Relaxed));
        for _ in 0..6 {
            recording.add(&sample(Instant::now()));
        }
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert!(!recording.is_wanted());
        assert_eq!(recording.take().len(), 4);
        assert!(recording.is_wanted());
    }
}
