//! What the program does about errors: what it ignores, what it says of them, in which order it is asked, and that nobody is harmed.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};

use watchpost::{Event, Options, capture, capture_error, capture_message};
use watchpost_testkit::{Captured, capture_with, options};

use crate::{Payment, unreachable};

fn sent(options: Options, work: impl FnOnce()) -> (Vec<Event>, Vec<String>) {
    let captured: Captured = capture_with(options, work);
    (captured.events(), captured.losses())
}

#[test]
fn a_type_is_ignored_wherever_it_stands_in_a_chain() {
    let ignoring = options().ignore_error::<Error>();
    let (events, losses) = sent(ignoring, || {
        assert_eq!(capture_error(&unreachable()), None);
        assert_eq!(capture_error(&anyhow::Error::new(Error::other("x")).context("y")), None);
        capture_error(&Payment::Declined);
    });
    assert_eq!((events.len(), losses), (1, vec!["event_processor/error: 2".to_owned()]));
}

#[test]
fn a_type_is_ignored_where_the_program_says_so() {
    let ignoring = options().ignore_error_if(|error: &Error| error.kind() == ErrorKind::BrokenPipe);
    let (events, _) = sent(ignoring, || {
        capture_error(&Error::from(ErrorKind::BrokenPipe));
        capture_error(&Error::from(ErrorKind::TimedOut));
    });
    assert_eq!(events[0].exception[0].value.as_deref(), Some("timed out"));
    assert_eq!(events.len(), 1);
}

#[test]
fn what_is_no_failure_is_not_captured_unless_the_program_wants_it() {
    let report = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let cancelled = runtime.block_on(async {
            let task = tokio::spawn(std::future::pending::<()>());
            task.abort();
            task.await.unwrap_err()
        });
        capture_error(&cancelled);
        capture_error(&anyhow::Error::new(cancelled).context("the shop closes"));
        for argument in ["--help", "--version", "--till"] {
            let shop = clap::Command::new("shop").version("1.0.0");
            let error = shop.try_get_matches_from(["shop", argument]).unwrap_err();
            capture_error(&error);
            capture_error::<_, Box<dyn std::error::Error>>(&error.into());
        }
    };
    let (events, losses) = sent(options(), report);
    assert_eq!((events.len(), losses), (2, vec!["event_processor/error: 6".to_owned()]));
    let value = |event: &Event| event.exception.last().unwrap().value.clone().unwrap_or_default();
    assert!(events.iter().all(|event| value(event).contains("unexpected argument")), "{events:?}");
    assert_eq!(sent(options().default_ignores(false), report).0.len(), 8);
}

#[test]
fn a_closed_pipe_is_a_failure_unless_main_ends_with_it() {
    let broken = || Error::from(ErrorKind::BrokenPipe);
    let report = || {
        capture_error(&broken());
        assert!(
            watchpost::report_main(Err::<(), _>(anyhow::Error::new(broken()).context("cannot print")))
                .is_err()
        );
        assert!(watchpost::report_main(Ok::<_, Error>(3)).is_ok_and(|value| value == 3));
    };
    let (events, losses) = sent(options(), report);
    assert_eq!((events.len(), losses), (1, vec!["event_processor/error: 1".to_owned()]));
    assert_eq!(sent(options().default_ignores(false), report).0.len(), 2);
}

#[test]
fn an_error_of_main_is_fatal_not_handled_and_no_news_if_it_was_reported() {
    let (events, _) = sent(options(), || {
        let _ = watchpost::report_main(Err::<(), _>(Payment::Declined));
        capture_error(&unreachable());
        let _ = watchpost::report_main(Err::<(), _>(unreachable()));
    });
    let told = events.iter().map(|event| {
        let exception = event.exception.last().unwrap();
        (
            exception.ty.as_deref().unwrap(),
            event.level.unwrap(),
            exception.mechanism.as_ref().unwrap().handled,
        )
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("Payment::Declined", watchpost::Level::Fatal, Some(false)),
            ("Payment::Unreachable", watchpost::Level::Error, Some(true))
        ]
    );
}

#[test]
fn a_name_is_ignored_as_a_whole() {
    let names = [
        ["Payment"],
        ["errors::Payment"],
        ["*::Payment"],
        ["Payment::Unreachable"],
        ["errors::Payment::Unreachable"],
        ["Payment::Declined"],
        ["Pay"],
        ["io::Error"],
    ];
    let sent = names.map(|names| {
        sent(options().ignore_errors(names), || {
            capture_error(&unreachable());
        })
        .0
        .len()
    });
    assert_eq!(sent, [0, 0, 0, 0, 0, 1, 1, 1]);
}

#[test]
fn what_is_said_of_a_type_is_on_its_issues_and_the_capture_says_more() {
    let hooked = options().on_error(|error: &Error, event| {
        event.fingerprint = vec![format!("io-{:?}", error.kind()).into()];
        event.tags.insert("io.kind".into(), format!("{:?}", error.kind()));
        event.tags.insert("by".into(), "the hook".into());
    });
    let (events, _) = sent(hooked, || {
        watchpost::isolation_scope().set_fingerprint(["scope"]);
        capture(&unreachable()).tag("by", "the capture").send();
        capture_error(&Payment::Declined);
    });
    assert_eq!(events[0].fingerprint, ["io-TimedOut"]);
    assert_eq!(
        (events[0].tags["io.kind"].as_str(), events[0].tags["by"].as_str()),
        ("TimedOut", "the capture")
    );
    assert_eq!(events[1].fingerprint, ["scope"]);
    assert!(events[1].tags.is_empty());
}

#[test]
fn everybody_is_asked_in_one_order() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        move || order.lock().unwrap().push(name)
    };
    let [error, client, scope, send, sampler] =
        ["on_error", "event_processor", "scope", "before_send", "error_sampler"].map(note);
    let hooked = options()
        .on_error(move |_: &Payment, _| error())
        .event_processor(move |event| {
            client();
            Some(event)
        })
        .before_send(move |event| {
            send();
            Some(event)
        })
        .error_sampler(move |_| {
            sampler();
            1.0
        });
    sent(hooked, || {
        watchpost::isolation_scope().add_event_processor(move |event| {
            scope();
            Some(event)
        });
        capture_error(&Payment::Declined);
    });
    assert_eq!(
        *order.lock().unwrap(),
        ["on_error", "event_processor", "scope", "before_send", "error_sampler"]
    );
}

#[test]
fn a_hook_that_panics_costs_what_it_says_and_nothing_else() {
    let (events, losses) = sent(
        options()
            .ignore_error_if(|_: &Payment| panic!("no answer"))
            .on_error(|_: &Payment, _| panic!("nothing to say"))
            .error_sampler(|_| panic!("no share")),
        || {
            capture_error(&Payment::Declined);
        },
    );
    assert_eq!((events.len(), losses), (1, Vec::new()));
    let (events, losses) = sent(options().event_processor(|_| panic!("no")), || {
        capture_message("m");
    });
    assert_eq!((events.len(), losses), (0, vec!["event_processor/error: 1".to_owned()]));
}

#[test]
fn a_hook_may_use_the_reporter() {
    let says = |what: &'static str| {
        watchpost::set_tag("hook", what);
        capture_message(what);
        capture_error(&Payment::Declined);
    };
    let (events, _) = sent(
        options()
            .ignore_error_if(move |_: &Payment| {
                says("ignore");
                false
            })
            .on_error(move |_: &Payment, _| says("on"))
            .error_sampler(move |_| {
                says("sampler");
                1.0
            }),
        || {
            capture_error(&Payment::Declined);
        },
    );
    assert_eq!(events.len(), 1, "what a hook captures is not captured");
}

#[test]
fn a_sampler_takes_the_place_of_the_rate() {
    let sampled =
        options().sample_rate(0.0).unwrap().error_sampler(|event| match event.exception.is_empty() {
            true => 0.0,
            false => 1.0,
        });
    let (events, losses) = sent(sampled, || {
        capture_error(&Payment::Declined);
        capture_message("m");
    });
    assert_eq!((events.len(), losses), (1, vec!["sample_rate/error: 1".to_owned()]));
}
