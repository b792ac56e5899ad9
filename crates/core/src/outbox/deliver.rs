//! What the worker does with one envelope: filter by rate limits, let a report ride along, deliver, act on the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use watchpost_protocol::{Category, ClientReport, DiscardReason, DiscardedEvent, Envelope, Item, ItemType};

use super::Wire;
use crate::transport::Delivery;

/// A report may ride on an envelope after this long, and gets one of its own after twice that (`protocol.md` §4.3).
const REPORT_INTERVAL: Duration = Duration::from_secs(30);

/// More lines than this do not fit the 4 KiB of a report.
const LINES_PER_REPORT: usize = 40;

/// The worker's own memory between two deliveries.
pub(super) struct Dispatch {
    last_report: Option<Instant>,
    /// What was last said about the wire; said again only when it changes, so that an outage is one line.
    outage: Option<String>,
}

impl Dispatch {
    pub(super) fn new() -> Self {
        Dispatch { last_report: None, outage: None }
    }

    pub(super) fn deliver(&mut self, wire: &Wire, mut envelope: Envelope) {
        self.drop_limited(wire, &mut envelope);
        if envelope.items.is_empty() {
            return;
        }
        let now = wire.clock.monotonic();
        let since = now.saturating_duration_since(*self.last_report.get_or_insert(now));
        let riding = if wire.reports && since >= REPORT_INTERVAL { wire.losses.take() } else { Vec::new() };
        if !riding.is_empty() {
            self.last_report = Some(now);
            for item in report_items(wire, &riding) {
                envelope.items.push(item);
            }
        }
        self.put(wire, envelope, riding);
        if since >= REPORT_INTERVAL * 2 {
            self.report(wire);
        }
    }

    /// Sends what there is to report, in an envelope of its own.
    pub(super) fn report(&mut self, wire: &Wire) {
        let now = wire.clock.monotonic();
        if !wire.reports || wire.losses.is_empty() || wire.limits.is_limited(Category::Internal, || now) {
            return;
        }
        let lines = wire.losses.take();
        let mut envelope = Envelope::default();
        envelope.headers.sdk = Some(wire.sdk.clone());
        envelope.items = report_items(wire, &lines);
        self.last_report = Some(now);
        self.put(wire, envelope, lines);
    }

    /// Takes out what may not be sent now, and what belongs to it.
    fn drop_limited(&self, wire: &Wire, envelope: &mut Envelope) {
        let limited = |category| wire.limits.is_limited(category, || wire.clock.monotonic());
        let lead_lost = envelope.items.iter().any(|item| is_lead(item) && limited(item.header.ty.category()));
        envelope.items.retain(|item| {
            let goes_with_lead = item.header.ty == ItemType::Attachment && lead_lost;
            let lost = goes_with_lead || limited(item.header.ty.category());
            if lost {
                wire.losses.record_all(DiscardReason::RatelimitBackoff, &item.losses());
                crate::debug!("rate limited: dropped one item of type {}", item.header.ty);
            }
            !lost
        });
    }

    /// Delivers, and turns the answer into the action of `protocol.md` §2.8. `riding` are the lines of the report inside.
    fn put(&mut self, wire: &Wire, envelope: Envelope, riding: Vec<DiscardedEvent>) {
        let answer = catch_unwind(AssertUnwindSafe(|| wire.transport.deliver(&envelope)));
        let now = wire.clock.monotonic();
        if !matches!(answer, Ok(Delivery::Accepted { .. })) {
            wire.losses.put_back(riding); // also after a 429: the server has counted the items, not what the report says
        }
        let lose = |reason| {
            for item in &envelope.items {
                wire.losses.record_all(reason, &item.losses());
            }
        };
        match answer {
            Ok(Delivery::Accepted { limits }) => {
                wire.limits.apply(&limits, now);
                if self.outage.take().is_some() {
                    crate::debug!("delivering again");
                }
            }
            Ok(Delivery::Limited { limits }) => {
                wire.limits.apply(&limits, now);
                crate::debug!("the server is limiting us (429): {limits:?}");
            }
            Ok(Delivery::Rejected { status, message, limits }) => {
                wire.limits.apply(&limits, now);
                lose(DiscardReason::SendError);
                self.say(format!("the server rejected an envelope with status {status}: {message}"));
            }
            Ok(Delivery::Unreachable { error }) => {
                lose(DiscardReason::NetworkError);
                self.say(format!("the server could not be reached: {error}"));
            }
            Err(_) => {
                lose(DiscardReason::InternalSdkError);
                self.say("the transport panicked".into());
            }
        }
    }

    fn say(&mut self, what: String) {
        if self.outage.as_ref() != Some(&what) {
            crate::debug!("{what}; what is lost is counted, and this line is not repeated");
            self.outage = Some(what);
        }
    }
}

fn is_lead(item: &Item) -> bool {
    matches!(item.header.ty, ItemType::Event | ItemType::Transaction | ItemType::Feedback)
}

fn report_items(wire: &Wire, lines: &[DiscardedEvent]) -> Vec<Item> {
    lines
        .chunks(LINES_PER_REPORT)
        .filter_map(|lines| {
            let report = ClientReport { timestamp: Some(wire.clock.now()), discarded_events: lines.to_vec() };
            Item::client_report(&report).ok()
        })
        .collect()
}
