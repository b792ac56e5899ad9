//! A run of the profiler, and the chunks that it is sent in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use watchpost_protocol::{ProfileId, Timestamp};

use super::Profiling;
use crate::clock::Clock;
use crate::profiler::{Recording, StackSample};

/// How many samples a chunk has room for: five threads that are busy for a minute; 1.2 MB. When it is nearly full, it is sent before its time.
const MOST_OF_A_CHUNK: usize = 30_000;

pub(super) struct Run {
    pub(super) id: ProfileId,
    pub(super) recording: Arc<Recording>,
    /// The time of day, once for the whole run, and the moment that it belongs to (§13.1).
    anchor: (Timestamp, Instant),
    /// When the chunk began that is recorded now, by the client's clock.
    since: Instant,
    on: bool,
    /// There may be something to send.
    news: bool,
}

/// A chunk to be sent: its samples are still where they were recorded.
pub(crate) struct Chunk {
    pub(crate) profiler_id: ProfileId,
    pub(crate) chunk_id: ProfileId,
    pub(crate) profiling: Arc<Profiling>,
    recording: Arc<Recording>,
    anchor: (Timestamp, Instant),
}

impl Run {
    pub(super) fn new(id: ProfileId, clock: &dyn Clock) -> Self {
        let recording = Arc::new(Recording::new(MOST_OF_A_CHUNK, None));
        let anchor = (clock.now(), recording.began());
        Run { id, recording, anchor, since: clock.monotonic(), on: true, news: true }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// Whether it began in this process. The profiler does not come along into one that is forked.
    pub(super) fn is_at_home(&self) -> bool {
        self.recording.is_at_home()
    }

    pub(super) fn pause(&mut self) {
        self.on = false;
        self.recording.pause();
    }

    pub(super) fn resume(&mut self, now: Instant) {
        if !self.news {
            self.since = now;
        }
        (self.on, self.news) = (true, true);
        self.recording.resume();
    }

    pub(super) fn has_news(&self) -> bool {
        self.news
    }

    pub(super) fn is_nearly_full(&self) -> bool {
        self.recording.is_nearly_full()
    }

    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Ends a chunk; while the run goes on, another one begins.
    pub(super) fn cut(&mut self, profiling: &Arc<Profiling>, now: Instant, chunk_id: ProfileId) -> Chunk {
        self.since = now;
        self.news = self.on;
        Chunk {
            profiler_id: self.id,
            chunk_id,
            profiling: Arc::clone(profiling),
            recording: Arc::clone(&self.recording),
            anchor: self.anchor,
        }
    }
}

impl Chunk {
    /// What was sampled. On the worker.
    pub(crate) fn take(&self) -> Vec<StackSample> {
        self.profiling.take(&self.recording)
    }

    /// The time of day of a moment.
    pub(crate) fn time_of(&self, moment: Instant) -> Timestamp {
        let (time, began) = self.anchor;
        time.saturating_add(moment.saturating_duration_since(began))
    }
}
