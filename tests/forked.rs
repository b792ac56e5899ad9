//! A process that forks: its child has neither its worker nor a connection of its own, and reports nevertheless (features I30).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use fork::{Fork, fork};
use support::server::{OK, Received, Server};
use watchpost::{Event, EventId, Options};

const LONG: Duration = Duration::from_secs(60);

fn main() {
    if cfg!(unix) {
        a_child_reports_beside_its_parent();
    }
    println!("test forked ... ok");
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
