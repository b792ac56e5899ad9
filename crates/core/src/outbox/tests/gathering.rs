use super::*;

#[test]
fn what_is_gathered_leaves_by_itself_when_it_is_time() {
    let scene = scene(10, 1);
    (0..2).for_each(|_| scene.answer(accepted()));
    scene.gather("first");
    scene.outbox.caller()(SHORT);
    assert_eq!(scene.next(), "first", "though nothing was pushed, and there was no worker");
    scene.gather("second");
    scene.outbox.caller()(LONG);
    scene.outbox.caller()(SHORT);
    assert_eq!(scene.next(), "second", "whoever is in more of a hurry counts, though the worker sleeps");
}

#[test]
fn a_flush_and_a_close_take_along_what_is_gathered() {
    let scene = scene(10, 1);
    (0..3).for_each(|_| scene.answer(accepted()));
    scene.outbox.push("error");
    scene.gather("first");
    assert!(scene.outbox.flush().wait(LONG));
    scene.gather("second");
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.arrived(), ["error", "first", "second"]);
    scene.gather("third");
    scene.outbox.caller()(SHORT);
    assert!(scene.outbox.close(LONG));
    assert_eq!((scene.arrived().len(), scene.lost().len()), (0, 0), "after the end nothing happens");
}

#[test]
fn a_worker_is_not_kept_from_its_work() {
    let scene = scene(10, 1);
    (0..2).for_each(|_| scene.answer(accepted()));
    scene.gather("much later");
    scene.outbox.caller()(LONG);
    scene.outbox.push("error");
    assert_eq!(scene.next(), "error");
}

#[test]
fn what_is_gathered_while_the_queue_is_worked_off_leaves_too() {
    let scene = scene(10, 1);
    scene.outbox.push("slow");
    assert_eq!(scene.next(), "slow");
    assert!(!scene.outbox.retire());
    scene.gather("of the slow one");
    (0..2).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.arrived(), ["of the slow one"]);
}

#[test]
fn a_flush_waits_for_what_another_has_gathered_and_not_queued_yet() {
    let scene = scene(10, 1);
    (0..2).for_each(|_| scene.answer(accepted()));
    let (is_taken, go_on) = scene.hold_up();
    scene.gather("in the hand of a worker");
    scene.outbox.caller()(SHORT);
    is_taken.recv_timeout(LONG).unwrap();
    assert!(!scene.outbox.flush().wait(SHORT));
    let flush = scene.outbox.flush();
    go_on.send(()).unwrap();
    assert!(flush.wait(LONG));
    assert_eq!(scene.arrived(), ["in the hand of a worker"]);

    let (is_taken, go_on) = scene.hold_up();
    scene.gather("in the hand of a caller");
    let outbox = &scene.outbox;
    std::thread::scope(|threads| {
        threads.spawn(|| drop(outbox.flush()));
        is_taken.recv_timeout(LONG).unwrap();
        let flush = scene.outbox.flush();
        go_on.send(()).unwrap();
        assert!(flush.wait(LONG));
    });
    assert_eq!(scene.arrived(), ["in the hand of a caller"]);
}

#[test]
fn a_close_does_not_lose_what_a_worker_has_gathered_and_not_queued_yet() {
    let scene = scene(10, 1);
    scene.answer(accepted());
    let (is_taken, go_on) = scene.hold_up();
    scene.gather("in the hand of a worker");
    scene.outbox.caller()(SHORT);
    is_taken.recv_timeout(LONG).unwrap();
    assert!(!scene.outbox.retire());
    go_on.send(()).unwrap();
    assert!(scene.outbox.close(LONG));
    assert_eq!((scene.arrived(), scene.lost()), (vec!["in the hand of a worker".to_owned()], vec![]));
}

#[test]
fn a_close_does_not_lose_what_a_caller_has_gathered_and_not_queued_yet() {
    let scene = scene(10, 1);
    (0..2).for_each(|_| scene.answer(accepted()));
    scene.outbox.push("first");
    assert_eq!(scene.next(), "first");
    close_while_a_caller_has_something_in_hand(&scene);
}

#[test]
fn a_close_waits_for_what_a_caller_has_gathered_though_there_is_no_worker_yet() {
    let scene = scene(10, 1);
    scene.answer(accepted());
    close_while_a_caller_has_something_in_hand(&scene);
}

/// A flush is held up with what it has gathered while the outbox closes: all of it arrives.
fn close_while_a_caller_has_something_in_hand(scene: &Scene) {
    let (is_taken, go_on) = scene.hold_up();
    scene.gather("in the hand of a caller");
    let outbox = &scene.outbox;
    std::thread::scope(|threads| {
        threads.spawn(|| drop(outbox.flush()));
        is_taken.recv_timeout(LONG).unwrap();
        assert!(!outbox.retire());
        go_on.send(()).unwrap();
        assert!(outbox.close(LONG));
        drop(go_on); // of here: if something fails before, the other thread must not wait for ever
    });
    assert_eq!((scene.arrived(), scene.lost()), (vec!["in the hand of a caller".to_owned()], vec![]));
}
