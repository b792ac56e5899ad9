use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use watchpost_protocol::{ClientReport, Item, ItemType};

use super::*;
use crate::clock::SystemClock;
use crate::transport::Delivery;

const LONG: Duration = Duration::from_secs(60);

/// A job is the text of its event; `panic` panics and `drop` is dropped.
struct Preparer;

impl Prepare for Preparer {
    type Job = &'static str;

    fn prepare(&self, job: &'static str) -> Option<Envelope> {
        assert_ne!(job, "panic");
        let mut envelope = Envelope::default();
        envelope.items.extend(Item::json(ItemType::Event, &job));
        (job != "drop").then_some(envelope)
    }

    fn quantities(&self, _: &&'static str) -> Vec<(Category, u64)> {
        vec![(Category::Error, 1)]
    }
}

/// Tells the test what arrived, and answers what the test says, which may be never.
struct Scripted {
    arrived: SyncSender<String>,
    answers: Mutex<Receiver<Delivery>>,
}

impl Transport for Scripted {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        let text: Vec<String> = envelope.items.iter().map(picture).collect();
        self.arrived.send(text.join("+")).unwrap();
        let answers = self.answers.lock().unwrap();
        answers.recv().unwrap_or(Delivery::Unreachable { error: "the test is over".into() })
    }
}

fn picture(item: &Item) -> String {
    match item.header.ty {
        ItemType::ClientReport => {
            let report: ClientReport = item.decode().unwrap();
            let lines = report.discarded_events.iter();
            lines
                .map(|lost| format!("lost {} {} {}", lost.quantity, lost.category, lost.reason))
                .collect::<Vec<_>>()
                .join(",")
        }
        _ => item.decode().unwrap(),
    }
}

struct Scene {
    outbox: Outbox<Preparer>,
    arrived: Receiver<String>,
    answer: SyncSender<Delivery>,
    losses: Arc<Losses>,
}

fn scene(capacity: usize) -> Scene {
    let (arrived_in, arrived) = sync_channel(1000);
    let (answer, answers) = sync_channel(1000);
    let losses = Arc::new(Losses::default());
    let wire = Wire {
        transport: Arc::new(Scripted { arrived: arrived_in, answers: Mutex::new(answers) }),
        losses: Arc::clone(&losses),
        limits: Arc::default(),
        clock: Arc::new(SystemClock),
        capacity,
        reports: true,
        sdk: Arc::default(),
    };
    Scene { outbox: Outbox::new(Preparer, wire), arrived, answer, losses }
}

fn accepted() -> Delivery {
    Delivery::Accepted { limits: Vec::new() }
}

fn lost(losses: &Losses) -> Vec<String> {
    losses.take().iter().map(|line| format!("{} {} {}", line.quantity, line.category, line.reason)).collect()
}

#[test]
fn a_full_queue_refuses_counts_and_never_waits() {
    let scene = scene(3);
    for job in ["one", "two", "three", "four", "five"] {
        scene.outbox.push(job);
    }
    // "one" is under way and unanswered: it still takes one of the three places.
    assert_eq!(scene.arrived.recv_timeout(LONG).unwrap(), "one");
    assert!(!scene.outbox.push("six"));
    assert_eq!(lost(&scene.losses), ["3 error queue_overflow"]);
    drop(scene.answer);
    scene.outbox.close(LONG);
}

#[test]
fn flush_sends_what_was_queued_and_then_the_report() {
    let scene = scene(10);
    for _ in 0..2 {
        scene.answer.send(accepted()).unwrap();
    }
    scene.outbox.push("panic");
    scene.outbox.push("kept");
    assert!(scene.outbox.flush(LONG));
    let arrived: Vec<String> = scene.arrived.try_iter().collect();
    assert_eq!(arrived, ["kept", "lost 1 error internal_sdk_error"]);
    assert!(scene.outbox.flush(LONG), "a second flush has nothing to wait for");
}

#[test]
fn flush_and_close_end_when_the_server_never_answers() {
    let scene = scene(10);
    scene.outbox.push("stuck");
    scene.outbox.push("behind");
    assert_eq!(scene.arrived.recv_timeout(LONG).unwrap(), "stuck");
    assert!(!scene.outbox.flush(Duration::from_millis(1)));
    assert!(!scene.outbox.close(Duration::from_millis(1)));
    assert_eq!(lost(&scene.losses), ["1 error network_error"], "what is queued is counted");
    assert!(!scene.outbox.push("late"));
    drop(scene.answer);
}

#[test]
fn losses_on_the_wire_go_back_to_the_ledger() {
    let scene = scene(10);
    scene.outbox.push("drop"); // counted by whoever drops it, not by the outbox
    scene.outbox.push("refused");
    scene.outbox.push("unreachable");
    scene.outbox.push("limited");
    scene
        .answer
        .send(Delivery::Rejected { status: 500, message: String::new(), limits: Vec::new() })
        .unwrap();
    scene.answer.send(Delivery::Unreachable { error: String::new() }).unwrap();
    let limits = watchpost_protocol::rate_limit::parse_rate_limits("60:error:key");
    scene.answer.send(Delivery::Limited { limits }).unwrap();
    scene.answer.send(accepted()).unwrap();
    assert!(scene.outbox.flush(LONG));
    scene.outbox.push("after the limit");
    scene.answer.send(accepted()).unwrap();
    assert!(scene.outbox.close(LONG));
    let arrived: Vec<String> = scene.arrived.try_iter().collect();
    assert_eq!(
        arrived,
        [
            "refused",
            "unreachable",
            "limited",
            "lost 1 error network_error,lost 1 error send_error",
            "lost 1 error ratelimit_backoff",
        ]
    );
}

#[test]
fn nothing_to_say_starts_no_thread() {
    let scene = scene(10);
    assert!(scene.outbox.flush(LONG) && scene.outbox.close(LONG));
    assert!(matches!(scene.outbox.shared.lock().worker, Worker::Ended));
    assert_eq!(scene.arrived.try_iter().count(), 0);
}

#[test]
fn flushes_that_pile_up_cost_one_report() {
    let scene = scene(10);
    scene.outbox.push("stuck");
    assert_eq!(scene.arrived.recv_timeout(LONG).unwrap(), "stuck");
    scene.outbox.push("panic");
    for _ in 0..20 {
        assert!(!scene.outbox.flush(Duration::ZERO));
    }
    drop(scene.answer); // from now on the server cannot be reached
    assert!(scene.outbox.flush(LONG));
    // One for the twenty, and one for the last if the worker was faster than this thread.
    assert!((1..=2).contains(&scene.arrived.try_iter().count()));
}

#[test]
fn what_is_queued_is_sent_when_nobody_waits_for_it() {
    let scene = scene(10);
    scene.outbox.push("one");
    scene.outbox.push("panic");
    scene.outbox.push("two");
    scene.outbox.retire();
    assert!(!scene.outbox.push("late")); // it is counted
    for arrived in ["one", "two", "lost 1 error queue_overflow,lost 1 error internal_sdk_error"] {
        scene.answer.send(accepted()).unwrap();
        assert_eq!(scene.arrived.recv_timeout(LONG).unwrap(), arrived);
    }
    assert!(scene.outbox.close(LONG), "closing again waits for the worker alone");
}

/// A clock that fails once it is asked on the worker.
struct Failing;

impl Clock for Failing {
    fn now(&self) -> watchpost_protocol::Timestamp {
        panic!("no time")
    }

    fn monotonic(&self) -> std::time::Instant {
        panic!("no time")
    }
}

#[test]
fn a_worker_that_fails_keeps_nobody_waiting() {
    let mut scene = scene(10);
    let shared = Arc::get_mut(&mut scene.outbox.shared).unwrap();
    shared.wire.clock = Arc::new(Failing);
    scene.outbox.push("first");
    assert!(scene.outbox.flush(LONG) && scene.outbox.close(LONG), "there is nothing left to wait for");
    assert!(!scene.outbox.push("later"));
}
