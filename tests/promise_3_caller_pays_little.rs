//! Promise 3: what is sent costs the caller little. It takes raw addresses and pushes; everything else happens on the worker.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use support::Watched;
use support::transports::Blocked;
use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::protocol::{Frame, Request, Stacktrace};
use watchpost::{
    Breadcrumb, Decision, Delivery, Envelope, Event, Integration, Options, RawStack, StackSource,
    Transaction, Transport,
};
use watchpost_testkit::{Recorder, options};

/// What ran, and on which thread.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeSet<(&'static str, Where)>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    Caller,
    Worker,
    Elsewhere,
}
use Where::{Caller, Worker};

impl Seen {
    fn note(&self, what: &'static str, caller: ThreadId) {
        let here = thread::current();
        let place = match here.name() {
            _ if here.id() == caller => Where::Caller,
            Some("watchpost") => Where::Worker,
            _ => Where::Elsewhere,
        };
        self.0.lock().unwrap().insert((what, place));
    }
}

/// Everything of somebody else's that a client calls, saying where it is called.
#[derive(Clone)]
struct Witness {
    seen: Seen,
    caller: ThreadId,
    recorder: Recorder,
}

impl Witness {
    fn note(&self, what: &'static str) {
        self.seen.note(what, self.caller);
    }
}

impl Integration for Witness {
    fn identifier(&self) -> &'static str {
        "witness"
    }

    fn process_event(&self, event: Event) -> Option<Event> {
        self.note("integration: event");
        Some(event)
    }

    fn process_transaction(&self, transaction: Transaction) -> Option<Transaction> {
        self.note("integration: transaction");
        Some(transaction)
    }
}

impl StackSource for Witness {
    fn capture(&self) -> RawStack {
        self.note("stack: addresses");
        RawStack { addresses: [1, 2, 3].into(), own: 1 }
    }

    fn resolve(&self, stack: &RawStack) -> Option<Stacktrace> {
        self.note("stack: names");
        assert_eq!(*stack.addresses, [1, 2, 3]);
        let frame = Frame { function: Some("charge".into()), ..Frame::default() };
        Some(Stacktrace { frames: vec![frame], ..Stacktrace::default() })
    }
}

impl Transport for Witness {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        self.note("transport");
        self.recorder.deliver(envelope)
    }
}

fn witnessed(witness: &Witness) -> Options {
    let [send, send_transaction, breadcrumb, sampler] = std::array::from_fn(|_| witness.clone());
    options()
        .default_integrations(false)
        .before_send(move |event| {
            send.note("before_send");
            Some(event)
        })
        .before_send_transaction(move |transaction| {
            send_transaction.note("before_send_transaction");
            Some(transaction)
        })
        .before_breadcrumb(move |crumb| {
            breadcrumb.note("before_breadcrumb");
            Some(crumb)
        })
        .traces_sampler(move |_| {
            sampler.note("traces_sampler");
            Decision::Keep
        })
        .integration(witness.clone())
        .stack_source(witness.clone())
        .transport(witness.clone())
}

/// Everything that a program does, by hand and by the layer.
fn program(witness: &Witness) {
    let [processor, request] = std::array::from_fn(|_| witness.clone());
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, || {
        let root = info_span!("request");
        let _root = root.enter();
        let scope = watchpost::isolation_scope();
        scope.add_event_processor(move |event| {
            processor.note("event processor");
            Some(event)
        });
        scope.set_request(Some(Arc::new(move || {
            request.note("request");
            Request { method: Some("GET".into()), ..Request::default() }
        })));
        watchpost::add_breadcrumb(Breadcrumb::new("by hand"));
        tracing::info!("by the layer");
        watchpost::capture_error(&std::fmt::Error);
        let another = std::io::Error::other("another");
        tracing::error!(error = &another as &dyn std::error::Error, "by the layer");
        watchpost::start_transaction("by hand").start().finish();
    });
}

#[test]
fn hooks_processors_symbols_and_the_wire_are_the_workers() {
    let witness =
        Witness { seen: Seen::default(), caller: thread::current().id(), recorder: Recorder::new() };
    let watched = Watched::over(witnessed(&witness), witness.recorder.clone());
    watched.run(|| program(&witness));
    let captured = watched.close();
    assert_eq!((captured.events().len(), captured.transactions().len()), (2, 2));
    for event in captured.events() {
        let frames = &event.exception[0].stacktrace.as_ref().unwrap().frames;
        assert_eq!(frames[0].function.as_deref(), Some("charge"));
        assert_eq!(event.request.unwrap().method.as_deref(), Some("GET"));
    }
    let seen: Vec<_> = witness.seen.0.lock().unwrap().iter().copied().collect();
    assert_eq!(
        seen,
        [
            ("before_breadcrumb", Caller), // has to know whether there is one
            ("before_send", Worker),
            ("before_send_transaction", Worker),
            ("event processor", Worker),
            ("integration: event", Worker),
            ("integration: transaction", Worker),
            ("request", Worker),
            ("stack: addresses", Caller),
            ("stack: names", Worker),
            ("traces_sampler", Caller), // decides whether anything is recorded at all
            ("transport", Worker),
        ]
    );
}

/// While the worker is busy, the caller goes on: everything it can do ends without an answer from the wire.
#[test]
fn the_caller_waits_for_nobody() {
    let witness =
        Witness { seen: Seen::default(), caller: thread::current().id(), recorder: Recorder::new() };
    let (blocked, gate) = Blocked::new(witness.clone());
    let watched = Watched::over(witnessed(&witness).transport(blocked), witness.recorder.clone());
    watched.run(|| {
        watchpost::capture_message("under way");
        gate.wait_for_delivery();
        (0..10).for_each(|_| program(&witness));
    });
    assert!(watched.recorder.captured().envelopes().is_empty());
    drop(gate);
    assert_eq!(watched.close().events().len(), 21);
}
