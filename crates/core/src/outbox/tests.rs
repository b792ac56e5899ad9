mod answers;
mod bounds;
mod deadlines;
mod disk;
mod fork;
mod gathering;
mod parallel;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use watchpost_protocol::{ClientReport, Item, ItemType};

use super::*;
use crate::clock::SystemClock;
use crate::transport::Delivery;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);

/// A job is the text of its event; `panic` panics and `drop` is dropped, and of `one | another` only one fits into an envelope.
#[derive(Default)]
struct Preparer {
    gathered: Mutex<Option<&'static str>>,
    /// Whoever has taken that says so, and waits until it may go on.
    held_up: Mutex<Option<(SyncSender<()>, Receiver<()>)>>,
}

impl Prepare for Preparer {
    type Job = &'static str;

    fn label(&self, job: &&'static str) -> Label {
        let priority = match job.split(' ').next() {
            Some("trace") => Priority::Trace,
            Some("crash") => Priority::Crash,
            _ => Priority::Error,
        };
        let order = job.starts_with("check-in").then_some(1);
        Label { priority, category: Category::Error, order, weight: job.len() }
    }

    fn prepare(&self, job: &'static str, rest: &mut Option<&'static str>) -> Option<Envelope> {
        assert_ne!(job, "panic");
        let (job, others) = job.split_once(" | ").map_or((job, None), |(job, others)| (job, Some(others)));
        *rest = others;
        let mut envelope = Envelope::default();
        envelope.items.extend(Item::json(ItemType::Event, &job));
        (job != "drop").then_some(envelope)
    }

    fn quantities(&self, _: &&'static str) -> Vec<(Category, u64)> {
        vec![(Category::Error, 1)]
    }

    fn gathered(&self) -> Vec<&'static str> {
        let gathered = self.gathered.lock().unwrap().take();
        if let Some((taken, go_on)) = gathered.and_then(|_| self.held_up.lock().unwrap().take()) {
            taken.send(()).unwrap();
            go_on.recv().unwrap();
        }
        gathered.into_iter().collect()
    }

    fn leave_parent(&self) {
        self.gathered.lock().unwrap().take();
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
    answer: Option<SyncSender<Delivery>>,
    losses: Arc<Losses>,
}

/// An outbox with so many places, and at most so many deliveries at once.
fn scene(items: usize, max_in_flight: usize) -> Scene {
    with_spool(items, max_in_flight, None)
}

fn with_spool(items: usize, max_in_flight: usize, spool: Option<Arc<dyn Spool>>) -> Scene {
    let (arrived_in, arrived) = sync_channel(1000);
    let (answer, answers) = sync_channel(1000);
    let losses = Arc::new(Losses::default());
    let wire = Wire {
        gives_way: false,
        transport: Arc::new(Scripted { arrived: arrived_in, answers: Mutex::new(answers) }),
        spool,
        losses: Arc::clone(&losses),
        limits: Arc::default(),
        health: Arc::new(Health::new(true)),
        clock: Arc::new(SystemClock),
        bounds: Bounds { items, bytes: usize::MAX },
        max_in_flight,
        reports: true,
        sdk: Arc::default(),
    };
    Scene { outbox: Outbox::new(Preparer::default(), wire), arrived, answer: Some(answer), losses }
}

impl Scene {
    /// The next envelope that the transport was given; waits for it.
    fn next(&self) -> String {
        self.arrived.recv_timeout(LONG).unwrap()
    }

    /// There is something beside the queue.
    fn gather(&self, job: &'static str) {
        *self.outbox.shared.preparer.gathered.lock().unwrap() = Some(job);
    }

    /// Whoever takes what there is beside the queue has it in hand until it may go on.
    fn hold_up(&self) -> (Receiver<()>, SyncSender<()>) {
        let ((taken, is_taken), (go_on, may_go_on)) = (sync_channel(1), sync_channel(1));
        *self.outbox.shared.preparer.held_up.lock().unwrap() = Some((taken, may_go_on));
        (is_taken, go_on)
    }

    fn answer(&self, answer: Delivery) {
        self.answer.as_ref().unwrap().send(answer).unwrap();
    }

    /// From now on the server cannot be reached.
    fn never_again(&mut self) {
        self.answer = None;
    }

    /// Everything that arrived and was not looked at.
    fn arrived(&self) -> Vec<String> {
        self.arrived.try_iter().collect()
    }

    fn threads(&self) -> usize {
        self.outbox.shared.lock().crew.threads()
    }

    /// What was lost and is not known to be reported.
    fn lost(&self) -> Vec<String> {
        let lines = self.losses.lines();
        lines.iter().map(|line| format!("{} {} {}", line.quantity, line.category, line.reason)).collect()
    }
}

fn accepted() -> Delivery {
    Delivery::Accepted { limits: Vec::new() }
}

fn unreachable() -> Delivery {
    Delivery::Unreachable { error: "no route".into() }
}
