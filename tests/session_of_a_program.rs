//! A whole program whose run is a session: from `init` to the drop of its guard. The client is the process's, so this is the one test of its file.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use watchpost::{SessionMode, SessionStatus, User, capture_error, set_user};
use watchpost_testkit::{install, options};

#[test]
fn the_guard_begins_and_ends_the_session() {
    let options = || options().release("editor@2.1.0").unwrap().session_mode(SessionMode::Application);
    let (first, recorder) = install(options()).unwrap();
    set_user(User::id("81"));
    std::thread::spawn(|| capture_error(&std::fmt::Error)).join().unwrap();

    // Who is initialized again is a program that begins again.
    let (second, later) = install(options()).unwrap();
    let told = recorder.captured().session_updates();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].status, told[0].errors, told[0].init), (SessionStatus::Exited, 1, true));
    assert_eq!(told[0].did.as_deref(), Some("81"));
    drop(first);

    assert!(later.captured().session_updates().is_empty(), "it goes on, and nothing has happened");
    drop(second);
    let told = later.captured().session_updates();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].status, told[0].errors), (SessionStatus::Exited, 0));
    assert_eq!(recorder.captured().session_updates().len(), 1);

    // Not asked for.
    let (guard, recorder) = install(options().auto_session_tracking(false)).unwrap();
    drop(guard);
    assert!(recorder.captured().session_updates().is_empty());
}
