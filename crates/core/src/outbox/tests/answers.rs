use watchpost_protocol::rate_limit::parse_rate_limits;

use super::*;

#[test]
fn losses_on_the_wire_go_back_to_the_ledger() {
    let scene = scene(10, 1);
    for job in ["drop", "refused", "limited", "too late"] {
        scene.outbox.push(job); // what is dropped is counted by whoever drops it
    }
    scene.answer(Delivery::Rejected { status: 500, message: String::new(), limits: Vec::new() });
    scene.answer(Delivery::Limited { limits: parse_rate_limits("60:error:key") });
    scene.answer(accepted());
    assert!(scene.outbox.close(LONG));
    assert_eq!(
        scene.arrived(),
        ["refused", "limited", "lost 1 error ratelimit_backoff,lost 1 error send_error"]
    );
}

#[test]
fn a_limit_on_everything_silences_the_last_report_too() {
    let scene = scene(10, 1);
    scene.outbox.push("limited");
    scene.outbox.push("too late");
    scene.answer(Delivery::Limited { limits: parse_rate_limits("60::key") });
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.arrived(), ["limited"]);
    assert_eq!(scene.lost(), ["1 error ratelimit_backoff"]);
}

#[test]
fn what_had_no_answer_is_sent_again_and_prepared_once() {
    let scene = scene(10, 1);
    scene.outbox.push("one");
    assert_eq!(scene.next(), "one");
    scene.answer(unreachable());
    scene.answer(accepted());
    assert!(scene.outbox.flush().wait(LONG));
    assert_eq!(scene.arrived(), ["one"]);
    assert!(scene.lost().is_empty());
}

#[test]
fn what_never_has_an_answer_is_not_in_the_way_for_ever() {
    let scene = scene(10, 1);
    scene.outbox.push("bad");
    scene.outbox.push("good");
    for _ in 0..3 {
        assert_eq!(scene.next(), "bad");
        scene.answer(unreachable());
        drop(scene.outbox.flush()); // which shortens the pause, if it has begun
    }
    scene.answer(accepted());
    scene.answer(accepted());
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.arrived(), ["good", "lost 1 error network_error"]);
}

/// Who is offline does not wait for the end of an outage when the program ends.
#[test]
fn at_the_end_there_is_one_more_try() {
    let mut scene = scene(10, 1);
    scene.outbox.push("one");
    assert_eq!(scene.next(), "one");
    scene.outbox.push("two");
    scene.never_again();
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.lost(), ["2 error network_error"]);
}

#[test]
fn a_hook_or_a_transport_that_panics_costs_one_item() {
    let scene = scene(10, 1);
    (0..2).for_each(|_| scene.answer(accepted()));
    scene.outbox.push("panic");
    scene.outbox.push("kept");
    assert!(scene.outbox.flush().wait(LONG));
    assert_eq!(scene.arrived(), ["kept", "lost 1 error internal_sdk_error"]);
    assert!(scene.outbox.flush().wait(LONG), "a second flush has nothing to wait for");
}
