//! What a child reports, and what is its parent's.

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::Duration;

use fork::{Fork, fork};
use support::server::{OK, Received, Server};
use support::transports::Blocked;
use watchpost::protocol::{CheckIn, Item, ItemType, SessionUpdate};
use watchpost::{CheckInStatus, Envelope, Event, EventId, Metric, Options, SessionMode, metrics};
use watchpost_testkit::Recorder;

const LONG: Duration = Duration::from_secs(60);

pub(crate) fn report() {
    a_child_reports_beside_its_parent();
    a_child_does_not_speak_for_its_parent();
    a_child_has_its_copies_too();
    a_child_has_a_queue_of_its_own();
}

/// Its message and its id.
fn event(request: &Received) -> (String, EventId) {
    let event: Event = request.envelope().items[0].decode().unwrap();
    (event.logentry.unwrap().formatted.unwrap(), event.event_id)
}

fn a_child_reports_beside_its_parent() {
    let server = Server::start([support::server::Answer::Says(OK)]);
    let options = Options::new().use_environment(false).dsn(server.dsn()).unwrap();
    let guard = watchpost::init(options.default_integrations(false)).unwrap();
    // The worker is there, and a connection is kept.
    watchpost::capture_message("before");
    assert!(watchpost::flush(Some(LONG)));
    match fork().unwrap() {
        Fork::Child => {
            // Two generations, as daemons are made.
            match fork().unwrap() {
                Fork::Child => {
                    watchpost::capture_message("the child");
                    watchpost::capture_message("the child again");
                    std::process::exit(i32::from(!watchpost::close(Some(LONG))));
                }
                Fork::Parent(_) => std::process::exit(0),
            }
        }
        Fork::Parent(_) => {
            watchpost::capture_message("the parent");
            assert!(watchpost::close(Some(LONG)));
        }
    }
    let arrived: Vec<_> = (0..4).map(|_| event(&server.next())).collect();
    let mut messages: Vec<_> = arrived.iter().map(|(message, _)| message.as_str()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["before", "the child", "the child again", "the parent"]);
    let ids: BTreeSet<_> = arrived.iter().map(|(_, id)| id.to_string()).collect();
    assert_eq!(ids.len(), 4, "each has an id of its own: {arrived:?}");
    drop(guard);
}

/// What Spotlight is shown of a child.
fn a_child_has_its_copies_too() {
    let receiver = Server::start([]);
    let options = Options::new().use_environment(false).default_integrations(false);
    let guard = watchpost::init(options.spotlight(format!("http://{}/stream", receiver.address()))).unwrap();
    watchpost::capture_message("the parent");
    assert!(watchpost::flush(Some(LONG)));
    let shown = || {
        let envelope = Envelope::from_slice(receiver.next().body()).unwrap();
        envelope.items[0].decode::<Event>().unwrap().logentry.unwrap().formatted.unwrap()
    };
    assert_eq!(shown(), "the parent");
    if let Fork::Child = fork().unwrap() {
        watchpost::capture_message("the child");
        std::process::exit(i32::from(!watchpost::close(Some(LONG))));
    }
    assert_eq!(shown(), "the child");
    drop(guard);
}

/// What its parent has no room for, it has.
fn a_child_has_a_queue_of_its_own() {
    let (transport, gate) = Blocked::new(Recorder::new());
    let options = Options::new().use_environment(false).default_integrations(false).transport(transport);
    let guard = watchpost::init(options.traces_sample_rate(1.0).unwrap().transport_queue_size(10)).unwrap();
    let is_recorded = || watchpost::start_transaction("work").start().is_recording();
    assert!(is_recorded());
    gate.wait_for_delivery();
    while is_recorded() {}
    let (mut answer, mut asked) = std::io::pipe().unwrap();
    if let Fork::Child = fork().unwrap() {
        let recorded = (0..100).any(|_| is_recorded()); // one of many finds out
        asked.write_all(&[u8::from(recorded)]).unwrap();
        std::process::exit(0);
    }
    let mut recorded = [0];
    answer.read_exact(&mut recorded).unwrap();
    assert_eq!(recorded, [1]);
    assert!(!is_recorded(), "the parent's is as it was");
    drop(gate);
    drop(guard);
}

/// What its items are, in a word each.
fn said(request: &Received) -> Vec<String> {
    let envelope = request.envelope();
    let one = |item: &Item| match item.header.ty {
        ItemType::TraceMetric => {
            let container: Container = item.decode().unwrap();
            container.items.iter().map(|metric| metric.name.to_string()).collect()
        }
        ItemType::Session => {
            let update: SessionUpdate = item.decode().unwrap();
            vec![format!("session {}", update.status)]
        }
        ItemType::CheckIn => vec![format!("check-in {}", item.decode::<CheckIn>().unwrap().check_in_id)],
        ref other => vec![other.to_string()],
    };
    envelope.items.iter().flat_map(one).collect()
}

#[derive(serde::Deserialize)]
struct Container {
    items: Vec<Metric>,
}

fn a_child_does_not_speak_for_its_parent() {
    let server = Server::start([]);
    let options = Options::new().use_environment(false).dsn(server.dsn()).unwrap();
    let options = options.default_integrations(false).release("fork@1").unwrap();
    let guard = watchpost::init(options.session_mode(SessionMode::Application)).unwrap();
    watchpost::capture_message("there is a worker");
    assert!(watchpost::flush(Some(LONG)));
    metrics::count("of.parent", 1);
    for _ in 0..2 {
        if let Fork::Child = fork().unwrap() {
            watchpost::monitor("job").unwrap().check_in(CheckInStatus::Ok).send();
            metrics::count("of.child", 1);
            drop(guard);
            std::process::exit(0);
        }
    }
    let mut arrived = Vec::new();
    // Of a child, either may arrive first: they are sent beside each other.
    let both = |arrived: &[String], what| arrived.iter().filter(|said| said.starts_with(what)).count() == 2;
    while !(both(&arrived, "of.child") && both(&arrived, "check-in")) {
        arrived.extend(said(&server.next()));
    }
    drop(guard);
    arrived.extend(server.rest().iter().flat_map(said));
    let runs: BTreeSet<_> = arrived.iter().filter(|said| said.starts_with("check-in")).collect();
    assert_eq!(runs.len(), 2, "each has an id of its own: {arrived:#?}");
    let mut kinds: Vec<_> = arrived.iter().filter_map(|said| said.split(' ').next()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["check-in", "check-in", "event", "of.child", "of.child", "of.parent", "session", "session"],
        "the session was told of when it began and when it ended: {arrived:#?}"
    );
}
