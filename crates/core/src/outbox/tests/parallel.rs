use super::*;

#[test]
fn as_many_are_under_way_as_may_be_and_no_more() {
    let scene = scene(100, 3);
    (0..10).for_each(|_| assert!(scene.outbox.push("one")));
    (0..3).for_each(|_| assert_eq!(scene.next(), "one"));
    assert_eq!((scene.threads(), scene.arrived().len()), (3, 0));
    (0..10).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.flush().wait(LONG));
    assert_eq!(scene.arrived().len(), 7);
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.threads(), 0);
}

#[test]
fn one_after_the_other_needs_one_thread() {
    let scene = scene(100, 8);
    for _ in 0..20 {
        scene.answer(accepted());
        scene.outbox.push("one");
        assert!(scene.outbox.flush().wait(LONG));
        assert_eq!(scene.threads(), 1);
    }
    assert!(scene.outbox.close(LONG));
}

#[test]
fn what_is_pushed_while_all_are_delivering_starts_another() {
    let scene = scene(100, 8);
    for _ in 0..8 {
        scene.outbox.push("stuck");
        assert_eq!(scene.next(), "stuck");
    }
    assert_eq!(scene.threads(), 8);
    (0..8).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG));
}

#[test]
fn what_must_stay_in_order_does() {
    let scene = scene(100, 8);
    for job in ["check-in begins", "check-in ends", "beside"] {
        scene.outbox.push(job);
    }
    let mut first = [scene.next(), scene.next()];
    first.sort();
    assert_eq!(first, ["beside", "check-in begins"]);
    scene.answer(unreachable()); // whichever it was is sent again
    (0..3).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG));
    let rest = scene.arrived();
    let position = |job| rest.iter().rposition(|arrived| arrived == job);
    assert!(position("check-in ends") > position("check-in begins"), "{rest:?}");
    assert!(scene.lost().is_empty());
}

/// Who sleeps because another's delivery has to end first is called when that one leaves.
#[test]
fn a_close_does_not_wait_for_a_worker_that_sleeps() {
    for _ in 0..20 {
        let scene = scene(100, 8);
        scene.outbox.push("check-in begins");
        assert_eq!(scene.next(), "check-in begins");
        scene.outbox.push("check-in ends");
        scene.outbox.push("beside");
        assert_eq!(scene.next(), "beside");
        (0..3).for_each(|_| scene.answer(accepted()));
        assert!(scene.outbox.close(Duration::from_secs(4)), "workers linger for longer than that");
        assert_eq!(scene.threads(), 0);
    }
}

/// Nobody of the workers can wait for the workers: not in a hook, not in the transport.
#[test]
fn a_transport_that_flushes_and_closes_is_told_so() {
    struct Impatient(Arc<std::sync::OnceLock<Outbox<Preparer>>>, SyncSender<[bool; 2]>);

    impl Transport for Impatient {
        fn deliver(&self, _: &Envelope) -> Delivery {
            let outbox = self.0.get().unwrap();
            self.1.send([outbox.flush().wait(LONG), outbox.close(LONG)]).unwrap();
            accepted()
        }
    }

    let (me, (answers, waited)) = (Arc::new(std::sync::OnceLock::new()), sync_channel(10));
    let mut scene = scene(10, 2);
    Arc::get_mut(&mut scene.outbox.shared).unwrap().wire.transport =
        Arc::new(Impatient(Arc::clone(&me), answers));
    let outbox = me.get_or_init(|| scene.outbox);
    outbox.push("one");
    assert_eq!(waited.recv_timeout(LONG).unwrap(), [false, false]);
    assert!(outbox.close(LONG));
}
