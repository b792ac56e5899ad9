//! Panics after which the process ends: what is queued is sent before. The process that ends is this test, run again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and a child speaks"
)]

use std::process::Command;
use std::time::Duration;

use watchpost_core::{Delivery, Options, Transport, api};
use watchpost_process::PanicIntegration;
use watchpost_protocol::{Envelope, Event};

/// Says each exception's value on stdout.
struct Aloud;

impl Transport for Aloud {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        for item in &envelope.items {
            let event = item.decode::<Event>().unwrap();
            println!("sent: {}", event.exception[0].value.as_deref().unwrap_or_default());
        }
        Delivery::Accepted { limits: Vec::new() }
    }
}

struct Closing;

impl Drop for Closing {
    fn drop(&mut self) {
        panic!("the drawer is stuck");
    }
}

#[test]
#[ignore = "ends the process; run by the test below"]
fn child() {
    let options = Options::new()
        .use_environment(false)
        .shutdown_timeout(Duration::from_secs(60))
        .transport(Aloud)
        .integration(PanicIntegration);
    let _guard = api::init(options).unwrap();
    let _closing = Closing;
    panic!("the till is empty");
}

#[test]
fn a_panic_that_cannot_unwind_is_sent_before_the_process_ends() {
    let test = std::env::current_exe().unwrap();
    let child = Command::new(test).args(["child", "--exact", "--ignored", "--nocapture"]).output().unwrap();
    assert!(!child.status.success());
    let output = String::from_utf8_lossy(&child.stdout);
    let mut sent: Vec<_> = output.lines().filter_map(|line| Some(line.split_once("sent: ")?.1)).collect();
    sent.sort_unstable(); // what waits together is sent in any order, several at a time
    assert_eq!(
        sent,
        ["panic in a destructor during cleanup", "the drawer is stuck", "the till is empty"],
        "{output}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
}
