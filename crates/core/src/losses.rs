//! The ledger of what was lost: nothing is dropped without a line in it (promise 5).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use watchpost_protocol::{Category, DiscardReason, DiscardedEvent};

/// Counts losses by reason and category until the next client report takes them (`protocol.md` §4.3).
#[derive(Debug, Default)]
pub struct Losses {
    /// Sorted by reason and category.
    lines: Mutex<Vec<DiscardedEvent>>,
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
        if quantities.iter().any(|(_, quantity)| *quantity > 0) {
            add(&mut self.lock(), reason, quantities);
        }
    }

    /// Adds a trace that was not sampled: a transaction, and its root span (§4.2).
    pub(crate) fn record_unsampled(&self) {
        self.unsampled.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes every line out: read and reset in one step, so that no loss is reported twice.
    #[must_use]
    pub fn take(&self) -> Vec<DiscardedEvent> {
        self.record_all(DiscardReason::SampleRate, &unsampled(self.unsampled.swap(0, Ordering::Relaxed)));
        std::mem::take(&mut *self.lock())
    }

    /// Every line, sorted; they stay.
    #[must_use]
    pub fn lines(&self) -> Vec<DiscardedEvent> {
        let mut lines = self.lock().clone();
        add(&mut lines, DiscardReason::SampleRate, &unsampled(self.unsampled.load(Ordering::Relaxed)));
        lines
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
        self.unsampled.load(Ordering::Relaxed) == 0 && self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<DiscardedEvent>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(lines: &mut Vec<DiscardedEvent>, reason: DiscardReason, quantities: &[(Category, u64)]) {
    for &(category, quantity) in quantities.iter().filter(|(_, quantity)| *quantity > 0) {
        match lines.binary_search_by_key(&(reason, category), |line| (line.reason, line.category)) {
            Ok(at) => lines[at].quantity = lines[at].quantity.saturating_add(quantity),
            Err(at) => lines.insert(at, DiscardedEvent { reason, category, quantity }),
        }
    }
}

fn unsampled(traces: u64) -> [(Category, u64); 2] {
    [(Category::Transaction, traces), (Category::Span, traces)]
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

        losses.record_unsampled();
        assert!(!losses.is_empty());
        assert_eq!(losses.lines().len(), 2);
        let unsampled = losses.take();
        let picture: Vec<_> =
            unsampled.iter().map(|line| (line.reason, line.category, line.quantity)).collect();
        let reason = DiscardReason::SampleRate;
        assert_eq!(picture, [(reason, Category::Transaction, 1), (reason, Category::Span, 1)]);
    }
}
