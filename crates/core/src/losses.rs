//! The ledger of what was lost: nothing is dropped without a line in it (promise 5).

use std::collections::BTreeMap;
use std::sync::PoisonError;

#[cfg(watchpost_models)]
use loom::sync;
#[cfg(not(watchpost_models))]
use std::sync;

use sync::atomic::{AtomicU64, Ordering};
use sync::{Mutex, MutexGuard};

use watchpost_protocol::{Category, DiscardReason, DiscardedEvent};

/// Counts losses by reason and category until a client report has told the server.
#[derive(Debug, Default)]
pub struct Losses {
    ledger: Mutex<Ledger>,
    /// Traces that were not sampled: the one loss that is ordinary, and so has to cost next to nothing.
    unsampled: AtomicU64,
}

#[derive(Debug, Default)]
struct Ledger {
    counts: Counts,
    /// What reports are under way with.
    reporting: Vec<(u64, Counts)>,
    reports: u64,
}

type Counts = BTreeMap<(DiscardReason, Category), u64>;

/// What a report says, as long as nobody knows whether it has arrived.
#[derive(Debug)]
pub(crate) struct Reporting {
    number: u64,
    pub(crate) lines: Vec<DiscardedEvent>,
}

impl Losses {
    /// Adds `quantity` to one line; zero adds nothing.
    pub fn record(&self, reason: DiscardReason, category: Category, quantity: u64) {
        self.record_all(reason, &[(category, quantity)]);
    }

    /// Adds what one item consists of, all for the same reason.
    pub fn record_all(&self, reason: DiscardReason, quantities: &[(Category, u64)]) {
        if quantities.iter().any(|(_, quantity)| *quantity > 0) {
            add(&mut self.lock().counts, reason, quantities);
        }
    }

    /// Adds a trace that was not sampled: a transaction, and its root span (§4.2).
    pub(crate) fn record_unsampled(&self) {
        self.unsampled.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets every line: another reports them.
    pub(crate) fn forget(&self) {
        let mut ledger = self.lock();
        self.unsampled.store(0, Ordering::Relaxed);
        *ledger = Ledger::default();
    }

    /// Takes every line out for a report; `None` if there is none.
    pub(crate) fn begin_report(&self) -> Option<Reporting> {
        let mut ledger = self.lock();
        // Under the lock, as everybody looks: what has left the one place is in the other.
        let unsampled = unsampled(self.unsampled.swap(0, Ordering::Relaxed));
        add(&mut ledger.counts, DiscardReason::SampleRate, &unsampled);
        let counts = std::mem::take(&mut ledger.counts);
        let lines = lines(&counts);
        if lines.is_empty() {
            return None;
        }
        ledger.reports += 1;
        let number = ledger.reports;
        ledger.reporting.push((number, counts));
        Some(Reporting { number, lines })
    }

    /// The report has arrived, or has not: then its lines are for the next one.
    pub(crate) fn end_report(&self, report: &Reporting, arrived: bool) {
        let mut ledger = self.lock();
        let Some(at) = ledger.reporting.iter().position(|(number, _)| *number == report.number) else {
            return;
        };
        let (_, counts) = ledger.reporting.swap_remove(at);
        if !arrived {
            merge(&mut ledger.counts, &counts);
        }
    }

    /// Every line that the server does not know of yet, sorted; they stay.
    #[must_use]
    pub fn lines(&self) -> Vec<DiscardedEvent> {
        let ledger = self.lock();
        let mut counts = ledger.counts.clone();
        for (_, reporting) in &ledger.reporting {
            merge(&mut counts, reporting);
        }
        add(&mut counts, DiscardReason::SampleRate, &unsampled(self.unsampled.load(Ordering::Relaxed)));
        drop(ledger);
        lines(&counts)
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let ledger = self.lock();
        self.unsampled.load(Ordering::Relaxed) == 0 && ledger.counts.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(counts: &mut Counts, reason: DiscardReason, quantities: &[(Category, u64)]) {
    for &(category, quantity) in quantities.iter().filter(|(_, quantity)| *quantity > 0) {
        let count = counts.entry((reason, category)).or_default();
        *count = count.saturating_add(quantity);
    }
}

fn merge(counts: &mut Counts, others: &Counts) {
    for (&(reason, category), &quantity) in others {
        add(counts, reason, &[(category, quantity)]);
    }
}

fn unsampled(traces: u64) -> [(Category, u64); 2] {
    [(Category::Transaction, traces), (Category::Span, traces)]
}

fn lines(counts: &Counts) -> Vec<DiscardedEvent> {
    let line = |(&(reason, category), &quantity): (&(DiscardReason, Category), &u64)| DiscardedEvent {
        reason,
        category,
        quantity,
    };
    counts.iter().map(line).collect()
}

#[cfg(all(test, not(watchpost_models)))]
mod tests {
    use super::*;

    #[test]
    fn lines_add_up_until_they_are_forgotten() {
        let losses = Losses::default();
        losses.record_all(
            DiscardReason::BeforeSend,
            &[(Category::Span, 2), (Category::Error, 1), (Category::LogItem, 0)],
        );
        losses.record(DiscardReason::BeforeSend, Category::Span, 3);

        assert_eq!(losses.lines(), losses.lines(), "looking takes nothing");
        let picture: Vec<_> = losses.lines().iter().map(|line| (line.category, line.quantity)).collect();
        assert_eq!(picture, [(Category::Error, 1), (Category::Span, 5)]);
        losses.forget();
        assert!(losses.is_empty());

        losses.record_unsampled();
        assert!(!losses.is_empty());
        let unsampled = losses.lines();
        let picture: Vec<_> =
            unsampled.iter().map(|line| (line.reason, line.category, line.quantity)).collect();
        let reason = DiscardReason::SampleRate;
        assert_eq!(picture, [(reason, Category::Transaction, 1), (reason, Category::Span, 1)]);
        losses.forget();
        assert!(losses.is_empty());
    }

    #[test]
    fn a_report_that_does_not_arrive_is_for_the_next_one() {
        let losses = Losses::default();
        assert!(losses.begin_report().is_none());
        losses.record(DiscardReason::BeforeSend, Category::Error, 2);
        let report = losses.begin_report().unwrap();
        assert!(losses.is_empty(), "it is not reported twice");
        losses.record(DiscardReason::BeforeSend, Category::Error, 1);
        assert_eq!(losses.lines()[0].quantity, 3, "nobody knows yet whether it has arrived");
        losses.end_report(&report, false);
        let again = losses.begin_report().unwrap();
        assert_eq!(again.lines[0].quantity, 3);
        losses.end_report(&again, true);
        assert!(losses.is_empty() && losses.lines().is_empty());
    }
}
