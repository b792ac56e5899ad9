//! The life of a client of its own, from the first capture to the last handle.

use std::time::Duration;

use watchpost_core::{Client, Scope};
use watchpost_protocol::Level;
use watchpost_testkit::{Recorder, options};

#[test]
fn a_close_with_little_time_says_whether_all_was_sent() {
    let recorder = Recorder::new();
    let client = Client::new(options().transport(recorder.clone())).unwrap();
    assert!(client.capture_message("one", Level::Info, None).is_some());
    assert!(client.flush(Some(Duration::from_secs(60))));
    assert!(client.close(Some(Duration::from_millis(100))), "there is nothing left to wait for");
    assert_eq!(recorder.captured().events().len(), 1);
}

#[derive(Debug)]
struct Unprintable;

impl std::fmt::Display for Unprintable {
    #[expect(clippy::panic, reason = "a value that panics is what is tested")]
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("a Display that panics")
    }
}

impl std::error::Error for Unprintable {}

#[test]
fn an_error_that_cannot_be_printed_is_counted_and_a_level_that_was_given_stays() {
    let recorder = Recorder::new();
    let client = Client::new(options().transport(recorder.clone())).unwrap();
    let scope = Scope::new();
    scope.set_level(Some(Level::Warning));
    assert!(client.capture_error(&Unprintable, Some(&scope)).is_none());
    client.capture_message("low", Level::Debug, Some(&scope));
    client.capture_error(&std::fmt::Error, Some(&scope));
    assert!(client.close(Some(Duration::from_secs(60))));
    let captured = recorder.captured();
    let levels: Vec<_> = captured.events().iter().map(|event| event.level).collect();
    assert_eq!(levels, [Some(Level::Debug), Some(Level::Warning)]);
    assert_eq!(captured.losses(), ["internal_sdk_error/error: 1"]);
}
