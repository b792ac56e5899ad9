//! What becomes of what. It is decided by callsite: by level, by target, or by a closure of the program's, which is asked once per callsite
//! and thread and not each time.

use std::cell::RefCell;
use std::fmt;
use std::ops::BitOr;
use std::sync::Arc;

use tracing_core::{Event, Level, LevelFilter, Metadata};
use watchpost_core::layer::span_is_too_low;
use watchpost_core::mute;
use watchpost_core::unharmed;

use crate::libraries::{self, Events};
use crate::log_record::LogRecord;

/// What becomes of an event. Several may be joined: `EventFilter::ISSUE | EventFilter::BREADCRUMB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventFilter(u8);

impl EventFilter {
    /// Nothing.
    pub const IGNORE: EventFilter = EventFilter(0);
    /// A breadcrumb: part of the trail of what led up to the next issue.
    pub const BREADCRUMB: EventFilter = EventFilter(1);
    /// An issue.
    pub const ISSUE: EventFilter = EventFilter(2);
    /// A log.
    pub const LOG: EventFilter = EventFilter(16);
    /// It is of a library, and stands for something.
    pub(crate) const TELLS: EventFilter = EventFilter(4);
    /// A span that it tells of is wanted.
    pub(crate) const SPAN: EventFilter = EventFilter(8);

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn contains(self, other: EventFilter) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn intersects(self, other: EventFilter) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn only(self, other: EventFilter) -> EventFilter {
        EventFilter(self.0 & other.0)
    }

    pub(crate) const fn without(self, other: EventFilter) -> EventFilter {
        EventFilter(self.0 & !other.0)
    }
}

impl BitOr for EventFilter {
    type Output = EventFilter;

    fn bitor(self, other: EventFilter) -> EventFilter {
        EventFilter(self.0 | other.0)
    }
}

/// The levels up to which events and spans of a target are taken; see [`CaptureLayer::target`](crate::CaptureLayer::target). What is not set
/// is as for every other target.
///
/// ```
/// # mod watchpost { pub use watchpost_tracing as tracing; }
/// use tracing::level_filters::LevelFilter;
/// use watchpost::tracing::Levels;
///
/// // What this cache says at DEBUG is worth a breadcrumb.
/// watchpost::tracing::layer().target("moka", Levels::new().breadcrumbs(LevelFilter::DEBUG));
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct Levels {
    issues: Option<LevelFilter>,
    breadcrumbs: Option<LevelFilter>,
    logs: Option<LevelFilter>,
    spans: Option<LevelFilter>,
}

impl Levels {
    /// As for every other target.
    pub fn new() -> Self {
        Levels::default()
    }

    /// Nothing is taken.
    pub fn off() -> Self {
        let off = LevelFilter::OFF;
        Levels::new().issues(off).breadcrumbs(off).logs(off).spans(off)
    }

    /// Up to which level events become issues.
    pub fn issues(mut self, level: impl Into<LevelFilter>) -> Self {
        self.issues = Some(level.into());
        self
    }

    /// Up to which level events that are no issues become breadcrumbs.
    pub fn breadcrumbs(mut self, level: impl Into<LevelFilter>) -> Self {
        self.breadcrumbs = Some(level.into());
        self
    }

    /// Up to which level events become logs.
    pub fn logs(mut self, level: impl Into<LevelFilter>) -> Self {
        self.logs = Some(level.into());
        self
    }

    /// Up to which level spans are recorded.
    pub fn spans(mut self, level: impl Into<LevelFilter>) -> Self {
        self.spans = Some(level.into());
        self
    }
}

type Decide<T> = Arc<dyn Fn(&Metadata<'_>) -> T + Send + Sync>;

/// The rules of one layer.
pub(crate) struct Rules {
    issues: LevelFilter,
    breadcrumbs: LevelFilter,
    logs: LevelFilter,
    spans: LevelFilter,
    /// The longest target first.
    targets: Vec<(String, Levels)>,
    events_by: Option<Decide<EventFilter>>,
    spans_by: Option<Decide<bool>>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            issues: LevelFilter::ERROR,
            breadcrumbs: LevelFilter::INFO,
            logs: LevelFilter::OFF,
            spans: LevelFilter::INFO,
            targets: Vec::new(),
            events_by: None,
            spans_by: None,
        }
    }
}

impl Rules {
    /// Changes the levels of every target that has none of its own.
    pub(crate) fn set(&mut self, levels: Levels) {
        self.issues = levels.issues.unwrap_or(self.issues);
        self.breadcrumbs = levels.breadcrumbs.unwrap_or(self.breadcrumbs);
        self.logs = levels.logs.unwrap_or(self.logs);
        self.spans = levels.spans.unwrap_or(self.spans);
    }

    pub(crate) fn set_target(&mut self, target: String, levels: Levels) {
        self.targets.retain(|(known, _)| *known != target);
        self.targets.push((target, levels));
        self.targets.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
    }

    pub(crate) fn decide_events(&mut self, decide: Decide<EventFilter>) {
        self.events_by = Some(decide);
    }

    pub(crate) fn decide_spans(&mut self, decide: Decide<bool>) {
        self.spans_by = Some(decide);
    }

    /// What becomes of an event; `serial` is the layer's.
    pub(crate) fn event(&self, serial: u32, event: &Event<'_>) -> EventFilter {
        let metadata = event.metadata();
        if self.targets.is_empty() && self.events_by.is_none() && !libraries::may_tell(metadata) {
            return by_level(*metadata.level(), self.issues, self.breadcrumbs, self.logs);
        }
        if LogRecord::is_one(metadata) {
            return self.decide_record(event);
        }
        EventFilter(remembered(serial, metadata, || self.decide_event(metadata).0))
    }

    /// Whether a span is recorded.
    pub(crate) fn span(&self, serial: u32, metadata: &'static Metadata<'static>) -> bool {
        // What is at INFO or above needs no look at who makes it.
        if self.targets.is_empty() && self.spans_by.is_none() && *metadata.level() <= Level::INFO {
            return *metadata.level() <= self.spans;
        }
        remembered(serial, metadata, || u8::from(self.decide_span(metadata))) != 0
    }

    fn decide_event(&self, metadata: &'static Metadata<'static>) -> EventFilter {
        let itself = self.decide(metadata, libraries::event_level(metadata));
        match libraries::told_by(metadata) {
            None => itself,
            Some(Events::Query) if self.decide_span(metadata) => {
                itself | EventFilter::SPAN | EventFilter::TELLS
            }
            Some(Events::Query) if itself == EventFilter::IGNORE => itself,
            Some(_) => itself | EventFilter::TELLS,
        }
    }

    /// A record of `log` by where it was said, which its callsite does not know.
    fn decide_record(&self, event: &Event<'_>) -> EventFilter {
        let record = LogRecord::of(event);
        self.decide(&record.metadata(event.metadata()), *event.metadata().level())
    }

    fn decide(&self, metadata: &Metadata<'_>, level: Level) -> EventFilter {
        self.events_by.as_ref().and_then(|decide| ask(decide, metadata)).unwrap_or_else(|| {
            let levels = self.of_target(metadata.target());
            let issues = levels.issues.unwrap_or(self.issues);
            let breadcrumbs = levels.breadcrumbs.unwrap_or(self.breadcrumbs);
            let logs = levels.logs.unwrap_or(self.logs);
            // What stands for more than its level is worth a breadcrumb; of logs the program has said how much it wants.
            let trail = by_level(level, issues, breadcrumbs, LevelFilter::OFF);
            trail | by_level(*metadata.level(), LevelFilter::OFF, LevelFilter::OFF, logs)
        })
    }

    fn decide_span(&self, metadata: &'static Metadata<'static>) -> bool {
        self.spans_by.as_ref().and_then(|decide| ask(decide, metadata)).unwrap_or_else(|| {
            match (self.of_target(metadata.target()).spans, libraries::span_level(metadata)) {
                (Some(spans), _) => *metadata.level() <= spans, // the program knows better
                (None, Some(level)) if level > self.spans => {
                    if level == Level::DEBUG {
                        span_is_too_low(metadata.name(), metadata.target(), &level, &self.spans);
                    }
                    false
                }
                (None, level) => level.is_some(),
            }
        })
    }

    fn of_target(&self, target: &str) -> Levels {
        let is_within = |(outer, _): &&(String, Levels)| {
            target.strip_prefix(outer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.targets.iter().find(is_within).map(|(_, levels)| *levels).unwrap_or_default()
    }
}

fn by_level(level: Level, issues: LevelFilter, breadcrumbs: LevelFilter, logs: LevelFilter) -> EventFilter {
    let log = if level <= logs { EventFilter::LOG } else { EventFilter::IGNORE };
    if level <= issues {
        EventFilter::ISSUE | log
    } else if level <= breadcrumbs {
        EventFilter::BREADCRUMB | log
    } else {
        log
    }
}

/// The program's own answer; `None` if it panics.
fn ask<T>(decide: &Decide<T>, metadata: &Metadata<'_>) -> Option<T> {
    let _muted = mute::enter(); // a filter that logs would be asked about its own event, for ever
    let answer = unharmed(|| decide(metadata));
    if answer.is_none() {
        watchpost_core::debug!("a filter of the tracing layer panicked: the levels decide");
    }
    answer
}

const ANSWERS: usize = 64;

thread_local! {
    /// The last answers of this thread, by callsite. A callsite lives as long as the program, so its address is its name.
    static MEMORY: RefCell<[Answer; ANSWERS]> = const {
        RefCell::new([Answer { serial: 0, callsite: 0, answer: 0 }; ANSWERS])
    };
}

#[derive(Clone, Copy)]
struct Answer {
    /// No layer has the serial 0.
    serial: u32,
    callsite: usize,
    answer: u8,
}

fn remembered(serial: u32, metadata: &'static Metadata<'static>, decide: impl FnOnce() -> u8) -> u8 {
    let callsite = std::ptr::from_ref(metadata).addr();
    let at = (crate::cache::mix(callsite as u64 ^ u64::from(serial)) >> 58) as usize % ANSWERS;
    let known = MEMORY.try_with(|memory| {
        let answer = memory.try_borrow().ok()?[at];
        (answer.serial == serial && answer.callsite == callsite).then_some(answer.answer)
    });
    if let Ok(Some(answer)) = known {
        return answer;
    }
    let answer = decide(); // the program's, maybe: nothing is borrowed
    let _ = MEMORY.try_with(|memory| {
        if let Ok(mut memory) = memory.try_borrow_mut() {
            memory[at] = Answer { serial, callsite, answer };
        }
    });
    answer
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("issues", &self.issues)
            .field("breadcrumbs", &self.breadcrumbs)
            .field("logs", &self.logs)
            .field("spans", &self.spans)
            .field("targets", &self.targets)
            .field("has_event_filter", &self.events_by.is_some())
            .field("has_span_filter", &self.spans_by.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_target_wins_and_ends_at_a_path_s_part() {
        let mut rules = Rules::default();
        rules.set_target("hyper".into(), Levels::off());
        rules.set_target("hyper::client".into(), Levels::new().spans(LevelFilter::DEBUG));
        let spans = |target| rules.of_target(target).spans;
        assert_eq!(spans("hyper"), Some(LevelFilter::OFF));
        assert_eq!(spans("hyper::proto::h1"), Some(LevelFilter::OFF));
        assert_eq!(spans("hyper::client::pool"), Some(LevelFilter::DEBUG));
        assert_eq!(rules.of_target("hyper::client").issues, None, "only what it sets is of its own");
        assert_eq!(spans("hyper_util"), None);
    }

    #[test]
    fn what_an_event_becomes_can_be_joined() {
        let both = EventFilter::ISSUE | EventFilter::BREADCRUMB;
        assert!(both.contains(EventFilter::ISSUE) && both.contains(EventFilter::BREADCRUMB));
        assert!(!EventFilter::IGNORE.contains(EventFilter::ISSUE));
        assert!(EventFilter::IGNORE.contains(EventFilter::IGNORE));
    }
}
