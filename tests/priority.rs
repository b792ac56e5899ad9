//! Who goes first where there are more threads than processors: what can wait is sent by workers that give way to the program's own threads.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use support::Watched;
use watchpost::protocol::ItemType;
use watchpost::{Delivery, Envelope, Options, Transport};
use watchpost_testkit::{Recorder, options};

const LONG: Duration = Duration::from_secs(60);

/// How nice the thread is whose statistics these are: 0 by itself, 19 at most.
fn niceness(statistics: &str) -> i32 {
    let (_, after_the_name) = statistics.rsplit_once(')').unwrap();
    after_the_name.split_whitespace().nth(16).unwrap().parse().unwrap()
}

fn mine() -> i32 {
    niceness(&fs::read_to_string("/proc/thread-self/stat").unwrap())
}

/// Notes how nice the worker is that delivers.
#[derive(Clone)]
struct Noting {
    notes: Arc<Mutex<Vec<(ItemType, i32)>>>,
    recorder: Recorder,
}

impl Transport for Noting {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        self.notes.lock().unwrap().push((envelope.items[0].header.ty.clone(), mine()));
        self.recorder.deliver(envelope)
    }
}

fn watched(options: Options) -> (Watched, impl Fn() -> Vec<(ItemType, i32)>) {
    let recorder = Recorder::new();
    let noting = Noting { notes: Arc::default(), recorder: recorder.clone() };
    let notes = Arc::clone(&noting.notes);
    let options = options.default_integrations(false).transport(noting);
    (Watched::over(options, recorder), move || notes.lock().unwrap().clone())
}

/// Without asking for it.
fn wait_until(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LONG, "it does not come");
        thread::yield_now();
    }
}

/// How nice the worker was that sent an error, a transaction after it, and another error.
fn of_three(options: Options) -> Vec<(ItemType, i32)> {
    let own = mine();
    let (watched, notes) = watched(options);
    watched.run(|| {
        watchpost::capture_message("first");
        wait_until(|| notes().len() == 1);
        watchpost::start_transaction("later").start().finish();
        wait_until(|| notes().len() == 2);
        watchpost::capture_message("last");
        wait_until(|| notes().len() == 3);
        assert_eq!(mine(), own, "the program is as it was");
    });
    watched.close();
    notes()[..3].to_vec()
}

#[test]
fn a_worker_gives_way_as_soon_as_it_has_sent_what_can_wait() {
    let own = mine();
    let expected = [(ItemType::Event, own), (ItemType::Transaction, own + 7), (ItemType::Event, own + 7)];
    assert_eq!(of_three(options()), expected);
}

#[test]
fn a_program_that_wants_it_has_workers_like_its_own_threads() {
    let notes = of_three(options().lower_worker_priority(false));
    assert!(notes.iter().all(|(_, niceness)| *niceness == mine()), "{notes:?}");
}

/// A hook that waits until the test lets go of it.
struct Held {
    begun: mpsc::Receiver<()>,
    let_go: mpsc::Sender<()>,
}

impl Held {
    fn new() -> (Held, impl Fn() + Send + Sync + 'static) {
        let (begins, begun) = mpsc::channel();
        let (let_go, held) = mpsc::channel();
        let held = Mutex::new(held);
        let hook = move || {
            let _ = begins.send(());
            let _ = held.lock().unwrap().recv();
        };
        (Held { begun, let_go }, hook)
    }
}

/// A program that ends sends what is left as fast as it can.
#[test]
fn what_somebody_waits_for_cannot_wait() {
    let (held, hold) = Held::new();
    let hook = move |event| {
        hold();
        Some(event)
    };
    let (watched, notes) = watched(options().before_send(hook));
    watched.run(|| {
        watchpost::capture_message("first");
        held.begun.recv().unwrap();
        watchpost::start_transaction("last").start().finish();
        assert!(watched.client.flush_with(Some(LONG), |_, _| drop(held.let_go)));
    });
    watched.close();
    assert!(notes().contains(&(ItemType::Transaction, mine())), "{:?}", notes());
}
