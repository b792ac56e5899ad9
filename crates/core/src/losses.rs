//! The ledger of what was lost: nothing is dropped without a line in it (promise 5).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use watchpost_protocol::{Category, DiscardReason, DiscardedEvent};

/// Counts losses by reason and category until the next client report takes them (`protocol.md` §4.3).
#[derive(Debug, Default)]
pub struct Losses {
    counts: Mutex<BTreeMap<(DiscardReason, Category), u64>>,
}

impl Losses {
    /// Adds `quantity` to one line; zero adds nothing.
    pub fn record(&self, reason: DiscardReason, category: Category, quantity: u64) {
        if quantity > 0 {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry((reason, category)).or_default();
            *count = count.saturating_add(quantity);
        }
    }

    /// Adds what one item consists of, all for the same reason.
    pub fn record_all(&self, reason: DiscardReason, quantities: &[(Category, u64)]) {
        for &(category, quantity) in quantities {
            self.record(reason, category, quantity);
        }
    }

    /// Takes every line out: read and reset in one step, so that no loss is reported twice.
    #[must_use]
    pub fn take(&self) -> Vec<DiscardedEvent> {
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
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
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
    }
}
