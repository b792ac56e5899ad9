//! The disk's side of the contract: where an envelope waits that the wire would not take.
//!
//! Which envelopes are kept, when they are sent and in which order is the outbox's (`outbox/disk.rs`); a spool keeps them, within its bounds,
//! for this process or another one. [`Options::spool`](crate::Options::spool) is the one in a directory,
//! [`Options::spool_store`](crate::Options::spool_store) takes any other.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use watchpost_protocol::{Category, Envelope};

use crate::losses::Losses;

/// The default of [`SpoolOptions::max_bytes`].
pub const DEFAULT_SPOOL_BYTES: u64 = 50_000_000;
/// The default of [`SpoolOptions::max_envelopes`].
pub const DEFAULT_SPOOL_ENVELOPES: usize = 5_000;
/// The default of [`SpoolOptions::max_age`]: older items are not taken by Sentry anyway.
pub const DEFAULT_SPOOL_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where on the disk [`Options::spool`](crate::Options::spool) keeps what could not be sent, and how much of it. A path alone is one with
/// the default bounds.
///
/// Beyond a bound the least important envelope goes, of equals the oldest. What goes is counted as `cache_overflow`.
///
/// ```
/// # use watchpost_core as watchpost;
/// use std::time::Duration;
/// use watchpost::{Options, SpoolOptions};
///
/// let a_day = Duration::from_secs(24 * 60 * 60);
/// let options = Options::new().spool(SpoolOptions::new("/var/spool/shop").max_age(a_day));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct SpoolOptions {
    directory: PathBuf,
    max_bytes: u64,
    max_envelopes: usize,
    max_age: Duration,
}

impl SpoolOptions {
    /// A spool in `directory`, which is made if it does not exist. Several processes may share it.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        SpoolOptions {
            directory: directory.into(),
            max_bytes: DEFAULT_SPOOL_BYTES,
            max_envelopes: DEFAULT_SPOOL_ENVELOPES,
            max_age: DEFAULT_SPOOL_AGE,
        }
    }

    /// How many bytes the envelopes in the directory may have together. Default: 50 000 000.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How many envelopes may be there. Default: 5 000.
    pub fn max_envelopes(mut self, envelopes: usize) -> Self {
        self.max_envelopes = envelopes;
        self
    }

    /// How long an envelope may wait there. Default: 30 days.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// The bounds: bytes, envelopes, age.
    #[must_use]
    pub fn bounds(&self) -> (u64, usize, Duration) {
        (self.max_bytes, self.max_envelopes, self.max_age)
    }
}

impl From<&str> for SpoolOptions {
    fn from(directory: &str) -> Self {
        SpoolOptions::new(directory)
    }
}

impl From<String> for SpoolOptions {
    fn from(directory: String) -> Self {
        SpoolOptions::new(directory)
    }
}

impl From<PathBuf> for SpoolOptions {
    fn from(directory: PathBuf) -> Self {
        SpoolOptions::new(directory)
    }
}

impl From<&std::path::Path> for SpoolOptions {
    fn from(directory: &std::path::Path) -> Self {
        SpoolOptions::new(directory)
    }
}

/// Keeps envelopes until they are sent, beyond the end of the process.
///
/// All of it is called on worker threads of the client, never on a thread that captures. An implementation may be slow, and it may fail: then
/// the outbox does without it for a while. It must not wait for ever.
pub trait Spool: Send + Sync + 'static {
    /// Keeps `envelope`, and whatever happens to the process after that does not lose it. What has to go for it is added to `losses`.
    /// It belongs to the caller until the claim is dropped.
    ///
    /// # Errors
    /// Why it is not kept. Nothing is counted then.
    fn keep(
        &self,
        envelope: &Envelope,
        rank: Rank,
        room: Room,
        losses: &Losses,
    ) -> Result<Box<dyn Claim>, Refused>;

    /// Hands out the most important envelope, of equals the oldest, that nobody else has claimed (no thread and no process) and of whose
    /// category something `may_go` now. `None`: there is none. What is found too old or unreadable on the way is added to `losses`.
    fn next(&self, may_go: &dyn Fn(Category) -> bool, losses: &Losses) -> Option<(Envelope, Box<dyn Claim>)>;
}

/// How important an envelope is, and what is lost with it if it cannot be read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// 0 is the most important; there are not more than ten.
    pub level: u8,
    /// What its item is counted as.
    pub category: Category,
}

/// What to do where there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Refuse: it can wait elsewhere.
    Find,
    /// Let go what is less important, or older, or in the end the newcomer.
    Make,
}

/// Why an envelope is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There is no room.
    Full,
    /// It could not be written; why, for the developer.
    Failed(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Full => f.write_str("the spool is full"),
            Refused::Failed(why) => f.write_str(why),
        }
    }
}

/// A kept envelope that belongs to who holds this. Dropped, also by the end of the process, it is there for the next one.
pub trait Claim: Send {
    /// The envelope has met its fate: it is not kept any longer.
    fn settle(self: Box<Self>);
}
