//! What is said of one event alone, by the builder or by a scope that is given for it.

use watchpost::{
    Attachment, Breadcrumb, Capture, CaptureErrors, FutureExt, Level, Scope, User, capture, capture_message,
    set_tag, set_user, with_isolation_scope,
};
use watchpost_testkit::capture as captured_by;

use super::Payment;

#[test]
fn what_is_said_here_wins_over_the_scope_that_is_given_and_that_over_those_around() {
    let captured = captured_by(|| {
        with_isolation_scope(|_| {
            set_user(User::id("around"));
            for tag in ["here", "given", "around"] {
                set_tag(tag, "around");
            }
            watchpost::add_breadcrumb(Breadcrumb::new("first"));
            let given = Scope::new();
            given.set_level(Some(Level::Warning));
            given.set_user(User::id("given"));
            given.set_tag("here", "given");
            given.set_tag("given", "given");
            given.set_fingerprint(["given"]);
            given.push_breadcrumb(Breadcrumb::new("last"), 10);
            given.add_event_processor(|mut event| {
                event.tags.insert("processed".into(), "given".into());
                Some(event)
            });
            capture(&Payment::Declined).scope(&given).tag("here", "here").send();
            capture_message("afterwards");
        });
    });
    let [event, afterwards] = captured.events().try_into().unwrap();
    let tag = |name: &str| event.tags[name].clone();
    assert_eq!(["here", "given", "around", "processed"].map(tag), ["here", "given", "around", "given"]);
    assert_eq!((event.level, event.user.unwrap().id.as_deref()), (Some(Level::Warning), Some("given")));
    assert_eq!(event.fingerprint, ["given"]);
    let crumbs: Vec<_> = event.breadcrumbs.0.iter().filter_map(|crumb| crumb.message.as_deref()).collect();
    assert_eq!(crumbs, ["first", "last"]);
    assert_eq!(afterwards.tags["given"], "around", "it was for one event alone");
    assert_eq!(afterwards.user.unwrap().id.as_deref(), Some("around"));
}

#[test]
fn what_a_given_scope_has_of_those_around_is_not_there_twice() {
    let captured = captured_by(|| {
        with_isolation_scope(|isolation| {
            isolation.add_attachment(Attachment::bytes("till.txt", *b"empty"));
            isolation.add_event_processor(|mut event| {
                let times = event.tags.get("processed").map_or(1, |times| times.len() + 1);
                event.tags.insert("processed".into(), "x".repeat(times));
                Some(event)
            });
            watchpost::add_breadcrumb(Breadcrumb::new("first"));
            let fork = isolation.fork();
            fork.set_tag("fork", true);
            fork.push_breadcrumb(Breadcrumb::new("last"), 10);
            capture(&Payment::Declined).scope(&fork).send();
        });
    });
    let [event] = captured.events().try_into().unwrap();
    let crumbs: Vec<_> = event.breadcrumbs.0.iter().filter_map(|crumb| crumb.message.as_deref()).collect();
    assert_eq!(crumbs, ["first", "last"]);
    assert_eq!((event.tags["fork"].as_str(), event.tags["processed"].as_str()), ("true", "x"));
    let files = captured.envelopes().iter().flat_map(|envelope| &envelope.items);
    assert_eq!(files.filter(|item| item.header.filename.is_some()).count(), 1);
}

#[test]
fn a_message_may_say_as_much_as_an_error() {
    let captured = captured_by(|| {
        let sent = Capture::message("the till is empty")
            .level(Level::Warning)
            .tag("till", 3)
            .user(User::id("42"))
            .context("till", serde_json::json!({ "coins": 0 }))
            .fingerprint(["till"])
            .attach(Attachment::bytes("till.txt", *b"empty"))
            .send();
        assert!(sent.is_some());
        assert!(Capture::message("plain").send().is_some());
    });
    let [event, plain] = captured.events().try_into().unwrap();
    assert_eq!(event.logentry.unwrap().formatted.as_deref(), Some("the till is empty"));
    assert_eq!((event.level, event.tags["till"].as_str()), (Some(Level::Warning), "3"));
    assert_eq!(event.contexts.other["till"]["coins"], 0);
    assert!(event.exception.0.is_empty());
    assert_eq!(plain.level, Some(Level::Info));
    let files = captured.envelopes().iter().flat_map(|envelope| &envelope.items);
    assert_eq!(files.filter(|item| item.header.filename.as_deref() == Some("till.txt")).count(), 1);
}

#[test]
fn the_error_that_a_future_ends_with_is_captured_in_its_own_scopes_and_passed_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let captured = captured_by(|| {
        runtime.block_on(async {
            let work = |number: u8| async move {
                set_tag("task", number);
                tokio::task::yield_now().await;
                if number == 1 { Err(Payment::Declined) } else { Ok(number) }
            };
            let tasks = [1, 2].map(|number| work(number).capture_errors().isolated());
            let [first, second] = tasks.map(Box::pin);
            assert!(matches!(tokio::join!(first, second), (Err(Payment::Declined), Ok(2))));
        });
    });
    let [event] = captured.events().try_into().unwrap();
    assert_eq!(event.tags["task"], "1");
}
