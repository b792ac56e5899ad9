//! The ledger of what was lost (`losses.rs`): each loss is in it until it has been reported, once.

use loom::model;
use loom::sync::Arc;
use loom::thread;
use watchpost_protocol::{Category, DiscardedEvent};

use crate::losses::Losses;

fn traces(lines: &[DiscardedEvent]) -> u64 {
    lines.iter().filter(|line| line.category == Category::Transaction).map(|line| line.quantity).sum()
}

/// It finds a trace that was not sampled and is nowhere, or counted twice, while it goes from its own number into the lines.
#[test]
fn a_loss_is_seen_until_its_report_has_arrived() {
    model(|| {
        let losses = Arc::new(Losses::default());
        losses.record_unsampled();
        let worker = {
            let losses = Arc::clone(&losses);
            thread::spawn(move || {
                let report = losses.begin_report().unwrap();
                losses.end_report(&report, false);
            })
        };
        assert_eq!(traces(&losses.lines()), 1);
        worker.join().unwrap();
        assert!(!losses.is_empty());
    });
}

/// It finds what two reports tell, or none.
#[test]
fn each_loss_is_reported_once() {
    model(|| {
        let losses = Arc::new(Losses::default());
        losses.record_unsampled();
        let report = |losses: &Losses| {
            losses.begin_report().map_or(0, |report| {
                losses.end_report(&report, true);
                traces(&report.lines)
            })
        };
        let worker = {
            let losses = Arc::clone(&losses);
            thread::spawn(move || report(&losses))
        };
        losses.record_unsampled();
        let reported = report(&losses) + worker.join().unwrap();
        assert_eq!(reported + traces(&losses.lines()), 2);
    });
}
