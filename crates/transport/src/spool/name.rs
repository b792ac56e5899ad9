//! File names: what has to be known of an envelope without reading it.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use watchpost_core::Rank;

/// The end of the name of an envelope.
const WHOLE: &str = ".envelope";
/// The end of one that is being written.
const PART: &str = ".envelope.part";

/// `<level>-<category>-<microseconds>-<server>-<random>.envelope`: in the order of names the most important come first, of equals the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) level: u8,
    /// Since 1970.
    pub(super) micros: u64,
    pub(super) unique: u64,
    /// The server and project, as a hash.
    pub(super) server: u64,
    pub(super) category: watchpost_protocol::Category,
}

impl Name {
    /// One that nobody has.
    pub(super) fn new(rank: Rank, server: u64, now: SystemTime) -> Self {
        let micros = micros(now);
        let unique = RandomState::new().hash_one((std::process::id(), micros));
        Name { level: rank.level.min(9), micros, unique, server, category: rank.category }
    }

    /// Of a whole envelope; `None`: it is not one of ours.
    pub(super) fn parse(file: &str) -> Option<Self> {
        Name::parse_stem(file.strip_suffix(WHOLE)?)
    }

    /// Of one that is being written, or was when its writer ended.
    pub(super) fn parse_part(file: &str) -> Option<Self> {
        Name::parse_stem(file.strip_suffix(PART)?)
    }

    fn parse_stem(stem: &str) -> Option<Self> {
        let mut parts = stem.split('-');
        let mut part = || parts.next();
        let name = Name {
            level: part()?.parse().ok()?,
            category: part()?.parse().ok()?,
            micros: part()?.parse().ok()?,
            server: u64::from_str_radix(part()?, 16).ok()?,
            unique: u64::from_str_radix(part()?, 16).ok()?,
        };
        (name.stem() == stem).then_some(name)
    }

    fn stem(&self) -> String {
        let Name { level, micros, unique, server, category } = self;
        format!("{level}-{category}-{micros:017}-{server:016x}-{unique:016x}")
    }

    pub(super) fn file(&self) -> String {
        self.stem() + WHOLE
    }

    pub(super) fn part_file(&self) -> String {
        self.stem() + PART
    }

    /// How long it has waited. A clock that was set back makes nothing old.
    pub(super) fn age(&self, now: SystemTime) -> Duration {
        Duration::from_micros(micros(now).saturating_sub(self.micros))
    }
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The server and project that an envelope is for, as part of a name: FNV-1a, which is the same in every process.
pub(super) fn hash(address: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    address.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Category;

    use super::*;

    fn name(level: u8, seconds: u64) -> Name {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Name::new(Rank { level, category: Category::LogItem }, hash("http://localhost/api/1/envelope/"), now)
    }

    #[test]
    fn a_name_is_read_back_and_nothing_else_is_one() {
        let name = name(3, 1_790_000_000);
        assert_eq!(Name::parse(&name.file()), Some(name));
        assert_eq!(Name::parse_part(&name.part_file()), Some(name));
        assert_eq!(Name::parse(&name.part_file()), None);
        for foreign in ["", "notes.txt", ".envelope", "3-log_item-1.envelope", "+3-log_item-1-a-b.envelope"] {
            assert_eq!(Name::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_important_come_first_and_then_the_old() {
        let mut names = [name(3, 1), name(0, 9), name(3, 0), name(1, 5)];
        names.sort();
        assert_eq!(
            names.map(|name| (name.level, name.micros)),
            [(0, 9_000_000), (1, 5_000_000), (3, 0), (3, 1_000_000)]
        );
        let mut files = names.map(|name| name.file());
        files.sort();
        assert_eq!(files, names.map(|name| name.file()));
    }
}
