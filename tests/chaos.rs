//! A bad day in small: eight threads capture 55 000 items of all kinds while a server accepts, refuses, limits, stalls, breaks off and resets at random. In
//! the end everything that was captured has arrived, was refused with a 429 (which the server counts), is in a report or on the disk; and
//! nothing twice. What becomes of it when the process is killed is another story (`killed.rs`).
//!
//! The sessions of requests are counted one by one, in however many items they leave (`protocol.md` §4.2, §12.2). Of the runs of a program each
//! update is an item and a loss of its own, and how often one that goes on is told of depends on when somebody looks: so how many there are is
//! nobody's to know, and what holds of them is told of in a test of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use support::Watched;
use support::directory::Directory;
use support::server::{Answer, OK, Received, Server};
use watchpost::protocol::{
    Category, ClientReport, DiscardReason, Item, ItemType, SessionAggregates, SessionUpdate, Timestamp,
};
use watchpost::transport::{HttpOptions, HttpTransport};
use watchpost::{
    CheckInStatus, Clock, Dsn, Feedback, SessionMode, SessionStatus, SpoolOptions, capture_error,
    capture_feedback, end_session, logger, metrics, monitor, start_session, with_isolation_scope,
};
use watchpost_testkit::{Recorder, options};

const THREADS: u64 = 8;
const EACH: u64 = 1_250;

/// How many of each kind.
type Counts = BTreeMap<&'static str, u64>;

/// What happens to a request, by its share of a hundred.
const DAY: [(u64, Answer); 13] = [
    (60, Answer::Says(OK)),
    (14, Answer::Ponders(OK, Duration::from_millis(5))),
    (2, Answer::BreaksOff("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":")),
    (
        3,
        Answer::Says("HTTP/1.1 200 OK\r\nX-Sentry-Rate-Limits: 0.4:error:key\r\nContent-Length: 2\r\n\r\n{}"),
    ),
    (3, Answer::Says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    (2, Answer::Says("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n")),
    (
        2,
        Answer::Says(
            "HTTP/1.1 429 Too Many\r\nX-Sentry-Rate-Limits: 0.5:transaction:key\r\nContent-Length: 0\r\n\r\n",
        ),
    ),
    (2, Answer::Says("HTTP/1.1 429 Too Many\r\nX-Sentry-Rate-Limits: 0.2::key\r\nContent-Length: 0\r\n\r\n")),
    (1, Answer::Says("HTTP/1.1 429 Too Many\r\nRetry-After: 0.3\r\nContent-Length: 0\r\n\r\n")),
    (4, Answer::Says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")),
    (3, Answer::BreaksOff("HTTP/1.1 200 OK\r\nContent-Le")),
    (2, Answer::Closes),
    (2, Answer::Resets),
];

/// Answers for so many requests, drawn with this seed; two of them never come.
fn answers(seed: u64, requests: usize) -> Vec<Answer> {
    assert_eq!(DAY.iter().map(|(share, _)| share).sum::<u64>(), 100);
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut left = (state >> 33) % 100;
        let (_, answer) =
            DAY.iter().find(|(share, _)| left.checked_sub(*share).map(|rest| left = rest).is_none()).unwrap();
        *answer
    };
    let mut answers: Vec<Answer> = (0..requests).map(|_| draw()).collect();
    answers[requests / 3] = Answer::Never;
    answers[requests / 2] = Answer::Never;
    answers
}

/// Seconds pass fifty times as fast: limits run out, reports fall due and the rate of traces recovers within the test.
struct Hasty(Instant);

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        Timestamp::from(std::time::SystemTime::now())
    }

    fn monotonic(&self) -> Instant {
        self.0 + self.0.elapsed() * 50
    }
}

fn program(server: &Server, mode: SessionMode, spool: Option<&Directory>) -> Watched {
    let dsn: Dsn = server.dsn().parse().unwrap();
    // Two requests wait so long for an answer that never comes; no answer that does come takes nearly as long.
    let http = HttpOptions::default().proxy("").timeout(Duration::from_secs(2));
    let http = HttpTransport::new(&dsn, http).unwrap();
    let options = options().default_integrations(false).clock(Hasty(Instant::now())).transport(http);
    let options = options.max_in_flight(8).transport_queue_size(80);
    let options = options.release("shop@1.4.0").unwrap().session_mode(mode);
    let options = match spool {
        Some(directory) => options.spool(SpoolOptions::new(directory.path()).max_envelopes(300)),
        None => options,
    };
    Watched::over(options, Recorder::new())
}

/// One check-in, one message of a user and one error come with so many events.
const PER_CHECK_IN: u64 = 5;
const PER_FEEDBACK: u64 = 10;
const PER_ERROR: u64 = 5;

/// So often a thread has what is gathered sent, as a program does that waits for nothing.
const PER_FLUSH: u64 = 25;

/// One thing after another, on many threads.
fn work(program: &Watched, each: fn(u64)) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(move || {
                program.run(|| {
                    for number in 0..EACH {
                        with_isolation_scope(|_| each(number));
                        if number.is_multiple_of(PER_FLUSH) {
                            program.client.flush(Some(Duration::ZERO));
                        }
                        if number % 150 < 110 {
                            std::thread::sleep(Duration::from_millis(3)); // the work; without it, a burst
                        }
                    }
                });
            });
        }
    });
}

/// A session with an event, a transaction with two children, a log and a metric, and now and then an error, a check-in and what a user says.
fn request(number: u64) {
    start_session();
    let root = watchpost::start_transaction("work").start();
    root.child("half").finish();
    root.child("other half").finish();
    root.finish();
    watchpost::capture_message("done");
    logger::info!("done");
    metrics::count("done", 1);
    if number.is_multiple_of(PER_ERROR) {
        capture_error(&std::fmt::Error);
    }
    if number.is_multiple_of(PER_CHECK_IN) {
        monitor("work").unwrap().check_in(CheckInStatus::Ok).send();
    }
    if number.is_multiple_of(PER_FEEDBACK) {
        capture_feedback(Feedback::new("well done"));
    }
    end_session();
}

/// A run of the program, which ends the one before it, and now and then an error in it.
fn run(number: u64) {
    start_session();
    if number.is_multiple_of(PER_ERROR) {
        capture_error(&std::fmt::Error);
    }
    end_session();
}

/// What became of everything.
#[derive(Debug, Default)]
struct Fate {
    accepted: Counts,
    /// With a 429.
    limited: Counts,
    /// On the disk.
    kept: Counts,
    /// By reason and kind.
    lost: BTreeMap<(DiscardReason, Category), u64>,
    /// What was told of sessions, of all that was not lost, in the order in which it came.
    sessions: Vec<Item>,
}

impl Fate {
    fn lost(&self, category: Category) -> u64 {
        self.lost.iter().filter(|((_, of), _)| *of == category).map(|(_, lost)| lost).sum()
    }

    fn all(&self, category: Category) -> u64 {
        let of = |counts: &Counts| counts.get(category.as_str()).copied().unwrap_or_default();
        of(&self.accepted) + of(&self.limited) + of(&self.kept) + self.lost(category)
    }
}

fn fate(requests: &[Received]) -> Fate {
    let mut fate = Fate::default();
    for request in requests {
        let (Answer::Says(said) | Answer::Ponders(said, _) | Answer::BreaksOff(said)) = request.answer else {
            continue;
        };
        let accepted = said.starts_with("HTTP/1.1 200 OK") && said.contains("\r\n\r\n");
        for item in request.envelope().items {
            if item.header.ty == ItemType::ClientReport {
                if accepted {
                    for line in item.decode::<ClientReport>().unwrap().discarded_events {
                        *fate.lost.entry((line.reason, line.category)).or_default() += line.quantity;
                    }
                }
                continue;
            }
            let counts = match accepted {
                true => &mut fate.accepted,
                false if said.starts_with("HTTP/1.1 429") => &mut fate.limited,
                false => continue,
            };
            count(counts, &item);
            fate.sessions.extend(tells_of_sessions(item));
        }
    }
    fate
}

fn tells_of_sessions(item: Item) -> Option<Item> {
    matches!(item.header.ty, ItemType::Session | ItemType::Sessions).then_some(item)
}

fn count(counts: &mut Counts, item: &Item) {
    for (category, quantity) in item.losses() {
        *counts.entry(category.as_str()).or_default() += quantity;
    }
}

fn a_day_of_chaos(seed: u64, mode: SessionMode, each: fn(u64), spool: Option<&Directory>) -> Fate {
    let server = Server::start(answers(seed, 4_000));
    let program = program(&server, mode, spool);
    work(&program, each);
    // The last report may meet a refusal or a limit, too: then there is something to flush again.
    let flush = || program.client.flush(Some(Duration::from_secs(60))) && program.client.losses().is_empty();
    let begun = Instant::now();
    while !flush() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", program.client.losses());
    }
    let begun = Instant::now();
    let closed = program.client.close(Some(Duration::from_secs(60)));
    assert!(closed && begun.elapsed() < Duration::from_secs(61));

    let mut fate = fate(&server.rest());
    // What is lost of the disk in the end is reported in the end, and that report may meet a refusal, too.
    for line in program.client.losses() {
        *fate.lost.entry((line.reason, line.category)).or_default() += line.quantity;
    }
    for item in spool.map(Directory::envelopes).into_iter().flatten().flat_map(|envelope| envelope.items) {
        count(&mut fate.kept, &item);
        fate.sessions.extend(tells_of_sessions(item));
    }
    fate
}

fn everything_is_accounted_for(seed: u64, spool: Option<&Directory>) {
    let fate = a_day_of_chaos(seed, SessionMode::Request, request, spool);
    let all = |category| fate.all(category);
    let captured = THREADS * EACH;
    let errors = captured / PER_ERROR;
    assert_eq!(all(Category::Error), captured + errors, "{fate:#?}");
    assert_eq!(all(Category::Transaction), captured, "{fate:#?}");
    assert_eq!(all(Category::LogItem), captured, "{fate:#?}");
    assert_eq!(all(Category::TraceMetric), captured, "{fate:#?}");
    assert_eq!(all(Category::Monitor), captured / PER_CHECK_IN, "{fate:#?}");
    assert_eq!(all(Category::Feedback), captured / PER_FEEDBACK, "{fate:#?}");
    assert_eq!(all(Category::Session), captured, "{fate:#?}");
    // A trace that was held back has its root alone.
    let held_back =
        fate.lost.get(&(DiscardReason::Backpressure, Category::Transaction)).copied().unwrap_or_default();
    assert_eq!(all(Category::Span), 3 * captured - 2 * held_back, "{fate:#?}");
    assert!(
        !fate.limited.is_empty()
            && fate.lost.contains_key(&(DiscardReason::SendError, Category::Transaction)),
        "{fate:#?}"
    );
    // An error counts in its session whatever became of it. What was lost of the sessions does not say how they ended.
    let (mut exited, mut errored) = (0, 0);
    for item in &fate.sessions {
        for minute in item.decode::<SessionAggregates>().unwrap().aggregates {
            exited += minute.exited;
            errored += minute.errored;
        }
    }
    let lost = fate.lost(Category::Session);
    assert_eq!(exited + errored + lost, captured, "all of them ended as one or the other: {fate:#?}");
    assert!(errored <= errors && errors <= errored + lost, "{errored} of {errors}: {fate:#?}");
}

#[test]
fn on_a_bad_day_everything_is_accounted_for() {
    everything_is_accounted_for(1, None);
}

#[test]
fn on_another_bad_day_too() {
    everything_is_accounted_for(20_261_003, None);
}

#[test]
fn with_a_spool_everything_is_accounted_for_too() {
    everything_is_accounted_for(77, Some(&Directory::new("chaos")));
}

/// How many updates there are depends on how often a run that goes on is told of. But each run begins in one of them and ends in one, which is
/// the same if nobody looked in between; so no more of either can be missing than updates were lost.
#[test]
fn of_every_run_of_a_program_the_end_is_accounted_for() {
    let fate = a_day_of_chaos(5, SessionMode::Application, run, None);
    let (mut begun, mut ended) = (BTreeSet::new(), BTreeSet::new());
    for item in &fate.sessions {
        let update: SessionUpdate = item.decode().unwrap();
        let id = update.sid.to_string();
        assert!(!ended.contains(&id), "nothing is told of a run after its end: {update:?}");
        assert!(!update.init || begun.insert(id.clone()), "it begins once: {update:?}");
        if update.status != SessionStatus::Ok {
            ended.insert(id);
        }
    }
    let (runs, lost) = (THREADS * EACH, fate.lost(Category::Session));
    for seen in [begun, ended].map(|runs| runs.len() as u64) {
        assert!(seen <= runs && runs <= seen + lost, "{seen} of {runs}: {fate:#?}");
    }
    assert_eq!(fate.all(Category::Session), fate.sessions.len() as u64 + lost, "each update counts as one");
    assert!(lost > 0 && lost < runs, "{fate:#?}");
}
