//! The slots of the profiler (`slot.rs`): what a signal handler leaves there is shown once, in one piece, and never while it is written.

use loom::model;
use loom::sync::Arc;
use loom::thread;

use crate::slot::Slot;

fn fill(slot: &Slot<[u8; 2]>, number: u8) -> bool {
    slot.fill(|content| {
        content[0] = number;
        content[1] = number;
    })
}

fn take(slot: &Slot<[u8; 2]>, shown: &mut Vec<u8>) {
    slot.take(|content| {
        assert_eq!(content[0], content[1]);
        shown.push(content[0]);
    });
}

/// It finds a slot that two have at once, one that is handed on before it is written or read, and orders of memory that are too weak for that:
/// `loom` watches who has the pointer. It finds what is shown twice, or not at all.
#[test]
fn what_is_left_there_is_shown_once_and_in_one_piece() {
    model(|| {
        let slot = Arc::new(Slot::new([0; 2]));
        let handlers = [1, 2].map(|number| {
            let slot = Arc::clone(&slot);
            thread::spawn(move || fill(&slot, number).then_some(number))
        });
        let mut shown = Vec::new();
        take(&slot, &mut shown);
        let mut left: Vec<u8> = handlers.into_iter().filter_map(|handler| handler.join().unwrap()).collect();
        take(&slot, &mut shown);
        left.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, left);
        assert!(!left.is_empty() && fill(&slot, 3), "it was free for one of them, and is again");
    });
}
