//! Where things happen: it does not depend on what a thread remembers, on who is at work there, or on how the layer is wrapped.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex, mpsc};

use tracing::{Dispatch, debug_span, dispatcher, error, info_span, span::Id};
use tracing_subscriber::{Layer, prelude::*, reload};
use watchpost_core::api::{capture_message, current_scope, set_tag, start_transaction, with_isolation_scope};
use watchpost_testkit::{Captured, capture};
use watchpost_tracing::layer;

fn captured(work: impl FnOnce()) -> Captured {
    captured_by(tracing_subscriber::registry().with(layer()), work)
}

fn captured_by<S: tracing::Subscriber + Send + Sync + 'static>(
    subscriber: S,
    work: impl FnOnce(),
) -> Captured {
    capture(|| tracing::subscriber::with_default(subscriber, work))
}

fn elsewhere(work: impl FnOnce() + Send) {
    let dispatch = dispatcher::get_default(Clone::clone);
    std::thread::scope(|scope| scope.spawn(|| dispatcher::with_default(&dispatch, work)).join().unwrap());
}

/// A child has its parent's current scope until it asks for one of its own, also if the parent asks for its own only later.
#[test]
fn whether_a_child_sees_its_parents_scope_does_not_depend_on_the_thread() {
    let captured = captured(|| {
        let _root = info_span!("root").entered();
        let parent = info_span!("parent");
        let child = info_span!(parent: &parent, "child");
        parent.in_scope(|| current_scope().set_tag("step", 1));
        child.in_scope(|| error!("here"));
        elsewhere(|| child.in_scope(|| error!("there")));
    });
    let tags: Vec<_> = captured.events().iter().map(|event| event.tags.contains_key("step")).collect();
    assert_eq!(tags[0], tags[1], "{}", captured.draw());
}

/// Nor on what else the thread has met since.
#[test]
fn whether_a_child_sees_its_parents_scope_does_not_depend_on_eviction() {
    let captured = captured(|| {
        let _root = info_span!("root").entered();
        let parent = info_span!("parent");
        let child = info_span!(parent: &parent, "child");
        parent.in_scope(|| current_scope().set_tag("step", 1));
        child.in_scope(|| error!("before"));
        let _others: Vec<_> = (0..500).map(|_| info_span!("other")).collect();
        child.in_scope(|| error!("after"));
    });
    let tags: Vec<_> = captured.events().iter().map(|event| event.tags.contains_key("step")).collect();
    assert_eq!(tags[0], tags[1], "{}", captured.draw());
}

/// What belongs to a span that is not taken, of a background job say, is no work of the request that happens to be current.
#[test]
fn an_explicit_parent_that_is_not_taken_does_not_put_a_span_into_the_current_request() {
    let captured = captured(|| {
        let background = debug_span!(parent: None, "background");
        let request = info_span!("request").entered();
        set_tag("user", "alice");
        info_span!(parent: &background, "sweep").in_scope(|| {
            error!("disk full");
            set_tag("sweep", 1);
        });
        error!("declined");
        drop(request);
    });
    let events = captured.events();
    assert!(
        !events[0].tags.contains_key("user"),
        "the job's error carries the request's user:\n{}",
        captured.draw()
    );
    assert!(!events[1].tags.contains_key("sweep"), "and the request what the job set:\n{}", captured.draw());
}

/// The same for an event, under scopes that were entered (the request layer, `with_isolation_scope`).
#[test]
fn an_event_with_an_explicit_parent_is_not_in_the_current_unit() {
    let captured = captured(|| {
        let background = debug_span!(parent: None, "background");
        with_isolation_scope(|_| {
            set_tag("user", "alice");
            error!(parent: &background, "disk full");
        });
    });
    assert!(!captured.events()[0].tags.contains_key("user"), "{}", captured.draw());
}

/// One that has ended, in one that outlives the trace and is not sent, hangs on who is around that.
#[test]
fn no_span_hangs_on_one_that_was_not_sent() {
    let captured = captured(|| {
        let root = start_transaction("request").enter();
        let open = info_span!("streaming body");
        open.in_scope(|| info_span!("query").in_scope(|| ()));
        drop(root);
        drop(open);
    });
    let transaction = captured.transactions().remove(0);
    let root = transaction.contexts.trace.as_ref().unwrap().span_id;
    for span in &transaction.spans {
        let parent = span.parent_span_id.unwrap();
        let known = parent == root || transaction.spans.iter().any(|other| other.span_id == parent);
        assert!(known, "{:?} hangs on {parent}, which is nowhere", span.description);
    }
}

#[test]
fn the_api_knows_the_span_however_the_layer_is_wrapped() {
    let work = || {
        info_span!("root").in_scope(|| {
            set_tag("order", 42);
            capture_message("hello");
        });
        capture_message("outside");
    };
    let expected =
        "info: hello\n  in root\n  tags: order=42\nfunction root\n  tags: order=42\ninfo: outside\n";
    let registry = tracing_subscriber::registry;
    let mut wrong = Vec::new();
    let mut check = |what: &str, captured: Captured| {
        if captured.draw() != expected {
            wrong.push(format!("{what}:\n{}", captured.draw()));
        }
    };
    check("plain", captured_by(registry().with(layer()), work));
    check("Option", captured_by(registry().with(Some(layer())), work));
    check("Vec", captured_by(registry().with(vec![layer()]), work));
    check("Box", captured_by(registry().with(layer().boxed()), work));
    check("Vec<Box>", captured_by(registry().with(vec![layer().boxed()]), work));
    check("Option<Box>", captured_by(registry().with(Some(layer().boxed())), work));
    check(
        "and_then",
        captured_by(
            registry().with(layer().and_then(tracing_subscriber::fmt::layer().with_writer(std::io::sink))),
            work,
        ),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is open when a layer is taken out cannot be sent, and is counted.
#[test]
fn a_layer_that_is_replaced_loses_nothing_in_silence() {
    let (reloadable, handle) = reload::Layer::new(Some(layer()));
    let captured = captured_by(tracing_subscriber::registry().with(reloadable), || {
        let root = info_span!("request");
        handle.reload(None).unwrap();
        drop(root);
    });
    assert!(!captured.transactions().is_empty() || !captured.losses().is_empty(), "neither sent nor counted");
}

/// A layer above ours that lets another thread look at a span while it closes, after ours was told.
struct Late(Mutex<Option<mpsc::Sender<Closing>>>, Arc<Mutex<Option<Id>>>);

/// The span that closes, and whom to tell that it may go on.
type Closing = (Id, mpsc::Sender<()>);

impl<S: tracing::Subscriber> Layer<S> for Late {
    fn on_close(&self, id: Id, _: tracing_subscriber::layer::Context<'_, S>) {
        if self.1.lock().unwrap().as_ref() == Some(&id)
            && let Some(other) = self.0.lock().unwrap().take()
        {
            let (done, wait) = mpsc::channel();
            other.send((id, done)).unwrap();
            wait.recv().unwrap();
        }
    }
}

/// Somebody who looks at a span while it closes, when our part is done and the registry's is not, must not take its successor for it.
#[test]
fn what_is_looked_up_while_a_span_closes_is_not_remembered_for_its_successor() {
    let (tell, told) = mpsc::channel::<Closing>();
    let watched = Arc::new(Mutex::new(None));
    let late = Late(Mutex::new(Some(tell)), watched.clone());
    let subscriber = tracing_subscriber::registry().with(layer()).with(late);
    let captured = captured_by(subscriber, || {
        let dispatch: Dispatch = dispatcher::get_default(Clone::clone);
        let scopes = watchpost_core::Scopes::current();
        let alice = info_span!(parent: None, "alice");
        alice.in_scope(|| set_tag("user", "alice"));
        let bob = info_span!(parent: None, "bob");
        bob.in_scope(|| set_tag("user", "bob"));
        let (again, seen_again) = mpsc::channel::<Id>();
        std::thread::scope(|threads| {
            let other = threads.spawn(move || {
                let _scopes = scopes.attach();
                dispatcher::with_default(&dispatch, || {
                    let (id, done) = told.recv().unwrap();
                    tracing::info!(parent: id, "a straggler");
                    done.send(()).unwrap();
                    let id = seen_again.recv().unwrap();
                    error!(parent: id, "declined");
                });
            });
            let first = info_span!(parent: &alice, "work");
            let id = first.id().unwrap();
            *watched.lock().unwrap() = Some(id.clone());
            drop(first);
            *watched.lock().unwrap() = None;
            for _ in 0..20_000 {
                let work = info_span!(parent: &bob, "work");
                if work.id().unwrap() == id {
                    again.send(id.clone()).unwrap();
                    other.join().unwrap();
                    break;
                }
            }
        });
    });
    let event = captured.events().into_iter().next().unwrap();
    assert_eq!(event.tags.get("user").map(String::as_str), Some("bob"));
}
