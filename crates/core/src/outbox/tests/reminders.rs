//! What is gathered elsewhere: a worker looks for it when it was told to.

use super::*;

#[test]
fn a_worker_looks_for_what_was_gathered_when_it_was_reminded() {
    let scene = scene(10, 1);
    scene.outbox.remind(Duration::ZERO);
    assert_eq!(scene.next(), "gathered");
    scene.answer(accepted());
}

#[test]
fn the_earlier_of_two_reminders_counts() {
    let scene = scene(10, 1);
    scene.outbox.remind(LONG);
    scene.outbox.remind(SHORT);
    assert_eq!(scene.next(), "gathered");
    scene.answer(accepted());
}

#[test]
fn and_none_after_the_end() {
    let scene = scene(10, 1);
    scene.outbox.remind(LONG);
    assert!(scene.outbox.close(LONG));
    scene.outbox.remind(Duration::ZERO);
    assert!(scene.arrived().is_empty() && scene.threads() == 0);
}
