//! What becomes of what: by level, or by a closure of the program's.

use std::fmt;
use std::ops::BitOr;

use log::{LevelFilter, Metadata};
use watchpost_core::{mute, unharmed};

/// What becomes of a record; see [`LogBridge::filter`](crate::LogBridge::filter). Several may be joined: `LogFilter::ISSUE | LogFilter::LOG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFilter(u8);

impl LogFilter {
    /// Nothing.
    pub const IGNORE: LogFilter = LogFilter(0);
    /// A breadcrumb: part of the trail of what led up to the next issue.
    pub const BREADCRUMB: LogFilter = LogFilter(1);
    /// An issue.
    pub const ISSUE: LogFilter = LogFilter(2);
    /// A log.
    pub const LOG: LogFilter = LogFilter(4);

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn contains(self, other: LogFilter) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for LogFilter {
    type Output = LogFilter;

    fn bitor(self, other: LogFilter) -> LogFilter {
        LogFilter(self.0 | other.0)
    }
}

type Decide = Box<dyn Fn(&Metadata<'_>) -> LogFilter + Send + Sync>;

/// The rules of one bridge.
pub(crate) struct Rules {
    issues: LevelFilter,
    breadcrumbs: LevelFilter,
    logs: LevelFilter,
    decide: Option<Decide>,
    /// Up to which level anything may become of a record: found out once, and not for each.
    loudest: LevelFilter,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            issues: LevelFilter::Error,
            breadcrumbs: LevelFilter::Info,
            logs: LevelFilter::Off,
            decide: None,
            loudest: LevelFilter::Info,
        }
    }
}

impl Rules {
    pub(crate) fn issues(self, issues: LevelFilter) -> Self {
        Rules { issues, ..self }.listening()
    }

    pub(crate) fn breadcrumbs(self, breadcrumbs: LevelFilter) -> Self {
        Rules { breadcrumbs, ..self }.listening()
    }

    pub(crate) fn logs(self, logs: LevelFilter) -> Self {
        Rules { logs, ..self }.listening()
    }

    pub(crate) fn decide(self, decide: Decide) -> Self {
        Rules { decide: Some(decide), ..self }.listening()
    }

    fn listening(self) -> Self {
        let loudest = match self.decide {
            Some(_) => LevelFilter::Trace,
            None => self.issues.max(self.breadcrumbs).max(self.logs),
        };
        Rules { loudest, ..self }
    }

    pub(crate) fn loudest(&self) -> LevelFilter {
        self.loudest
    }

    /// Whether an error of no client is one that would have been an issue.
    pub(crate) fn misses(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.issues.min(LevelFilter::Error)
    }

    /// What becomes of a record. It may ask the program: not before somebody wants to know.
    pub(crate) fn becomes(&self, metadata: &Metadata<'_>) -> LogFilter {
        match &self.decide {
            None => self.by_level(metadata),
            Some(decide) => ask(decide, metadata).unwrap_or_else(|| self.by_level(metadata)),
        }
    }

    fn by_level(&self, metadata: &Metadata<'_>) -> LogFilter {
        let level = metadata.level();
        let log = if level <= self.logs { LogFilter::LOG } else { LogFilter::IGNORE };
        if level <= self.issues {
            LogFilter::ISSUE | log
        } else if level <= self.breadcrumbs {
            LogFilter::BREADCRUMB | log
        } else {
            log
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("issues", &self.issues)
            .field("breadcrumbs", &self.breadcrumbs)
            .field("logs", &self.logs)
            .field("has_filter", &self.decide.is_some())
            .finish_non_exhaustive()
    }
}

/// The program's own answer; `None` if it panics.
#[inline(never)] // a bridge that has no closure does not pay for the landing pads
fn ask(decide: &Decide, metadata: &Metadata<'_>) -> Option<LogFilter> {
    let _muted = mute::enter(); // a filter that logs would be asked about its own record, for ever
    let answer = unharmed(|| decide(metadata));
    if answer.is_none() {
        watchpost_core::debug!("the filter of the log bridge panicked: the levels decide");
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_becomes_can_be_joined() {
        let both = LogFilter::ISSUE | LogFilter::LOG;
        assert!(both.contains(LogFilter::ISSUE) && both.contains(LogFilter::LOG));
        assert!(!both.contains(LogFilter::BREADCRUMB) && !LogFilter::IGNORE.contains(LogFilter::ISSUE));
    }

    #[test]
    fn a_filter_is_asked_about_every_level() {
        let rules = Rules::default();
        assert_eq!(rules.loudest(), LevelFilter::Info);
        let rules = rules.logs(LevelFilter::Debug);
        assert_eq!(rules.loudest(), LevelFilter::Debug);
        let rules = rules.decide(Box::new(|_| LogFilter::IGNORE)).logs(LevelFilter::Off);
        assert_eq!(rules.loudest(), LevelFilter::Trace);
    }
}
