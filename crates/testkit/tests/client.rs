//! The life of a client of its own, from the first capture to the last handle.

use std::time::Duration;

use watchpost_core::Client;
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
