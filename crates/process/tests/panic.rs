//! The panic hook. It is the process's own, so these tests are a process of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::any::Any;
use std::cell::Cell;
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::Duration;

use watchpost_core::{Client, Delivery, Options, Scopes, StackSource, Transport, mute};
use watchpost_process::{InApp, PanicIntegration, Stacks, install_panic_hook};
use watchpost_protocol::exception::ThreadId;
use watchpost_protocol::{Envelope, Event, ItemType, Level};

/// Keeps the events that were sent.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Transport for Recorder {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        let events = envelope.items.iter().filter(|item| item.header.ty == ItemType::Event);
        self.0.lock().unwrap().extend(events.map(|item| item.decode::<Event>().unwrap()));
        Delivery::Accepted { limits: Vec::new() }
    }
}

thread_local! {
    static PREVIOUS_CALLED: Cell<u32> = const { Cell::new(0) };
}

/// A hook of the program, which was there before ours.
fn install_previous() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        std::panic::set_hook(Box::new(|_| PREVIOUS_CALLED.with(|called| called.set(called.get() + 1))));
        // Without a client nothing else was installed so far.
        assert!(install_panic_hook());
        assert!(!install_panic_hook());
    });
}

/// What a thread left that ran `work` with a client of its own: its events, and how often the previous hook was called.
fn watched(work: impl FnOnce() + Send + 'static) -> (Vec<Event>, u32) {
    install_previous();
    let recorder = Recorder::default();
    let options = Options::new()
        .use_environment(false)
        // The first look-up of an unoptimised build may take a second.
        .shutdown_timeout(Duration::from_secs(60))
        .transport(recorder.clone())
        .stack_source(Stacks::new(InApp::default()))
        .integration(PanicIntegration);
    let client = Client::new(options).unwrap();
    let scopes = Arc::new(Scopes::of_client(&client));
    let thread = thread::Builder::new().name("till".into()).spawn(move || {
        let _entered = scopes.attach();
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        PREVIOUS_CALLED.with(Cell::get)
    });
    let called = thread.unwrap().join().unwrap();
    assert!(client.close(None));
    let events = std::mem::take(&mut *recorder.0.lock().unwrap());
    (events, called)
}

#[inline(never)]
fn pay(amount: Option<u32>) -> u32 {
    std::hint::black_box(amount.expect("the till is empty"))
}

#[test]
fn a_panic_is_an_event_and_the_previous_hook_is_called_once() {
    let (events, called) = watched(|| {
        pay(None);
    });
    assert_eq!((events.len(), called), (1, 1));
    let event = &events[0];
    assert_eq!(event.level, Some(Level::Fatal));

    let exception = event.exception.last().unwrap();
    assert_eq!(exception.ty.as_deref(), Some("panic"));
    assert_eq!(exception.value.as_deref(), Some("the till is empty"));
    let mechanism = exception.mechanism.as_ref().unwrap();
    assert_eq!((&*mechanism.ty, mechanism.handled), ("panic", Some(false)));
    let location = mechanism.data["location"].as_str().unwrap();
    assert!(location.contains("tests/panic.rs:"), "{location}");

    let thread = &event.threads[0];
    assert_eq!((event.threads.len(), thread.name.as_deref()), (1, Some("till")));
    assert_eq!((thread.crashed, thread.current, thread.main), (Some(true), Some(true), Some(false)));
    assert!(matches!(thread.id, Some(ThreadId::Number(_))));
    assert_eq!(exception.thread_id, thread.id);
}

#[test]
fn the_stack_ends_at_the_function_that_panicked() {
    let (events, _) = watched(|| {
        pay(None);
    });
    let frames = &events[0].exception.last().unwrap().stacktrace.as_ref().unwrap().frames;
    let names: Vec<_> = frames.iter().map(|frame| frame.function.as_deref().unwrap_or("?")).collect();
    assert_eq!(names.last(), Some(&"panic::pay"), "{names:#?}");
    assert_eq!(frames.last().unwrap().in_app, Some(true));
    assert!(names.iter().all(|name| !name.contains("__rust_begin_short_backtrace")), "{names:#?}");
}

#[test]
fn every_kind_of_payload_is_reported() {
    let value = |work: fn()| watched(work).0[0].exception[0].value.clone().unwrap();
    assert_eq!(value(|| panic!("plain")), "plain");
    assert_eq!(value(|| panic!("{} items", 3)), "3 items");
    assert_eq!(value(|| std::panic::panic_any(String::from("owned"))), "owned");
    assert_eq!(value(|| std::panic::panic_any(42_u8)), "a panic whose payload is not a string");
}

#[test]
fn an_unprintable_payload_is_not_printed() {
    struct Unprintable;
    impl std::fmt::Display for Unprintable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            std::process::abort()
        }
    }
    let (events, called) = watched(|| std::panic::panic_any(Unprintable));
    assert_eq!((events.len(), called), (1, 1));
}

#[test]
fn a_muted_thread_is_not_reported() {
    let (events, called) = watched(|| {
        let _muted = mute::enter();
        panic!("inside a callback");
    });
    assert_eq!((events.len(), called), (0, 1));
}

#[test]
fn a_thread_without_a_client_panics_as_ever() {
    install_previous();
    let outcome: Result<(), Box<dyn Any + Send>> = thread::spawn(|| {
        let outcome = std::panic::catch_unwind(|| panic!("nobody watches"));
        assert_eq!(PREVIOUS_CALLED.with(Cell::get), 1);
        outcome
    })
    .join()
    .unwrap();
    assert!(outcome.is_err());
}

#[test]
fn each_of_two_panics_is_reported() {
    struct Closing;
    impl Drop for Closing {
        fn drop(&mut self) {
            let _ = std::panic::catch_unwind(|| panic!("the drawer is stuck"));
        }
    }
    let (events, called) = watched(|| {
        let _closing = Closing;
        panic!("the till is empty");
    });
    let values: Vec<_> = events.iter().filter_map(|event| event.exception[0].value.as_deref()).collect();
    assert_eq!((values, called), (vec!["the till is empty", "the drawer is stuck"], 2));
}

#[test]
fn a_panic_in_a_destructor_during_a_panic_has_the_stack_of_the_destructor() {
    struct Closing(Arc<Mutex<Option<watchpost_core::RawStack>>>);
    impl Drop for Closing {
        #[inline(never)]
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(Stacks::default().capture());
        }
    }
    let kept = Arc::new(Mutex::new(None));
    let closing = Closing(Arc::clone(&kept));
    watched(move || {
        let _closing = closing;
        pay(None);
    });
    let stack = Stacks::default().resolve(&kept.lock().unwrap().take().unwrap()).unwrap();
    let last = stack.frames.last().unwrap().function.as_deref().unwrap();
    assert!(last.ends_with("::drop") && last.contains("Closing"), "{last}");
}
