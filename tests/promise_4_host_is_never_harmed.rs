//! Promise 4: the host is never harmed. No panic, deadlock, recursion or unbounded wait comes from us, whatever callbacks and servers do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed, and callbacks fail on purpose"
)]

mod support;

use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::panic_any;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use support::Watched;
use support::transports::Blocked;
use tracing_subscriber::prelude::*;
use watchpost::protocol::Timestamp;
use watchpost::{
    Breadcrumb, Client, Clock, Decision, Delivery, Envelope, Event, Integration, Options, Rng, Scopes,
    Transaction, Transport,
};
use watchpost_testkit::{Captured, Recorder, capture_with, options};

fn quiet() -> Options {
    options().default_integrations(false)
}

/// An error and a transaction with one child, as a program has them.
fn a_day() {
    let root = watchpost::start_transaction("day").enter();
    root.child("hour").finish();
    watchpost::capture_message("rain");
}

/// What is left of a day, and what was counted.
fn day_with(options: Options) -> (Captured, Vec<String>) {
    let watched = Watched::new(options);
    watched.run(a_day);
    let captured = watched.close();
    let losses = captured.losses();
    (captured, losses)
}

const EVENT: &str = "info: rain\n  in day\n";
const TRANSACTION: &str = "default day\n  default hour\n";

#[test]
fn a_hook_that_uses_the_reporter_neither_deadlocks_nor_feeds_itself() {
    let me = Arc::new(OnceLock::<Client>::new());
    let (client, (flushed, was_flushed)) = (Arc::clone(&me), channel());
    let watched = Watched::new(quiet().before_send(move |event| {
        let client = client.get().unwrap();
        let _entered = Arc::new(Scopes::of_client(client)).attach();
        watchpost::add_breadcrumb(Breadcrumb::new("from the hook"));
        watchpost::set_tag("from", "the hook");
        watchpost::capture_message("from the hook");
        watchpost::start_transaction("from the hook").start().finish();
        flushed.send(watchpost::flush(Some(Duration::from_secs(3600)))).unwrap();
        Some(event)
    }));
    me.set(watched.client.clone()).unwrap();
    watched.run(a_day);
    assert!(watched.client.flush(Some(Duration::from_secs(60))));
    let captured = watched.close();
    assert!(!was_flushed.recv().unwrap(), "the worker cannot wait for itself");
    assert_eq!(captured.draw(), [EVENT, TRANSACTION].concat());
}

#[test]
fn a_hook_may_close_the_client_that_calls_it() {
    let me = Arc::new(OnceLock::<Client>::new());
    let client = Arc::clone(&me);
    let watched = Watched::new(quiet().before_send(move |event| {
        client.get().unwrap().close(None);
        Some(event)
    }));
    me.set(watched.client.clone()).unwrap();
    watched.run(|| watchpost::capture_message("the last one"));
    assert_eq!(watched.close().draw(), "info: the last one\n");
}

#[test]
fn a_breadcrumb_hook_that_leaves_breadcrumbs_is_not_called_for_them() {
    let options = quiet().before_breadcrumb(|crumb| {
        watchpost::add_breadcrumb(Breadcrumb::new("about the breadcrumb"));
        tracing::info!("about the breadcrumb");
        watchpost::capture_message("about the breadcrumb");
        Some(crumb)
    });
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture_with(options, || {
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("by the layer");
            watchpost::add_breadcrumb(Breadcrumb::new("by hand"));
            watchpost::capture_message("rain");
        });
    });
    assert_eq!(captured.draw(), "info: rain\n  - info: by the layer\n  - info: by hand\n");
}

#[test]
fn a_breadcrumb_hook_is_where_the_breadcrumb_is() {
    let hook = |crumb: Breadcrumb| {
        watchpost::set_tag("seen", crumb.message.as_deref().unwrap_or_default());
        Some(crumb)
    };
    let captured = capture_with(quiet().before_breadcrumb(hook), || {
        let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("request").in_scope(|| {
                tracing::info!("cart loaded");
                watchpost::capture_message("inside");
            });
            watchpost::capture_message("outside");
        });
    });
    assert_eq!(
        captured.events().into_iter().map(|event| event.tags.len()).collect::<Vec<_>>(),
        [1, 0],
        "{}",
        captured.draw()
    );
}

#[test]
fn a_sampler_that_starts_a_trace_is_not_asked_about_it() {
    let captured = capture_with(
        quiet().traces_sampler(|_| {
            watchpost::start_transaction("about the sampler").start().finish();
            Decision::Keep
        }),
        a_day,
    );
    assert_eq!(captured.draw(), [EVENT, TRANSACTION].concat());
}

#[test]
fn a_panic_in_before_send_costs_the_event() {
    let (captured, losses) = day_with(options().before_send(|_| panic!("before_send")));
    assert_eq!(
        (captured.draw().as_str(), losses.as_slice()),
        (TRANSACTION, &["before_send/error: 1".into()][..])
    );
}

#[test]
fn a_panic_in_before_send_transaction_costs_the_transaction() {
    let (captured, losses) =
        day_with(options().before_send_transaction(|_| panic!("before_send_transaction")));
    assert_eq!(captured.draw(), EVENT);
    assert_eq!(losses, ["before_send/span: 2", "before_send/transaction: 1"]);
}

#[test]
fn a_panic_in_before_breadcrumb_costs_the_breadcrumb() {
    let captured = capture_with(
        quiet().before_breadcrumb(|crumb| {
            assert_ne!(crumb.message.as_deref(), Some("bad"), "before_breadcrumb");
            Some(crumb)
        }),
        || {
            watchpost::add_breadcrumb(Breadcrumb::new("good"));
            watchpost::add_breadcrumb(Breadcrumb::new("bad"));
            watchpost::add_breadcrumb(Breadcrumb::new("good again"));
            watchpost::capture_message("rain");
        },
    );
    assert_eq!(captured.draw(), "info: rain\n  - info: good\n  - info: good again\n");
}

#[test]
fn a_panic_in_an_event_processor_costs_the_event() {
    let captured = capture_with(quiet(), || {
        watchpost::with_scope(|scope| {
            scope.add_event_processor(|_| panic!("processor"));
            watchpost::capture_message("lost");
        });
        watchpost::capture_message("kept");
    });
    assert_eq!(captured.draw(), "info: kept\n");
    assert_eq!(captured.losses(), ["event_processor/error: 1"]);
}

#[test]
fn a_panic_in_the_sampler_leaves_the_decision_to_the_rate() {
    let captured = capture_with(quiet().traces_sampler(|_| panic!("sampler")), a_day);
    assert_eq!(captured.draw(), [EVENT, TRANSACTION].concat());
}

struct Failing;

impl Integration for Failing {
    fn identifier(&self) -> &'static str {
        "failing"
    }

    fn process_event(&self, _: Event) -> Option<Event> {
        panic!("an integration's event")
    }

    fn process_transaction(&self, _: Transaction) -> Option<Transaction> {
        panic!("an integration's transaction")
    }
}

#[test]
fn a_panic_in_an_integration_costs_what_it_saw() {
    let (captured, losses) = day_with(options().integration(Failing));
    assert_eq!(captured.draw(), "");
    assert_eq!(
        losses,
        ["event_processor/error: 1", "event_processor/span: 2", "event_processor/transaction: 1"]
    );
}

/// Panics over events, and records the rest.
struct Panicking(Recorder);

impl Transport for Panicking {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        assert!(envelope.headers.event_id.is_none(), "the transport");
        self.0.deliver(envelope)
    }
}

#[test]
fn a_panic_in_the_transport_costs_the_envelope() {
    let recorder = Recorder::new();
    let watched = Watched::over(options().transport(Panicking(recorder.clone())), recorder);
    watched.run(a_day);
    assert_eq!(
        watched.close().losses(),
        ["internal_sdk_error/error: 1", "internal_sdk_error/span: 2", "internal_sdk_error/transaction: 1"]
    );
}

/// Cannot be printed.
struct Unspeakable;

impl fmt::Debug for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("unspeakable")
    }
}

impl fmt::Display for Unspeakable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Unspeakable {}

/// A clock and dice that use the reporter, and fail.
struct Broken;

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        watchpost::capture_message("what time is it?");
        panic!("no time")
    }

    fn monotonic(&self) -> Instant {
        watchpost::start_transaction("watch").start().finish();
        panic!("no time")
    }
}

impl Rng for Broken {
    fn next_u64(&self) -> u64 {
        watchpost::add_breadcrumb(Breadcrumb::new("rolled the dice"));
        panic!("no dice")
    }
}

#[test]
fn a_clock_and_dice_that_panic_are_done_without() {
    let (captured, losses) = day_with(quiet().clock(Broken).rng(Broken));
    assert_eq!(captured.draw(), format!("{EVENT}{TRANSACTION}"));
    assert!(losses.is_empty(), "{losses:?}");
}

/// What it panics with panics again when it is freed, and so on.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic_any(Bomb)
    }
}

#[test]
fn a_panic_whose_payload_panics_harms_nobody() {
    struct Bombs;
    impl Integration for Bombs {
        fn identifier(&self) -> &'static str {
            "bombs"
        }
        fn setup_once(&self) {
            panic_any(Bomb)
        }
    }
    let (captured, losses) = day_with(quiet().integration(Bombs).traces_sampler(|_| panic_any(Bomb)));
    assert_eq!(captured.draw(), format!("{EVENT}{TRANSACTION}"));
    assert!(losses.is_empty(), "{losses:?}");
    let (_, losses) = day_with(quiet().before_send(|_| panic_any(Bomb)));
    assert_eq!(losses, ["before_send/error: 1"]);
    let watched = Watched::new(quiet().before_breadcrumb(|_| panic_any(Bomb)));
    watched.run(|| {
        let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
        tracing::subscriber::with_default(subscriber, || {
            let bomb = ManuallyDrop::new(Bomb);
            tracing::info_span!("field", bomb = ?*bomb).in_scope(|| tracing::info!("hello"));
        });
    });
    assert_eq!(watched.close().draw(), "function field\n");
}

#[test]
fn an_error_that_panics_when_printed_is_counted() {
    let captured = capture_with(quiet(), || {
        assert_eq!(watchpost::capture_error(&Unspeakable), None);
        watchpost::capture_message("still here");
    });
    assert_eq!(captured.draw(), "info: still here\n");
    assert_eq!(captured.losses(), ["internal_sdk_error/error: 1"]);
}

#[test]
fn a_parameter_of_a_message_that_panics_when_printed_is_counted() {
    let captured = capture_with(quiet(), || {
        assert_eq!(watchpost::capture_message!("it said {}", Unspeakable), None);
    });
    assert_eq!(captured.losses(), ["internal_sdk_error/error: 1"]);
}

/// Captures itself whenever it is printed.
#[derive(Debug)]
struct Vain;

impl fmt::Display for Vain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        watchpost::capture_error(self);
        f.write_str("look at me")
    }
}

impl std::error::Error for Vain {}

#[test]
fn an_error_that_captures_itself_when_printed_is_captured_once() {
    let captured = capture_with(quiet(), || {
        watchpost::capture_error(&Vain);
    });
    assert_eq!(captured.draw(), "error: Vain: look at me\n");
}

#[test]
fn fields_that_panic_when_printed_do_not_take_the_program_down() {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture_with(quiet(), || {
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("work", field = ?Unspeakable, late = tracing::field::Empty);
            let _entered = span.enter();
            span.record("late", tracing::field::debug(Unspeakable));
            tracing::info!(field = ?Unspeakable, "a breadcrumb");
            tracing::error!(field = ?Unspeakable, "an issue");
            tracing::error!("{}", Unspeakable);
            tracing::error!("still here");
        });
    });
    assert!(captured.draw().contains("error: still here\n  in work\n"), "{}", captured.draw());
    assert_eq!(captured.transactions().len(), 1);
}

#[test]
fn a_full_queue_refuses_at_once_and_counts() {
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let watched = Watched::over(quiet().transport_queue_size(100).transport(transport), recorder);
    let taken = watched.run(|| {
        // That this ends at all says that the caller waits for nobody.
        (0..150).filter(|i| watchpost::capture_message(&i.to_string()).is_some()).count()
    });
    assert_eq!(taken, 100);
    drop(gate);
    let captured = watched.close();
    assert_eq!(captured.events().len(), 100);
    assert_eq!(captured.losses(), ["queue_overflow/error: 50"]);
}

#[test]
fn a_flush_ends_at_its_deadline() {
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let watched = Watched::over(quiet().transport(transport), recorder);
    watched.run(|| {
        assert!(watchpost::flush(Some(Duration::ZERO)), "there is nothing to wait for yet");
        watchpost::capture_message("stuck");
        gate.wait_for_delivery();
        assert!(!watchpost::flush(Some(Duration::from_millis(200))));
    });
    drop(gate);
    assert_eq!(watched.close().draw(), "info: stuck\n", "what was stuck was not lost");
}

/// Eight requests that nobody answers, and more behind them.
#[test]
fn a_close_ends_at_its_deadline_however_many_deliveries_are_stuck() {
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let watched = Watched::over(quiet().max_in_flight(8).transport(transport), recorder);
    watched.run(|| {
        for number in 0..20 {
            watchpost::capture_message(&number.to_string());
        }
        (0..8).for_each(|_| gate.wait_for_delivery());
    });
    assert!(!watched.client.close(Some(Duration::from_millis(300))));
    let lost = watched.client.losses();
    assert_eq!(lost.len(), 1);
    assert_eq!(format!("{}: {}", lost[0].reason, lost[0].quantity), "network_error: 12");
    assert!(!watched.client.flush(Some(Duration::ZERO)), "eight are still under way");
    drop(gate);
    let captured = watched.close();
    assert_eq!(captured.events().len(), 8);
    assert_eq!(captured.losses(), ["network_error/error: 12"], "the last to leave reports");
}

/// A thread that ends has less and less of what threads have.
#[test]
fn a_thread_may_flush_in_its_last_moments() {
    struct Last(Client, std::sync::mpsc::Sender<bool>);

    impl Drop for Last {
        fn drop(&mut self) {
            let _ = self.1.send(self.0.flush(Some(Duration::from_secs(60))));
        }
    }

    std::thread_local! {
        static LAST: OnceLock<Last> = const { OnceLock::new() };
    }

    let watched = Watched::new(quiet());
    let (client, (flushed, was_flushed)) = (watched.client.clone(), channel());
    let thread = std::thread::spawn(move || {
        LAST.with(|last| _ = last.set(Last(client.clone(), flushed)));
        client.capture_message("the last words", watchpost::Level::Info, None);
    });
    thread.join().unwrap();
    assert!(was_flushed.recv().unwrap());
    assert_eq!(watched.close().draw(), "info: the last words\n");
}

/// The only test here that uses the process's own client.
#[test]
fn the_guard_is_dropped_at_its_deadline() {
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let guard =
        watchpost::init(quiet().shutdown_timeout(Duration::from_millis(300)).transport(transport)).unwrap();
    let client = guard.client().clone();
    watchpost::capture_message("under way");
    gate.wait_for_delivery();
    watchpost::capture_message("in the queue");
    drop(guard); // ends although nothing was answered
    assert!(recorder.captured().envelopes().is_empty());
    assert!(!watchpost::is_initialized());
    assert_eq!(watchpost::capture_message("too late"), None);
    let lost = client.losses();
    assert_eq!(lost.len(), 1);
    assert_eq!(format!("{}: {}", lost[0].reason, lost[0].quantity), "network_error: 1");
    drop(gate);
}
