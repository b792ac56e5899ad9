//! One envelope on its way: filtered by rate limits, with a report that rides along, delivered; and what its answer means.

use std::sync::{Arc, PoisonError};

use watchpost_protocol::{DiscardReason, Envelope, Item, ItemType, RateLimit};

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
    /// Delivers what may be sent now. What a limit holds back is lost when the rest has met its fate, and else waits with it.
    pub(super) fn deliver(&self, envelope: Arc<Envelope>) -> Answered {
        if !self.wire.any_limited(&envelope) {
            return self.put(envelope, self.riding_report());
        }
        let (rest, limited) = self.wire.part_limited(&envelope);
        let answered = match rest.items.is_empty() {
            true => Answered::NothingLeft,
            false => self.put(Arc::new(rest), self.riding_report()),
        };
        if let Answered::Unreachable(_) = answered {
            return Answered::Unreachable(envelope);
        }
        for item in &limited {
            crate::debug!("rate limited: dropped one item of type {}", item.header.ty);
        }
        self.wire.lose(DiscardReason::RatelimitBackoff, &limited);
        answered
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
                let limits = limits.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                crate::debug!("the server is limiting us (429): nothing for {limits}");
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
        envelope.items.iter().any(|item| self.is_limited(item.header.ty.category()))
    }

    /// What may be sent now, and what may not: with an item go those that belong to it.
    fn part_limited(&self, envelope: &Envelope) -> (Envelope, Vec<Item>) {
        let is_limited = |item: &Item| self.is_limited(item.header.ty.category());
        let lead_lost = envelope.items.iter().any(|item| is_lead(item) && is_limited(item));
        let lost = |item: &Item| is_limited(item) || (lead_lost && item.header.ty == ItemType::Attachment);
        let (limited, items) = envelope.items.iter().cloned().partition(lost);
        (Envelope { headers: envelope.headers.clone(), items }, limited)
    }

    pub(super) fn lose(&self, reason: DiscardReason, items: &[Item]) {
        for item in items {
            self.losses.record_all(reason, &item.losses());
        }
    }

    pub(super) fn apply(&self, limits: &[RateLimit]) {
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
