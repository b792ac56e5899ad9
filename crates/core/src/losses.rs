//! The ledger of what was lost: nothing is dropped without a line in it (promise 5).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use watchpost_protocol::{Category, DiscardReason, DiscardedEvent};

/// Counts losses by reason and category until the next client report takes them (`protocol.md` §4.3).
#[derive(Debug, Default)]
pub struct Losses {
    counts: Mutex<BTreeMap<(DiscardReason, Category), u64>>,
    /// Traces that were not sampled: the one loss that is ordinary, and so has to cost next to nothing.
    unsampled: AtomicU64,
}

impl Losses {
    /// Adds `quantity` to one line; zero adds nothing.
    pub fn record(&self, reason: DiscardReason, category: Category, quantity: u64) {
        self.record_all(reason, &[(category, quantity)]);
    }

    /// Adds what one item consists of, all for the same reason.
    pub fn record_all(&self, reason: DiscardReason, quantities: &[(Category, u64)]) {
        let mut quantities = quantities.iter().filter(|(_, quantity)| *quantity > 0).peekable();
        if quantities.peek().is_none() {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for &(category, quantity) in quantities {
            let count = counts.entry((reason, category)).or_default();
            *count = count.saturating_add(quantity);
        }
    }

    /// Adds a trace that was not sampled: a transaction, and its root span (§4.2).
    pub(crate) fn record_unsampled(&self) {
        self.unsampled.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes every line out: read and reset in one step, so that no loss is reported twice.
    #[must_use]
    pub fn take(&self) -> Vec<DiscardedEvent> {
        let unsampled = self.unsampled.swap(0, Ordering::Relaxed);
        let lines = [(Category::Transaction, unsampled), (Category::Span, unsampled)];
        self.record_all(DiscardReason::SampleRate, &lines);
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        counts
            .into_iter()
            .map(|((reason, category), quantity)| DiscardedEvent { reason, category, quantity })
            .collect()
    }

    /// Puts lines back that could not be delivered.
    pub fn put_back(&self, lines: Vec<DiscardedEvent>) {
        for line in lines {
            self.record(line.reason, line.category, line.quantity);
        }
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unsampled.load(Ordering::Relaxed) == 0
            && self.counts.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_add_up_and_are_taken_once() {
        let losses = Losses::default();
        losses.record_all(
            DiscardReason::BeforeSend,
            &[(Category::Span, 2), (Category::Error, 1), (Category::LogItem, 0)],
        );
        losses.record(DiscardReason::BeforeSend, Category::Span, 3);

        let lines = losses.take();
        let picture: Vec<_> = lines.iter().map(|line| (line.category, line.quantity)).collect();
        assert_eq!(picture, [(Category::Error, 1), (Category::Span, 5)]);
        assert!(losses.is_empty());

        losses.put_back(lines);
        assert_eq!(losses.take().len(), 2);

        losses.record_unsampled();
        assert!(!losses.is_empty());
        let unsampled = losses.take();
        let picture: Vec<_> =
            unsampled.iter().map(|line| (line.reason, line.category, line.quantity)).collect();
        let reason = DiscardReason::SampleRate;
        assert_eq!(picture, [(reason, Category::Transaction, 1), (reason, Category::Span, 1)]);
    }
}
