//! Who goes first where there are more threads than processors: what can wait is sent by workers that give way to the program's own threads.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
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

/// How nice each of our threads is.
fn workers() -> Vec<i32> {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path().join("stat"));
    let statistics = threads.filter_map(|path| fs::read_to_string(path).ok());
    let ours = statistics.filter(|statistics| statistics.contains("(watchpost)"));
    let mut niceness: Vec<i32> = ours.map(|statistics| niceness(&statistics)).collect();
    niceness.sort_unstable();
    niceness
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

/// The workers of one test are not to be counted by another.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    wait_until(|| workers().is_empty());
    alone
}

#[test]
fn errors_are_sent_as_the_program_runs_and_what_can_wait_behind_it() {
    let (_alone, own) = (alone(), mine());
    let (watched, notes) = watched(options());
    watched.run(|| {
        watchpost::capture_message("first");
        wait_until(|| notes().len() == 1);
        watchpost::start_transaction("later").start().finish();
        wait_until(|| notes().len() == 2);
        assert_eq!(mine(), own, "the program is as it was");
    });
    watched.close();
    assert_eq!(notes()[..2], [(ItemType::Event, own), (ItemType::Transaction, 19)]);
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
    let _alone = alone();
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

#[test]
fn who_waits_in_vain_for_a_worker_that_gives_way_gets_one_that_does_not() {
    let (_alone, own) = (alone(), mine());
    let (held, hold) = Held::new();
    let hook = move |transaction| {
        hold();
        Some(transaction)
    };
    let (watched, _) = watched(options().before_send_transaction(hook));
    watched.run(|| {
        watchpost::start_transaction("slow").start().finish();
        held.begun.recv().unwrap();
        assert_eq!(workers(), [19]);
        assert!(!watchpost::flush(Some(Duration::from_millis(200))));
        assert_eq!(workers(), [own, 19]);
        assert!(!watchpost::flush(Some(Duration::from_millis(200))));
        assert_eq!(workers(), [own, 19], "one is enough");
    });
    drop(held.let_go);
    watched.close();
}
