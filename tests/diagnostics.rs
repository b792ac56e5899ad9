//! What is said to a developer whose reports do not appear: each message, as it stands on stderr, once (features H01–H16).
//!
//! A message is said once in the life of a process, and on stderr: each test runs itself again as a process of its own.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, process};

use axum::http;
use log::Log;
use tower::{Service, ServiceBuilder, service_fn};
use tracing_subscriber::prelude::*;
use watchpost::log::LogBridge;
use watchpost::{
    Breadcrumb, Decision, Guard, InitError, Options, Scopes, User, add_breadcrumb, capture_message,
    global_scope, set_user, start_transaction, with_isolation_scope,
};
use watchpost_testkit::{Recorder, options};

/// In which test a process does its work.
const WORKS_FOR: &str = "WATCHPOST_TEST_WORKS_FOR";

/// What a process says that does this work, besides what it says of every program that is as short.
fn said(test: &str, debug: &str, work: fn()) -> Vec<String> {
    let mut lines = all_said(test, debug, work);
    lines.retain(|line| !line.starts_with("init: ") && !line.starts_with("traces are wanted, "));
    lines
}

/// What a process says that does this work, without what the test harness says.
fn all_said(test: &str, debug: &str, work: fn()) -> Vec<String> {
    if env::var(WORKS_FOR).is_ok_and(|name| name == test) {
        work();
        process::exit(0);
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(WORKS_FOR, test)
        .env("SENTRY_DEBUG", debug)
        .env_remove("SENTRY_DSN")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr.lines().filter_map(|line| line.strip_prefix("[watchpost] ")).map(str::to_owned).collect()
}

/// The process's own client, which says what it does.
fn begin(options: Options) -> Guard {
    watchpost::init(options.debug(true).default_integrations(false).transport(Recorder::new())).unwrap()
}

#[test]
fn h01_a_capture_without_a_client() {
    let work = || {
        capture_message("one");
        capture_message("two");
        println!("{}", process::id());
    };
    let lines = said("h01_a_capture_without_a_client", "1", work);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    let (before, after) = line.split_once("(pid ").unwrap();
    let (pid, after) = after.split_once(')').unwrap();
    assert_eq!(before, "no client: watchpost::init was not called in this process ");
    assert!(pid.parse::<u32>().is_ok(), "{pid}");
    assert_eq!(after, "; SENTRY_DSN is unset");
}

#[test]
fn h01_an_error_event_without_a_client() {
    let work = || {
        let _layer = tracing_subscriber::registry().with(watchpost::tracing::layer()).set_default();
        tracing::warn!("one");
        tracing::error!("two");
    };
    let lines = said("h01_an_error_event_without_a_client", "1", work);
    assert!(matches!(&lines[..], [line] if line.starts_with("no client: ")), "{lines:?}");
}

#[test]
fn h01_an_error_record_without_a_client() {
    let work = || {
        let bridge = LogBridge::new();
        bridge.log(&log::Record::builder().level(log::Level::Warn).build());
        bridge.log(&log::Record::builder().level(log::Level::Error).build());
    };
    let lines = said("h01_an_error_record_without_a_client", "1", work);
    assert!(matches!(&lines[..], [line] if line.starts_with("no client: ")), "{lines:?}");
}

#[test]
fn h01_a_guard_that_nobody_keeps() {
    let work = || {
        let _ = begin(options());
        capture_message("one");
        tracing_subscriber::registry().with(watchpost::tracing::layer()).init();
        tracing::error!("two");
    };
    let lines = said("h01_a_guard_that_nobody_keeps", "", work);
    assert!(
        matches!(&lines[..], [line] if line.starts_with("captured after the client was closed, and lost: ")),
        "{lines:?}"
    );
}

#[test]
fn h01_nobody_asked() {
    assert_eq!(said("h01_nobody_asked", "", || assert!(capture_message("one").is_none())), [""; 0]);
}

#[test]
fn h02_a_dsn_that_was_copied_from_a_page() {
    for (dsn, message) in [
        (
            "https://k@o1.ingest.sentry.io/<project>",
            "invalid DSN: project id \"<project>\" is not a number; expected https://<key>@o<org>.ingest.sentry.io/<project>",
        ),
        (
            "ftp://k@h/1",
            "invalid DSN: scheme \"ftp\" is not http or https; expected https://<key>@o<org>.ingest.sentry.io/<project>",
        ),
    ] {
        let error: InitError = Options::new().dsn(dsn).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(format!("{error:?}"), message, "as `main` prints it");
    }
}

/// Sends so many requests through a layer.
fn serve(requests: usize) {
    let mut service = ServiceBuilder::new().layer(watchpost::tower::request_layer()).service(service_fn(
        async |_: http::Request<String>| Ok::<_, std::io::Error>(http::Response::new(String::new())),
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..requests {
        runtime.block_on(service.call(http::Request::new(String::new()))).unwrap();
    }
}

#[test]
fn h03_requests_before_init() {
    let work = || {
        serve(3);
        drop(begin(options()));
        drop(begin(options()));
    };
    assert_eq!(
        said("h03_requests_before_init", "", work),
        ["init ran after the first request was served: 3 requests were not instrumented"]
    );
}

#[test]
fn h04_a_layer_in_a_process_without_a_client() {
    assert_eq!(
        said("h04_a_layer_in_a_process_without_a_client", "yes", || serve(2)),
        ["RequestLayer polled but no client in worker process; call watchpost::init in the worker's main"]
    );
}

fn without_tracing() -> Options {
    Options::new().use_environment(false).dsn("https://k@h.invalid/1").unwrap()
}

#[test]
fn h07_tracing_is_off() {
    let work = || {
        let _guard = begin(without_tracing());
        start_transaction("one").start().finish();
        start_transaction("two").start().finish();
    };
    assert_eq!(said("h07_tracing_is_off", "", work), ["tracing is off: traces_sample_rate is None"]);
}

#[test]
fn h07_a_span_is_below_the_level() {
    let work = || {
        let _guard = begin(options());
        let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                drop(tracing::debug_span!(target: "tower_http::trace::make_span", "request"));
                drop(tracing::debug_span!(target: "shop::cart", "add"));
                drop(tracing::trace_span!(target: "shop::cart", "look"));
            }
        });
    };
    assert_eq!(
        said("h07_a_span_is_below_the_level", "", work),
        [
            "span \"request\" ignored: level DEBUG below info (tower_http TraceLayer default)",
            "span \"add\" of shop::cart ignored: level DEBUG below info",
        ]
    );
}

#[test]
fn h09_records_that_would_be_logs() {
    let work = || {
        let _guard = begin(options().enable_logs(false));
        let bridge = LogBridge::new().logs(log::LevelFilter::Info);
        for text in ["one", "two"] {
            bridge.log(&log::Record::builder().level(log::Level::Info).args(format_args!("{text}")).build());
        }
    };
    assert_eq!(
        said("h09_records_that_would_be_logs", "", work),
        ["enable_logs is false: 2 bridged records were not sent as logs"]
    );
}

#[test]
fn h12_a_user_after_the_event() {
    let work = || {
        let _guard = begin(options());
        with_isolation_scope(|_| {
            set_user(User::id("in time"));
            capture_message("one");
            set_user(User::id("late"));
            set_user(User::id("later"));
            set_user(None);
        });
    };
    assert_eq!(
        said("h12_a_user_after_the_event", "", work),
        ["set_user called after the event was captured in this scope"]
    );
}

#[test]
fn h13_a_user_of_all_requests() {
    let work = || {
        let _guard = begin(options());
        global_scope().set_user(User::id("the program's own"));
        for _ in 0..2 {
            with_isolation_scope(|_| global_scope().set_user(User::id("42")));
        }
    };
    assert_eq!(
        said("h13_a_user_of_all_requests", "", work),
        ["set_user on the global scope inside a request: use isolation_scope()"]
    );
}

/// A request whose handler sets this user.
fn serve_setting(user: Option<User>) {
    let service = service_fn(move |_: http::Request<()>| {
        if let Some(user) = user.clone() {
            set_user(user);
        }
        async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) }
    });
    let mut service = ServiceBuilder::new().layer(watchpost::tower::request_layer()).service(service);
    drop(service.call(http::Request::new(())));
}

/// As by a task that was spawned without a word, or by a middleware outside of the layer.
#[test]
fn h13_a_user_of_all_later_requests() {
    let work = || {
        let _guard = begin(options());
        serve_setting(Some(User::id("of this request")));
        serve_setting(None);
        eprintln!("[watchpost] (nothing so far)");
        set_user(User::id("left by somebody"));
        eprintln!("[watchpost] (it may be meant so)");
        serve_setting(None);
        serve_setting(None);
    };
    assert_eq!(
        said("h13_a_user_of_all_later_requests", "", work),
        [
            "(nothing so far)",
            "(it may be meant so)",
            "a request begins with a user that was set outside of any request or task: every later one does, until it sets its own",
        ]
    );
}

#[test]
fn h14_what_looks_personal() {
    let work = || {
        let guard = begin(options());
        capture_message("nobody is named");
        set_user(User { email: Some("jane@example.com".into()), ..User::id("42") });
        capture_message("somebody is");
        capture_message("again");
        drop(guard);
    };
    let lines = said("h14_what_looks_personal", "0", work);
    let expected = "kept in an item of type event, and as it looks personal: user.email; see EventScrubber::deny and before_send";
    assert!(lines.contains(&expected.to_owned()), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("kept in")).count(), 1, "{lines:?}");
}

#[test]
fn h16_breadcrumbs_that_are_dropped() {
    let work = || {
        let guard = begin(options().before_breadcrumb(|_| None));
        add_breadcrumb(Breadcrumb::new("one"));
        add_breadcrumb(Breadcrumb::new("two"));
        drop(guard);
        let none = watchpost::new_client(options().debug(true).max_breadcrumbs(0)).unwrap();
        let _entered = Arc::new(Scopes::of_client(&none)).attach();
        add_breadcrumb(Breadcrumb::new("three"));
        add_breadcrumb(Breadcrumb::new("four"));
    };
    assert_eq!(
        said("h16_breadcrumbs_that_are_dropped", "", work),
        ["breadcrumb dropped by before_breadcrumb", "breadcrumb dropped: max_breadcrumbs=0"]
    );
}

#[test]
fn a_client_that_begins_says_what_it_is() {
    let work = || {
        let options = without_tracing().release("shop@1.2.3").unwrap().environment("staging").unwrap();
        drop(begin(options.sample_rate(0.5).unwrap()));
        drop(begin(Options::new().use_environment(false).traces_sample_rate(0.2).unwrap()));
        drop(begin(Options::new().use_environment(false).traces_sampler(|_| Decision::Rate(1.0))));
    };
    assert_eq!(
        all_said("a_client_that_begins_says_what_it_is", "", work),
        [
            "init: to h.invalid, project 1; release shop@1.2.3; environment staging; no traces; sample_rate 0.5",
            "init: to a transport of the program's own; no release: no release health; environment production; traces_sample_rate 0.2",
            "init: to a transport of the program's own; no release: no release health; environment production; traces by traces_sampler",
        ],
        "after a second init nobody can be sure that spans are missing"
    );
}

#[test]
fn a_second_client_takes_the_place_of_the_first() {
    let work = || {
        let first = begin(options());
        let second = begin(options());
        drop(first);
        assert!(capture_message("one").is_some(), "the guard of the first has nothing left to do");
        drop(second);
    };
    assert_eq!(
        said("a_second_client_takes_the_place_of_the_first", "", work),
        [
            "init was called again: the new client takes the place of the one before, which is closed; to drop its guard does nothing any more"
        ]
    );
}

#[test]
fn a_registry_without_the_layer() {
    let work = || {
        let _guard = begin(options());
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::with_default(subscriber, || drop(tracing::info_span!("request")));
    };
    let lines = all_said("a_registry_without_the_layer", "", work);
    assert_eq!(
        lines[1..],
        [
            "traces are wanted, and no span ever began: put watchpost::tracing::layer() into the registry, or start one by start_transaction"
        ]
    );
}

#[test]
fn a_program_with_spans_or_a_layer_lacks_nothing() {
    let by_hand = || {
        let _guard = begin(options());
        start_transaction("import").start().finish();
    };
    let name = "a_program_with_spans_or_a_layer_lacks_nothing";
    assert_eq!(all_said(name, "", by_hand).len(), 1, "what begins");
}

#[test]
fn a_layer_that_makes_no_span_is_there_all_the_same() {
    let work = || {
        let _guard = begin(options());
        drop(tracing_subscriber::registry().with(watchpost::tracing::layer()));
    };
    assert_eq!(
        all_said("a_layer_that_makes_no_span_is_there_all_the_same", "", work).len(),
        1,
        "what begins"
    );
}

#[test]
fn two_layers_in_one_registry() {
    let work = || {
        let layer = watchpost::tracing::layer;
        drop(tracing_subscriber::registry().with(layer()));
        drop(tracing_subscriber::registry().with(layer()).with(layer()));
        drop(begin(options()));
    };
    assert_eq!(
        said("two_layers_in_one_registry", "", work),
        ["two layers of Watchpost are in one registry: what both hear is reported twice"]
    );
}

#[test]
fn what_a_callback_drops_is_named() {
    let work = || {
        let guard = begin(options().before_send(|event| match event.logentry {
            Some(_) => None,
            None => panic!("cannot"),
        }));
        capture_message("the first message");
        watchpost::flush(None);
        watchpost::capture_error(&std::io::Error::other("secret"));
        watchpost::flush(None);
        drop(guard);
    };
    let lines = said("what_a_callback_drops_is_named", "", work);
    let dropped: Vec<_> = lines.iter().filter(|line| line.contains("dropped one")).collect();
    assert_eq!(
        dropped,
        [
            "before_send dropped one error \"the first message\" (before_send)",
            "before_send panicked: dropped one error \"io::Error\" (before_send)",
        ]
    );
}

#[test]
fn spans_that_outlive_their_transaction() {
    let work = || {
        let _guard = begin(options());
        for _ in 0..2 {
            let root = start_transaction("request").start();
            let part = root.child("part");
            root.finish();
            part.child("later").finish();
            part.finish();
        }
    };
    let outlives = "work that outlives its request needs a root span of its own (watchpost::guide::tasks)";
    assert_eq!(
        said("spans_that_outlive_their_transaction", "", work),
        [
            format!("1 span was still open when the transaction \"request\" ended, and lost: {outlives}"),
            format!("a span began after its transaction \"request\" had ended, and is lost: {outlives}"),
        ]
    );
}

/// All of the above, and nobody has asked to hear it.
#[test]
fn without_debug_nothing_is_said() {
    let work = || {
        serve(1);
        let quiet = without_tracing().debug(false).max_breadcrumbs(0).enable_logs(false);
        let _guard = watchpost::init(quiet.transport(Recorder::new())).unwrap();
        start_transaction("one").start().finish();
        add_breadcrumb(Breadcrumb::new("one"));
        with_isolation_scope(|_| {
            capture_message("one");
            set_user(User::id("late"));
            global_scope().set_user(User::id("42"));
        });
    };
    assert_eq!(said("without_debug_nothing_is_said", "", work), [""; 0]);
}

#[test]
fn h10_profiles_without_traces() {
    let work = || {
        let untraced = || Options::new().use_environment(true).profiles_sample_rate(1.0).unwrap();
        drop(begin(untraced()));
        drop(begin(untraced().traces_sample_rate(0.5).unwrap()));
        let none = untraced().profiles_sample_rate(0.0).unwrap();
        drop(begin(none.profile_session_sample_rate(0.0).unwrap()));
    };
    let said = said("h10_profiles_without_traces", "1", work);
    assert_eq!(said, ["profiling requested but traces_sample_rate is 0/None"]);
}

#[cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#[test]
fn a_program_that_has_the_signal_of_the_profiler_keeps_it() {
    let work = || {
        let heard = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGPROF, Arc::clone(&heard)).unwrap();
        let options = options().profile_session_sample_rate(1.0).unwrap();
        let _guard = begin(options);
        watchpost::profiler::start();
        watchpost::profiler::start();
        signal_hook::low_level::raise(signal_hook::consts::SIGPROF).unwrap();
        assert!(heard.load(Ordering::Relaxed), "it is the program's own handler that hears it");
    };
    assert_eq!(
        said("a_program_that_has_the_signal_of_the_profiler_keeps_it", "1", work),
        [
            "the profiler does not start: the program has a handler for SIGPROF of its own, which is left as it is"
        ]
    );
}

#[test]
fn a_transaction_with_too_many_spans() {
    let work = || {
        let _guard = begin(options());
        let root = start_transaction("import").enter();
        (0..1_003).for_each(|_| drop(root.child("row")));
        drop(root);
        let next = start_transaction("import").enter();
        (0..1_003).for_each(|_| drop(next.child("row")));
    };
    assert_eq!(
        said("a_transaction_with_too_many_spans", "", work),
        ["3 spans of \"import\" were not kept: a transaction has 1000 at most besides its root"]
    );
}

#[test]
fn a_hook_that_captures() {
    let work = || {
        let hook = |event| {
            capture_message("by the hook");
            Some(event)
        };
        let _guard = begin(options().before_send(hook));
        capture_message("one");
        capture_message("two");
    };
    assert_eq!(
        said("a_hook_that_captures", "", work),
        ["what a hook or a transport captures by itself is not reported: it could go on for ever"]
    );
}
