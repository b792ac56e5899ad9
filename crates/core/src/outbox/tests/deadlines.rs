use super::*;

#[test]
fn flush_and_close_end_when_the_server_never_answers() {
    let scene = scene(100, 8);
    (0..20).for_each(|_| assert!(scene.outbox.push("stuck")));
    (0..8).for_each(|_| assert_eq!(scene.next(), "stuck"));
    assert!(!scene.outbox.flush().wait(SHORT));
    assert!(!scene.outbox.close(SHORT));
    assert_eq!(scene.lost(), ["12 error network_error"], "what is queued is counted");
    assert!(!scene.outbox.flush().wait(SHORT), "those under way are still waited for");
    // Every worker is stuck: one more was started to report what was given up.
    assert_eq!(scene.next(), "lost 12 error network_error");
    (0..9).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG), "closing again waits for the workers alone");
    assert!(scene.lost().is_empty() && scene.arrived().is_empty() && scene.threads() == 0);
}

#[test]
fn what_is_lost_after_the_deadline_is_reported_by_the_last_to_leave() {
    let scene = scene(100, 1);
    scene.outbox.push("stuck");
    assert_eq!(scene.next(), "stuck");
    assert!(!scene.outbox.close(SHORT));
    scene.answer(Delivery::Rejected { status: 503, message: String::new(), limits: Vec::new() });
    assert_eq!(scene.next(), "lost 1 error send_error");
    scene.answer(accepted());
    assert!(scene.outbox.close(LONG));
}

#[test]
fn nothing_to_say_starts_no_thread() {
    let scene = scene(10, 8);
    assert!(scene.outbox.flush().wait(LONG) && scene.outbox.close(LONG));
    assert_eq!((scene.threads(), scene.arrived().len()), (0, 0));
}

#[test]
fn losses_are_reason_enough_for_a_last_report() {
    let scene = scene(10, 8);
    scene.losses.record(DiscardReason::BeforeSend, Category::Error, 1);
    scene.answer(accepted());
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.arrived(), ["lost 1 error before_send"]);
}

#[test]
fn a_flush_that_nobody_waits_for_is_no_work() {
    let scene = scene(10, 1);
    scene.outbox.push("stuck");
    assert_eq!(scene.next(), "stuck");
    scene.outbox.push("panic");
    for _ in 0..20 {
        assert!(!scene.outbox.flush().wait(Duration::ZERO));
    }
    (0..2).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.flush().wait(LONG));
    assert_eq!(scene.arrived(), ["lost 1 error internal_sdk_error"]);
}

#[test]
fn a_flush_is_not_held_up_by_what_comes_later() {
    let scene = scene(10, 1);
    scene.outbox.push("stuck");
    assert_eq!(scene.next(), "stuck");
    scene.outbox.push("trace");
    let flush = scene.outbox.flush();
    scene.outbox.push("later, and more important");
    (0..2).for_each(|_| scene.answer(accepted()));
    assert!(flush.wait(LONG));
    assert_eq!(scene.next(), "trace");
    scene.answer(accepted());
    assert!(scene.outbox.close(LONG));
}

#[test]
fn two_may_flush_at_once() {
    let scene = scene(10, 2);
    scene.outbox.push("one");
    scene.outbox.push("drop");
    assert_eq!(scene.next(), "one");
    std::thread::scope(|scope| {
        let flushes = [(), ()].map(|()| scope.spawn(|| scene.outbox.flush().wait(LONG)));
        scene.answer(accepted());
        assert!(flushes.into_iter().all(|flush| flush.join().unwrap()));
    });
    assert!(scene.outbox.close(LONG));
}

#[test]
fn what_is_queued_is_sent_when_nobody_waits_for_it() {
    let scene = scene(10, 1);
    scene.outbox.push("one");
    scene.outbox.push("panic");
    scene.outbox.push("two");
    scene.outbox.retire();
    for arrived in ["one", "two", "lost 1 error internal_sdk_error"] {
        scene.answer(accepted());
        assert_eq!(scene.next(), arrived);
    }
    assert!(scene.outbox.close(LONG), "closing waits for the worker alone");
}

#[test]
fn a_flush_and_a_close_wait_for_all_that_became_of_a_job() {
    let scene = scene(10, 1);
    (0..5).for_each(|_| scene.answer(accepted()));
    scene.outbox.push("first | second | third");
    assert!(scene.outbox.flush().wait(LONG));
    assert_eq!(scene.arrived(), ["first", "second", "third"]);
    scene.outbox.push("fourth | fifth");
    assert!(scene.outbox.close(LONG));
    assert_eq!((scene.arrived().len(), scene.lost().len()), (2, 0));
}
