//! The ledger of what was lost: nothing is dropped without a line in it (promise 5).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use watchpost_protocol::{Category, DiscardReason, DiscardedEvent};

/// Counts losses by reason and category until the next client report takes them (`protocol.md` §4.3).
#[derive(Debug, Default)]
pub struct Losses {
    counts: Mutex<Counts>,
}

type Counts = BTreeMap<(DiscardReason, Category), u64>;

impl Losses {
    /// Adds `quantity` to one line; zero adds nothing.
    pub fn record(&self, reason: DiscardReason, category: Category, quantity: u64) {
        if quantity > 0 {
            let mut counts = self.lock();
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
        lines(&std::mem::take(&mut *self.lock()))
    }

    /// Every line, sorted; they stay.
    #[must_use]
    pub fn lines(&self) -> Vec<DiscardedEvent> {
        lines(&self.lock())
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
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lines(counts: &Counts) -> Vec<DiscardedEvent> {
    let line = |(&(reason, category), &quantity): (&(DiscardReason, Category), &u64)| DiscardedEvent {
        reason,
        category,
        quantity,
    };
    counts.iter().map(line).collect()
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

        assert_eq!(losses.lines(), losses.lines(), "looking takes nothing");
        let lines = losses.take();
        let picture: Vec<_> = lines.iter().map(|line| (line.category, line.quantity)).collect();
        assert_eq!(picture, [(Category::Error, 1), (Category::Span, 5)]);
        assert!(losses.is_empty());

        losses.put_back(lines);
        assert_eq!(losses.take().len(), 2);
    }
}
