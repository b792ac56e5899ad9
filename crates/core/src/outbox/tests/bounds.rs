use super::*;

#[test]
fn a_full_queue_drops_what_matters_least_counts_and_never_waits() {
    let scene = scene(3, 1);
    assert!(scene.outbox.push("one"));
    assert_eq!(scene.next(), "one");
    // "one" is under way and unanswered: it still takes one of the three places.
    assert!(scene.outbox.push("trace") && scene.outbox.push("two"));
    assert!(scene.outbox.push("three"), "an error is worth more than a trace");
    assert!(!scene.outbox.push("four") && !scene.outbox.push("trace again"));
    assert_eq!(scene.lost(), ["3 error queue_overflow"]);
    assert_eq!(scene.outbox.pending(), 3);
    (0..4).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.arrived(), ["two", "three", "lost 3 error queue_overflow"]);
}

#[test]
fn a_job_that_comes_after_the_end_is_counted() {
    let scene = scene(10, 1);
    assert!(scene.outbox.close(LONG));
    assert!(!scene.outbox.push("late"));
    assert_eq!(scene.lost(), ["1 error queue_overflow"]);
}
