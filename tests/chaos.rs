//! A bad day in small: eight threads capture 43 000 items of all kinds while a server accepts, refuses, limits, stalls, breaks off and resets at random. In
//! the end everything that was captured has arrived, was refused with a 429 (which the server counts), is in a report or on the disk; and
//! nothing twice. What becomes of it when the process is killed is another story (`killed.rs`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use support::Watched;
use support::directory::Directory;
use support::server::{Answer, OK, Received, Server};
use watchpost::protocol::{Category, ClientReport, DiscardReason, Item, ItemType, Timestamp};
use watchpost::transport::{HttpOptions, HttpTransport};
use watchpost::{
    CheckInStatus, Clock, Dsn, Feedback, SpoolOptions, capture_feedback, logger, metrics, monitor,
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

fn program(server: &Server, spool: Option<&Directory>) -> Watched {
    let dsn: Dsn = server.dsn().parse().unwrap();
    // Two requests wait so long for an answer that never comes; no answer that does come takes nearly as long.
    let http = HttpOptions::default().proxy("").timeout(Duration::from_secs(2));
    let http = HttpTransport::new(&dsn, http).unwrap();
    let options = options().default_integrations(false).clock(Hasty(Instant::now())).transport(http);
    let options = options.max_in_flight(8).transport_queue_size(80);
    let options = match spool {
        Some(directory) => options.spool(SpoolOptions::new(directory.path()).max_envelopes(300)),
        None => options,
    };
    Watched::over(options, Recorder::new())
}

/// One check-in and one message of a user come with so many events.
const PER_CHECK_IN: u64 = 5;
const PER_FEEDBACK: u64 = 10;

/// An event, a transaction with two children, a log and a metric, again and again, and now and then a check-in and what a user says.
fn work(program: &Watched) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(move || {
                program.run(|| {
                    for number in 0..EACH {
                        let root = watchpost::start_transaction("work").start();
                        root.child("half").finish();
                        root.child("other half").finish();
                        root.finish();
                        watchpost::capture_message("done");
                        logger::info!("done");
                        metrics::count("done", 1);
                        if number % PER_CHECK_IN == 0 {
                            monitor("work").unwrap().check_in(CheckInStatus::Ok).send();
                        }
                        if number % PER_FEEDBACK == 0 {
                            capture_feedback(Feedback::new("well done"));
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
        }
    }
    fate
}

fn count(counts: &mut Counts, item: &Item) {
    for (category, quantity) in item.losses() {
        *counts.entry(category.as_str()).or_default() += quantity;
    }
}

fn a_day_of_chaos(seed: u64, spool: Option<&Directory>) {
    let server = Server::start(answers(seed, 4_000));
    let program = program(&server, spool);
    work(&program);
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
    }
    let lost =
        |category| fate.lost.iter().filter(|((_, of), _)| *of == category).map(|(_, lost)| lost).sum::<u64>();
    let all = |category: Category| {
        let of = |counts: &Counts| counts.get(category.as_str()).copied().unwrap_or_default();
        of(&fate.accepted) + of(&fate.limited) + of(&fate.kept) + lost(category)
    };
    let captured = THREADS * EACH;
    assert_eq!(all(Category::Error), captured, "{fate:#?}");
    assert_eq!(all(Category::Transaction), captured, "{fate:#?}");
    assert_eq!(all(Category::LogItem), captured, "{fate:#?}");
    assert_eq!(all(Category::TraceMetric), captured, "{fate:#?}");
    assert_eq!(all(Category::Monitor), captured / PER_CHECK_IN, "{fate:#?}");
    assert_eq!(all(Category::Feedback), captured / PER_FEEDBACK, "{fate:#?}");
    // A trace that was held back has its root alone.
    let held_back =
        fate.lost.get(&(DiscardReason::Backpressure, Category::Transaction)).copied().unwrap_or_default();
    assert_eq!(all(Category::Span), 3 * captured - 2 * held_back, "{fate:#?}");
    assert!(
        !fate.limited.is_empty()
            && fate.lost.contains_key(&(DiscardReason::SendError, Category::Transaction)),
        "{fate:#?}"
    );
}

#[test]
fn on_a_bad_day_everything_is_accounted_for() {
    a_day_of_chaos(1, None);
}

#[test]
fn on_another_bad_day_too() {
    a_day_of_chaos(20_261_003, None);
}

#[test]
fn with_a_spool_everything_is_accounted_for_too() {
    a_day_of_chaos(77, Some(&Directory::new("chaos")));
}
