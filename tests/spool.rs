//! What cannot be sent is kept on the disk and sent later (promise 5): by the next run, by another process, by this one when the server is back.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::Watched;
use support::directory::Directory;
use watchpost::{Delivery, Envelope, Level, Options, SpoolOptions, Transport};
use watchpost_testkit::Recorder;

const LONG: Duration = Duration::from_secs(60);

/// A network that the test switches on and off.
#[derive(Clone, Default)]
struct Network {
    on: Arc<AtomicBool>,
    server: Recorder,
}

impl Transport for Network {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        match self.on.load(Ordering::SeqCst) {
            true => self.server.deliver(envelope),
            false => Delivery::Unreachable { error: "no route to host".into() },
        }
    }
}

impl Network {
    fn switch(&self, on: bool) {
        self.on.store(on, Ordering::SeqCst);
    }

    /// A run of the program.
    fn program(&self, spool: impl Into<SpoolOptions>) -> Watched {
        self.program_for("http://key@shop.test/42", spool)
    }

    fn program_for(&self, dsn: &str, spool: impl Into<SpoolOptions>) -> Watched {
        let options = Options::new().use_environment(false).default_integrations(false).dsn(dsn).unwrap();
        Watched::over(options.transport(self.clone()).spool(spool), self.server.clone())
    }

    /// The messages that arrived, sorted.
    fn arrived(&self) -> Vec<String> {
        let events = self.server.captured().events().into_iter();
        let mut texts: Vec<_> = events.map(|event| event.logentry.unwrap().formatted.unwrap()).collect();
        texts.sort();
        texts
    }
}

fn capture(program: &Watched, message: &str) {
    program.run(|| watchpost::capture_message(message));
}

#[test]
fn what_was_captured_offline_is_sent_by_the_next_run() {
    let (network, directory) = (Network::default(), Directory::new("offline"));
    let program = network.program(directory.path());
    capture(&program, "on the train");
    program.run(|| watchpost::start_transaction("ride").start().finish());
    assert!(program.client.close(Some(LONG)), "nothing is lost");
    assert!(program.client.losses().is_empty() || directory.envelopes().len() == 2);
    let kept = directory.envelopes();
    assert!(kept.iter().all(|envelope| envelope.headers.sent_at.is_none()));

    network.switch(true);
    let program = network.program(directory.path());
    capture(&program, "at home");
    assert!(program.client.close(Some(LONG)));
    assert_eq!(network.arrived(), ["at home", "on the train"]);
    assert_eq!(directory.envelopes().len(), 0);
    // As they would have been sent at once: nothing of the spool's own is on the wire.
    let captured = network.server.captured();
    assert!(captured.envelopes().iter().all(|envelope| envelope.headers.other.is_empty()));
}

#[test]
fn a_network_that_comes_back_gets_what_it_missed() {
    let (network, directory) = (Network::default(), Directory::new("back"));
    let program = network.program(directory.path());
    capture(&program, "one");
    // Waits in vain for an answer, until three tries have failed: then it is kept, which is as good.
    assert!(program.client.flush(Some(LONG)));
    assert_eq!((network.arrived().len(), directory.envelopes().len()), (0, 1));
    network.switch(true);
    capture(&program, "two");
    assert!(program.client.close(Some(LONG)));
    assert!(program.client.losses().is_empty());
    // A closing client that has seen nothing but failures does not try what is on the disk again.
    drop(program);
    assert!(network.program(directory.path()).client.close(Some(LONG)));
    assert_eq!(network.arrived(), ["one", "two"]);
}

#[test]
fn two_processes_share_a_directory_and_send_everything_once() {
    let (network, directory) = (Network::default(), Directory::new("shared"));
    let programs = [network.program(directory.path()), network.program(directory.path())];
    for number in 10..30 {
        capture(&programs[number % 2], &number.to_string());
    }
    assert!(programs.iter().all(|program| program.client.close(Some(LONG))));
    assert_eq!(directory.envelopes().len(), 20);
    network.switch(true);
    let programs = [(); 3].map(|()| network.program(directory.path()));
    std::thread::scope(|scope| {
        for program in &programs {
            scope.spawn(|| assert!(program.client.close(Some(LONG))));
        }
    });
    assert_eq!(network.arrived(), (10..30).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn another_project_gets_nothing_of_it_and_loses_nothing() {
    let (network, directory) = (Network::default(), Directory::new("project"));
    let program = network.program(directory.path());
    capture(&program, "for 42");
    assert!(program.client.close(Some(LONG)));
    network.switch(true);
    let other = network.program_for("http://key@shop.test/43", directory.path());
    capture(&other, "for 43");
    assert!(other.client.close(Some(LONG)));
    assert_eq!(network.arrived(), ["for 43"]);
    assert!(network.program_for("http://new-key@shop.test/42", directory.path()).client.close(Some(LONG)));
    assert_eq!(network.arrived(), ["for 42", "for 43"]);
}

#[test]
fn what_the_bounds_leave_no_room_for_is_reported() {
    let (network, directory) = (Network::default(), Directory::new("bounds"));
    let program = network.program(SpoolOptions::new(directory.path()).max_envelopes(2));
    for message in ["one", "two", "three"] {
        capture(&program, message);
    }
    program.run(|| watchpost::start_transaction("ride").start().finish());
    assert!(program.client.close(Some(LONG)));
    let lost = |program: &Watched| {
        let lines = program.client.losses().into_iter();
        lines.map(|line| format!("{} {} {}", line.quantity, line.category, line.reason)).collect::<Vec<_>>()
    };
    assert_eq!(directory.envelopes().len(), 2);
    let lost = lost(&program);
    assert!(lost.contains(&"1 error cache_overflow".to_owned()), "{lost:?}");
    assert!(lost.iter().all(|line| line.ends_with("cache_overflow")), "{lost:?}");
}

/// Where there is no directory to be had, it is as without one: counted.
#[test]
fn a_disk_that_cannot_be_written_is_no_harm() {
    let (network, directory) = (Network::default(), Directory::new("file"));
    std::fs::write(directory.path(), "no directory").unwrap();
    let program = network.program(directory.path());
    program.run(|| watchpost::capture_message_at(Level::Fatal, "the end"));
    assert!(program.client.close(Some(LONG)));
    let lost = program.client.losses();
    assert_eq!((lost.len(), lost[0].reason.as_str(), lost[0].quantity), (1, "network_error", 1));
    std::fs::remove_file(directory.path()).unwrap();
}

/// Promise 3: whoever captures, starts or flushes touches no disk.
#[test]
fn making_a_client_touches_nothing_on_this_thread() {
    let (network, directory) = (Network::default(), Directory::new("untouched"));
    network.switch(true);
    let program = network.program(directory.path());
    capture(&program, "sent at once");
    assert!(program.client.close(Some(LONG)));
    assert!(!directory.path().exists(), "there was nothing to keep");
}
