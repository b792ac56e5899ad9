//! Client reports: when one is sent, and what becomes of it (`protocol.md` §4.3).

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use watchpost_protocol::{Category, ClientReport, DiscardedEvent, Envelope, Item};

use super::{Prepare, Shared, Wire};
use crate::losses::Reporting;

/// A report may ride on an envelope after this long, and gets one of its own after twice that.
const INTERVAL: Duration = Duration::from_secs(30);

/// More lines than this do not fit the 4 KiB of a report.
const LINES_PER_REPORT: usize = 40;

/// When the last report was sent, or else when there first could have been one.
#[derive(Debug, Default)]
pub(super) struct Reports(Option<Instant>);

/// A report that is about to be sent.
pub(super) struct Leaving {
    pub(super) items: Vec<Item>,
    lines: Reporting,
}

impl Reports {
    fn is_due(&mut self, now: Instant, after: Duration) -> bool {
        now.saturating_duration_since(*self.0.get_or_insert(now)) >= after
    }
}

impl<P: Prepare> Shared<P> {
    /// Whether there are losses that the server is to be told of.
    pub(super) fn has_news(&self) -> bool {
        self.wire.reports && !self.wire.losses.is_empty()
    }

    fn report_is_due(&self, after: Duration) -> bool {
        let now = self.wire.now();
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).is_due(now, after)
    }

    /// The report that rides on the next envelope, if it is time for one.
    pub(super) fn riding_report(&self) -> Option<Leaving> {
        (self.wire.reports && self.report_is_due(INTERVAL)).then(|| self.new_report())?
    }

    /// Whether there was nothing that a report could have ridden on for long.
    pub(super) fn report_is_overdue(&self) -> bool {
        self.has_news() && self.report_is_due(INTERVAL * 2)
    }

    /// Sends what there is to report, in an envelope of its own.
    pub(super) fn deliver_report(&self) {
        // A limit on everything holds for reports, too (§3.2).
        if !self.wire.reports || self.wire.is_limited(Category::Internal) {
            return;
        }
        let Some(report) = self.new_report() else { return };
        self.put(Arc::new(Envelope::of(&self.wire.sdk, Vec::new())), Some(report));
    }

    fn new_report(&self) -> Option<Leaving> {
        let now = self.wire.now();
        let lines = self.wire.losses.begin_report()?;
        *self.reports.lock().unwrap_or_else(PoisonError::into_inner) = Reports(Some(now));
        Some(Leaving { items: self.wire.report_items(&lines.lines), lines })
    }

    /// A report has arrived, or has not.
    pub(super) fn end_report(&self, report: &Leaving, arrived: bool) {
        self.wire.losses.end_report(&report.lines, arrived);
    }
}

impl Wire {
    fn report_items(&self, lines: &[DiscardedEvent]) -> Vec<Item> {
        let chunks = lines.chunks(LINES_PER_REPORT);
        let item = |lines: &[DiscardedEvent]| {
            let report =
                ClientReport { timestamp: Some(self.time_of_day()), discarded_events: lines.to_vec() };
            Item::client_report(&report).ok()
        };
        chunks.filter_map(item).collect()
    }
}
