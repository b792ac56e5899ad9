//! One envelope on its way: filtered by rate limits, with a report that rides along, delivered; and what its answer means.

use std::sync::{Arc, PoisonError};

use watchpost_protocol::{Category, DiscardReason, Envelope, Item, ItemType, RateLimit};

use super::report::Leaving;
use super::{Prepare, Shared, Wire};
use crate::transport::Delivery;
use crate::unharmed::unharmed;

/// What became of an envelope.
pub(super) enum Answered {
    /// Its fate is sealed, and what was lost is counted.
    Settled,
    /// Nothing of it may be sent now, which is counted.
    NothingLeft,
    /// There was no answer. Nothing is counted.
    Unreachable(Arc<Envelope>),
}

/// What was last said about the wire. It is said again only when it changes, so that an outage is one line.
#[derive(Debug, Default)]
pub(super) struct Outcry(Option<String>);

impl<P: Prepare> Shared<P> {
    /// Delivers what may be sent now.
    pub(super) fn deliver(&self, mut envelope: Arc<Envelope>) -> Answered {
        if self.wire.any_limited(&envelope) {
            self.wire.drop_limited(Arc::make_mut(&mut envelope));
        }
        if envelope.items.is_empty() {
            return Answered::NothingLeft;
        }
        self.put(envelope, self.riding_report())
    }

    /// Delivers, and turns the answer into the action of `protocol.md` §2.8.
    pub(super) fn put(&self, mut envelope: Arc<Envelope>, report: Option<Leaving>) -> Answered {
        let own = envelope.items.len();
        if let Some(report) = &report {
            Arc::make_mut(&mut envelope).items.extend(report.items.iter().cloned());
        }
        let answer = unharmed(|| self.wire.transport.deliver(&envelope));
        if let Some(report) = &report {
            // Not after a 429, either: the server has counted the items, and not read the report.
            self.end_report(report, matches!(answer, Some(Delivery::Accepted { .. })));
            Arc::make_mut(&mut envelope).items.truncate(own);
        }
        match answer {
            Some(Delivery::Accepted { limits }) => {
                self.wire.apply(&limits);
                self.reachable();
            }
            Some(Delivery::Limited { limits }) => {
                self.wire.apply(&limits);
                crate::debug!("the server is limiting us (429): {limits:?}");
            }
            Some(Delivery::Rejected { status, message, limits }) => {
                self.wire.apply(&limits);
                self.wire.lose(DiscardReason::SendError, &envelope.items);
                self.cry(format!("the server rejected an envelope with status {status}: {message}"));
            }
            Some(Delivery::Unreachable { error }) => {
                self.cry(format!("the server could not be reached: {error}"));
                return Answered::Unreachable(envelope);
            }
            None => {
                self.wire.lose(DiscardReason::InternalSdkError, &envelope.items);
                self.cry("the transport panicked".into());
            }
        }
        Answered::Settled
    }

    pub(super) fn cry(&self, what: String) {
        let mut outcry = self.outcry.lock().unwrap_or_else(PoisonError::into_inner);
        if outcry.0.as_ref() != Some(&what) {
            crate::debug!("{what}; what is lost is counted, and this line is not repeated");
            outcry.0 = Some(what);
        }
    }

    fn reachable(&self) {
        let mut outcry = self.outcry.lock().unwrap_or_else(PoisonError::into_inner);
        if outcry.0.take().is_some() {
            crate::debug!("delivering again");
        }
    }
}

impl Wire {
    fn any_limited(&self, envelope: &Envelope) -> bool {
        envelope.items.iter().any(|item| self.is_item_limited(&item.header.ty))
    }

    /// Takes out what may not be sent now, and what belongs to it.
    fn drop_limited(&self, envelope: &mut Envelope) {
        let lead_lost =
            envelope.items.iter().any(|item| is_lead(item) && self.is_item_limited(&item.header.ty));
        envelope.items.retain(|item| {
            let rides = matches!(item.header.ty, ItemType::Attachment | ItemType::Profile);
            let goes_with_lead = rides && lead_lost;
            let lost = goes_with_lead || self.is_item_limited(&item.header.ty);
            if lost {
                self.lose(DiscardReason::RatelimitBackoff, std::slice::from_ref(item));
                crate::debug!("rate limited: dropped one item of type {}", item.header.ty);
            }
            !lost
        });
    }

    /// What is counted by items and by bytes is limited by either (§3.3).
    fn is_item_limited(&self, ty: &ItemType) -> bool {
        let or_by = match ty {
            ItemType::Log => Some(Category::LogByte),
            ItemType::TraceMetric => Some(Category::TraceMetricByte),
            ItemType::Attachment => Some(Category::AttachmentItem),
            _ => None,
        };
        self.is_limited(ty.category()) || or_by.is_some_and(|category| self.is_limited(category))
    }

    pub(super) fn lose(&self, reason: DiscardReason, items: &[Item]) {
        for item in items {
            self.losses.record_all(reason, &item.losses());
        }
    }

    fn apply(&self, limits: &[RateLimit]) {
        if !limits.is_empty() {
            let now = self.now();
            self.limits.apply(limits, now);
            self.health.limited(&self.limits, now);
        }
    }
}

fn is_lead(item: &Item) -> bool {
    matches!(item.header.ty, ItemType::Event | ItemType::Transaction | ItemType::Feedback)
}
