//! A copy of everything for a receiver on the developer's machine (`protocol.md` §19), and nothing of it touches what the server gets.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use support::Watched;
use support::server::{Answer, Received, Server};
use watchpost::protocol::{Event, ItemType, Transaction};
use watchpost::tap::Tap;
use watchpost::{
    Delivery, Envelope, Level, Options, SessionMode, SessionStatus, Transport, start_transaction,
    trace_headers,
};
use watchpost_testkit::{Recorder, options};

fn receiver() -> Server {
    Server::start([])
}

fn url(receiver: &Server) -> String {
    format!("http://{}/stream", receiver.address())
}

/// What the receiver got, as a picture: its requests arrive in the order of the captures.
fn drawn(requests: &[Received]) -> String {
    let mut picture = String::new();
    for request in requests {
        for item in Envelope::from_slice(request.body()).unwrap().items {
            match item.header.ty {
                ItemType::Event => picture += &watchpost_testkit::event(&item.decode::<Event>().unwrap()),
                ItemType::Transaction => {
                    picture += &watchpost_testkit::transaction(&item.decode::<Transaction>().unwrap());
                }
                _ => {}
            }
        }
    }
    picture
}

fn work() {
    let task = start_transaction("checkout").op("task").enter();
    drop(watchpost::start_span("pay").enter());
    watchpost::capture_message("paid");
    drop(task);
}

#[test]
fn the_receiver_gets_what_the_server_gets() {
    let receiver = receiver();
    let program = Watched::new(options().spotlight(url(&receiver)));
    program.run(work);
    let server = program.close();
    let copies = [receiver.next(), receiver.next()];
    assert_eq!(drawn(&copies), server.draw());
    assert!(server.draw().contains("checkout"));

    let [copy, _] = &copies;
    assert_eq!(copy.start, "POST /stream HTTP/1.1");
    assert_eq!(copy.header("content-type"), Some("application/x-sentry-envelope"));
    assert_eq!(copy.header("content-encoding"), None);
    assert_eq!(copy.header("x-sentry-auth"), None);
}

#[test]
fn what_is_not_sampled_is_copied_and_the_server_is_told_what_it_would_be_told() {
    let receiver = receiver();
    let rates = |options: Options| options.sample_rate(0.0).unwrap().traces_sample_rate(0.0).unwrap();
    let with = Watched::new(rates(options().spotlight(url(&receiver))));
    let header = with.run(|| {
        let _task = start_transaction("task").enter();
        trace_headers().into_iter().find(|(name, _)| *name == "sentry-trace").unwrap().1
    });
    assert!(header.ends_with("-0"), "others are told that it is not sampled: {header}");
    with.run(work);
    let with = with.close();

    let without = Watched::new(rates(options()));
    without.run(|| drop(start_transaction("task").enter()));
    without.run(work);
    let without = without.close();

    assert_eq!((with.draw().as_str(), without.draw().as_str()), ("", ""));
    assert_eq!(with.losses(), without.losses());
    assert_eq!(with.losses(), ["sample_rate/error: 1", "sample_rate/span: 2", "sample_rate/transaction: 2"]);

    let copies = [receiver.next(), receiver.next(), receiver.next()];
    let picture = drawn(&copies);
    assert!(
        picture.contains("task") && picture.contains("paid") && picture.contains("checkout"),
        "{picture}"
    );
    assert!(picture.contains("pay"), "with their children: {picture}");
}

/// Says once that it has enough, of everything.
#[derive(Clone)]
struct Enough(Recorder);

impl Transport for Enough {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        self.0.deliver(envelope);
        Delivery::Limited { limits: watchpost::protocol::rate_limit::parse_rate_limits("600::key") }
    }
}

/// The server hears of the session of a crash that only the receiver gets.
#[test]
fn a_copy_takes_no_session_along() {
    let receiver = receiver();
    let options = options().spotlight(url(&receiver)).sample_rate(0.0).unwrap();
    let program = Watched::new(options.release("a@1").unwrap().session_mode(SessionMode::Application));
    program.run(|| {
        watchpost::start_session();
        let fatal = || Event { level: Some(Level::Fatal), ..Event::default() };
        watchpost_core::layer::capture_unhandled(&watchpost::Scopes::current(), true, fatal);
        assert!(program.client.flush(None));
    });
    let told = program.close().session_updates();
    assert_eq!(told.iter().map(|update| update.status).collect::<Vec<_>>(), [SessionStatus::Crashed]);
}

#[test]
fn what_the_server_has_enough_of_is_copied() {
    let receiver = receiver();
    let recorder = Recorder::new();
    let limited = options().spotlight(url(&receiver)).transport(Enough(recorder.clone()));
    let program = Watched::over(limited, recorder);
    program.run(|| watchpost::capture_message("the first"));
    program.client.flush(Some(Duration::from_secs(60)));
    program.run(|| assert_eq!(watchpost::capture_message("the second"), None, "the server does not get it"));
    program.run(work);
    program.run(|| watchpost::logger::info!("the log"));
    program.run(|| watchpost::capture_feedback(watchpost::Feedback::new("the feedback")));
    program.run(|| watchpost::monitor("job").unwrap().check_in(watchpost::CheckInStatus::Ok).send());
    program.client.flush(Some(Duration::from_secs(60)));
    let losses = program.client.losses();
    let counted = losses.iter().map(|line| format!("{}/{}: {}", line.reason, line.category, line.quantity));
    let counted: Vec<String> = counted.collect();
    assert_eq!(
        counted,
        ["error: 2", "transaction: 1", "span: 2", "log_item: 1", "log_byte: 15", "monitor: 1", "feedback: 1"]
            .map(|line| format!("ratelimit_backoff/{line}"))
    );
    let server = program.close();
    assert_eq!(server.events().len(), 1);

    let copies: Vec<_> = (0..7).map(|_| receiver.next()).collect();
    let picture = drawn(&copies);
    for captured in ["the first", "the second", "paid", "checkout"] {
        assert!(picture.contains(captured), "{captured}: {picture}");
    }
    for captured in ["the log", "the feedback", "check_in_id"] {
        let copied = |copy: &Received| String::from_utf8_lossy(copy.body()).contains(captured);
        assert!(copies.iter().any(copied), "{captured}");
    }
}

#[test]
fn without_a_dsn_there_is_the_copy_and_it_is_complete() {
    let receiver = receiver();
    let options = Options::new().use_environment(false).spotlight(url(&receiver)).max_in_flight(1);
    let client = watchpost::new_client(options.sample_rate(0.0).unwrap()).unwrap();
    assert!(client.is_active());
    let effective = client.options().effective();
    assert_eq!(effective.get("send_default_pii").unwrap().value, "true");
    let program = Watched { client, recorder: Recorder::new() };
    program.run(work);
    program.close();
    let picture = drawn(&[receiver.next(), receiver.next()]);
    assert!(picture.contains("paid") && picture.contains("checkout"), "{picture}");
}

#[test]
fn a_receiver_that_is_down_or_never_answers_is_nobodys_loss() {
    let silent = Server::start([Answer::Never, Answer::Never, Answer::Never]);
    for receiver in ["http://127.0.0.1:1/stream".to_owned(), url(&silent)] {
        let program = Watched::new(options().spotlight(receiver));
        for _ in 0..1_000 {
            program.run(work);
        }
        let server = program.close();
        assert_eq!((server.events().len(), server.transactions().len()), (1_000, 1_000));
        assert_eq!(server.losses(), [""; 0]);
    }
}

#[test]
fn an_address_that_is_none_is_named() {
    let error = watchpost::new_client(options().spotlight("over there")).unwrap_err();
    assert!(error.to_string().contains("spotlight") && error.to_string().contains("over there"), "{error}");
}

/// A receiver of the program's own.
struct Panics;

impl Tap for Panics {
    fn copy(&self, _: &Envelope) {
        panic!("no copy");
    }

    fn wait(&self, _: Duration) {
        panic!("no wait");
    }
}

#[test]
fn a_receiver_that_panics_costs_its_copy_alone() {
    let program = Watched::new(options().tap(Panics));
    program.run(work);
    let server = program.close();
    assert_eq!((server.events().len(), server.transactions().len(), server.losses().len()), (1, 1, 0));
}
