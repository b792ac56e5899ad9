//! Release health: the run of a program as a session, and sessions by hand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use support::Watched;
use support::clock::Wound;
use support::transports::Blocked;
use tower::{Layer, ServiceExt, service_fn};
use watchpost::protocol::{ItemType, SessionUpdate};
use watchpost::tower::propagate_layer;
use watchpost::{
    Delivery, Envelope, Event, Options, SessionMode, SessionStatus, Transport, User, capture_error,
    capture_event, end_session, end_session_with, set_user, start_session, with_isolation_scope,
};
use watchpost_testkit::{Recorder, options};

fn run_mode() -> Options {
    options().release("editor@2.1.0").unwrap().session_mode(SessionMode::Application)
}

fn failure() -> std::num::ParseIntError {
    "x".parse::<u8>().unwrap_err()
}

/// What is told of the runs of a program.
fn updates(options: Options, program: impl FnOnce(&Watched)) -> Vec<SessionUpdate> {
    let watched = Watched::new(options);
    watched.run(|| program(&watched));
    watched.close().session_updates()
}

/// As `exited, errors 1`.
fn told(updates: &[SessionUpdate]) -> Vec<String> {
    updates.iter().map(|update| format!("{}, errors {}", update.status, update.errors)).collect()
}

#[test]
fn a_short_run_is_told_of_once() {
    let clock = Wound::new();
    let updates = updates(run_mode().clock(clock.clone()), |_| {
        start_session();
        clock.set(90);
        end_session();
    });
    let [update] = &updates[..] else { panic!("{updates:?}") };
    assert_eq!((update.status, update.errors), (SessionStatus::Exited, 0));
    assert_eq!((update.init, update.seq, update.duration), (true, Some(0), Some(90.0)));
    assert_eq!((update.started.as_micros(), update.timestamp.unwrap().as_micros()), (0, 90_000_000));
    assert_eq!(
        (&*update.attrs.release, update.attrs.environment.as_deref()),
        ("editor@2.1.0", Some("production"))
    );
    assert_ne!(update.sid, Default::default());
}

#[test]
fn a_request_that_goes_out_does_not_end_the_run() {
    let updates = updates(run_mode(), |_| {
        start_session();
        let request = http::Request::get("https://stock.test/").body(()).unwrap();
        let answer = async |_| Ok::<_, Infallible>(http::Response::new(()));
        let call = propagate_layer().layer(service_fn(answer)).oneshot(request);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(call).unwrap();
        capture_error(&failure());
    });
    assert_eq!(told(&updates), ["exited, errors 1"]);
}

#[test]
fn closing_ends_the_run() {
    assert_eq!(told(&updates(run_mode(), |_| start_session())), ["exited, errors 0"]);
}

#[test]
fn the_errors_of_a_run_are_added_up() {
    let updates = updates(run_mode(), |watched| {
        start_session();
        capture_error(&failure());
        assert!(watched.client.flush(None));
        assert!(watched.client.flush(None), "nothing is new, and nothing is said twice");
        with_isolation_scope(|_| capture_error(&failure()));
    });
    assert_eq!(told(&updates), ["ok, errors 1", "exited, errors 2"]);
    assert_eq!(updates.iter().map(|update| update.init).collect::<Vec<_>>(), [true, false]);
    assert_eq!(updates[1].seq, None, "the time says which is later");
    assert_eq!(updates[0].sid, updates[1].sid);
    assert_eq!(updates[0].duration, None, "it goes on");
}

#[test]
fn an_error_that_a_hook_drops_did_not_happen() {
    let captures = |_: &Watched| {
        start_session();
        capture_error(&failure());
    };
    assert_eq!(told(&updates(run_mode().before_send(|_| None), captures)), ["exited, errors 0"]);
    assert_eq!(told(&updates(run_mode().sample_rate(0.0).unwrap(), captures)), ["exited, errors 1"]);
    let full = run_mode().transport_queue_bytes(1);
    assert_eq!(told(&updates(full, captures)), [] as [&str; 0], "there is no room for it either");
}

#[test]
fn an_error_that_nobody_handled_is_said_at_the_end() {
    let updates = updates(run_mode(), |_| {
        start_session();
        let thread = std::thread::spawn(watchpost::Scopes::current().wrap(|| panic!("a thread of many")));
        assert!(thread.join().is_err());
    });
    assert_eq!(told(&updates), ["unhandled, errors 1"]);
}

/// The guard is dropped by the panic that ends `main`.
#[test]
fn a_panic_that_ends_the_program_is_a_crash() {
    let watched = Watched::new(run_mode());
    watched.run(|| {
        start_session();
        let client = watched.client.clone();
        let main = catch_unwind(AssertUnwindSafe(move || {
            let _guard = Closes(client);
            panic!("no main");
        }));
        assert!(main.is_err());
    });
    assert_eq!(told(&watched.close().session_updates()), ["crashed, errors 1"]);
}

struct Closes(watchpost::Client);

impl Drop for Closes {
    fn drop(&mut self) {
        assert!(self.0.close(None));
    }
}

#[test]
fn a_run_that_begins_ends_the_one_before() {
    let updates = updates(run_mode(), |watched| {
        start_session();
        capture_error(&failure());
        start_session();
        assert!(watched.client.flush(None)); // the first is told of once its error is through
        end_session_with(SessionStatus::Abnormal);
        end_session(); // there is none
        capture_error(&failure());
    });
    assert_eq!(told(&updates), ["exited, errors 1", "ok, errors 0", "abnormal, errors 0"]);
    assert_ne!(updates[0].sid, updates[1].sid);
    assert_eq!(updates[1].sid, updates[2].sid);
}

#[test]
fn the_user_of_a_run_may_be_known_later() {
    let updates = updates(run_mode(), |watched| {
        set_user(User::id("").email("sam@example.org"));
        start_session();
        set_user(User::id("81"));
        with_isolation_scope(|_| set_user(User::id("somebody whose request this is")));
        assert!(watched.client.flush(None));
        set_user(None);
    });
    let names: Vec<_> = updates.iter().map(|update| update.did.as_deref()).collect();
    assert_eq!(names, [Some("81"), None]);
}

#[test]
fn requests_by_hand_are_counted() {
    let watched = Watched::new(options().release("shop@1.4.0").unwrap());
    watched.run(|| {
        for fails in [false, true, false] {
            with_isolation_scope(|_| {
                start_session();
                if fails {
                    capture_error(&failure());
                }
                end_session();
                capture_event(Event::default()); // it is over
            });
        }
        with_isolation_scope(|_| start_session()); // nobody ends it: it ends with its scope
    });
    let counted = watched.close().session_aggregates();
    assert_eq!(counted.iter().map(|minute| (minute.exited, minute.errored)).collect::<Vec<_>>(), [(3, 1)]);
}

#[test]
fn without_a_release_there_are_none() {
    let options = options().session_mode(SessionMode::Application);
    assert_eq!(told(&updates(options, |_| start_session())), [] as [&str; 0]);
}

#[test]
fn sessions_of_another_client_are_none_of_ours() {
    let other = Watched::new(run_mode());
    let updates = updates(run_mode(), |_| {
        start_session();
        other.client.capture_error(&failure(), Some(&watchpost::isolation_scope()));
    });
    assert_eq!(told(&updates), ["exited, errors 0"]);
}

/// What nobody takes is counted.
#[test]
fn sessions_that_are_refused_are_losses() {
    struct Refuses(Recorder);
    impl Transport for Refuses {
        fn deliver(&self, envelope: &Envelope) -> Delivery {
            let sessions = envelope.items.iter().any(|item| item.header.ty == ItemType::Sessions);
            if !sessions {
                return self.0.deliver(envelope);
            }
            Delivery::Rejected { status: 400, message: "no".into(), limits: Vec::new() }
        }
    }
    let recorder = Recorder::new();
    let options = options().release("shop@1.4.0").unwrap().transport(Refuses(recorder.clone()));
    let watched = Watched::over(options, recorder);
    watched.run(|| (0..3).for_each(|_| with_isolation_scope(|_| start_session())));
    assert_eq!(watched.close().losses(), ["send_error/session: 3"]);
}

#[test]
fn a_crash_takes_its_session_along() {
    let watched = Watched::new(run_mode());
    watched.run(|| {
        start_session();
        let scopes: Arc<_> = watchpost::Scopes::current();
        let fatal = || Event { level: Some(watchpost::Level::Fatal), ..Event::default() };
        watchpost_core::layer::capture_unhandled(&scopes, true, fatal);
        assert!(watched.client.flush(None));
        capture_error(&failure()); // by whom, if it was the end?
    });
    let captured = watched.close();
    let types: Vec<_> = captured.envelopes()[0].items.iter().map(|item| item.header.ty.clone()).collect();
    assert_eq!(types, [ItemType::Event, ItemType::Session]);
    assert_eq!(told(&captured.session_updates()), ["crashed, errors 1"]);
}

#[test]
fn an_envelope_has_no_more_of_them_than_the_server_takes() {
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let watched = Watched::over(run_mode().transport(transport), recorder);
    watched.run(|| {
        watchpost::capture_message("while this is under way");
        gate.wait_for_delivery();
        (0..2_000).for_each(|_| (start_session(), end_session()).0);
    });
    drop(gate);
    let captured = watched.close();
    let most = captured.envelopes().iter().map(|envelope| envelope.items.len()).max();
    assert!(most <= Some(100), "{most:?}");
    let lost: usize =
        captured.losses().iter().map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    let updates = captured.session_updates();
    let runs: std::collections::BTreeSet<_> = updates.iter().map(|update| update.sid.to_string()).collect();
    assert_eq!(runs.len() + lost, 2_000, "{:?}", captured.losses());
}

#[test]
fn a_request_that_is_still_open_when_the_client_is_closed_is_counted_as_lost() {
    let watched = Watched::new(options().release("shop@1.4.0").unwrap());
    let request = watched.run(|| {
        with_isolation_scope(|_| {
            start_session();
            watchpost::Scopes::current()
        })
    });
    assert!(watched.client.close(None));
    drop(request);
    let losses = watched.client.losses();
    let losses: Vec<_> =
        losses.iter().map(|line| (line.reason.as_str(), line.category, line.quantity)).collect();
    assert_eq!(losses, [("queue_overflow", watchpost::protocol::Category::Session, 1)]);
}
