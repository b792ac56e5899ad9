//! The bridge from `log`: records become issues and breadcrumbs of whoever's work they are about, and the logger within sees what it saw before.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt;
use std::sync::{Arc, Mutex};

use log::{Level, LevelFilter, Log, Metadata, Record};
use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::User;
use watchpost::log::{LogBridge, LogFilter};
use watchpost_testkit::{Captured, capture, capture_with, options};

/// Keeps what it is told, down to WARN.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(format!("{}: {}", record.level(), record.args()));
    }

    fn flush(&self) {
        self.0.lock().unwrap().push("flushed".into());
    }
}

/// A record as the macros of `log` make it, for a logger that is not the process's.
fn say(bridge: &LogBridge, level: Level, text: fmt::Arguments<'_>) {
    let record = Record::builder()
        .level(level)
        .target("shop::till")
        .module_path_static(Some("shop::till"))
        .file_static(Some("till.rs"))
        .line(Some(7))
        .args(text)
        .build();
    bridge.log(&record);
}

#[test]
fn records_become_logs_up_to_the_level_that_was_asked_for() {
    let logs = every_level(&LogBridge::new().logs(LevelFilter::Debug)).logs();
    let picture: Vec<_> = logs.iter().map(|log| format!("{} {}", log.level, log.body)).collect();
    assert_eq!(picture, ["debug at DEBUG", "info at INFO", "warn at WARN", "error at ERROR"]);
    let attributes = &logs[0].attributes;
    assert_eq!(attributes["sentry.origin"], "auto.log.log".into());
    assert_eq!(attributes["logger.name"], "shop::till".into());
    assert_eq!(attributes["code.file.path"], "till.rs".into());
    assert_eq!(attributes["code.line.number"], 7.into());
}

fn every_level(bridge: &LogBridge) -> Captured {
    capture(|| {
        for level in Level::iter().collect::<Vec<_>>().into_iter().rev() {
            say(bridge, level, format_args!("at {level}"));
        }
    })
}

#[test]
fn errors_are_issues_and_what_led_to_them_is_a_trail() {
    let captured = every_level(&LogBridge::new());
    assert_eq!(captured.draw(), "error: at ERROR\n  - info: at INFO\n  - warning: at WARN\n");
    let event = &captured.events()[0];
    assert_eq!(event.logger.as_deref(), Some("shop::till"));
    let place = &event.contexts.other["Rust Log Record"];
    assert_eq!((&place["file"], &place["line"]), (&"till.rs".into(), &7.into()));
    assert_eq!(event.breadcrumbs[0].category.as_deref(), Some("shop::till"));
}

#[test]
fn the_levels_are_the_programs_to_choose() {
    let bridge = LogBridge::new().issues(LevelFilter::Warn).breadcrumbs(LevelFilter::Trace);
    assert_eq!(
        every_level(&bridge).draw(),
        "\
warning: at WARN
  - debug: at TRACE
  - debug: at DEBUG
  - info: at INFO
error: at ERROR
  - debug: at TRACE
  - debug: at DEBUG
  - info: at INFO
"
    );
    let silent = LogBridge::new().issues(LevelFilter::Off).breadcrumbs(LevelFilter::Off);
    assert_eq!(every_level(&silent).draw(), "");
}

#[test]
fn a_filter_decides_in_place_of_all_levels() {
    let bridge = LogBridge::new().filter(|metadata| match (metadata.target(), metadata.level()) {
        ("shop::till", Level::Error) => LogFilter::BREADCRUMB | LogFilter::LOG,
        ("shop::till", Level::Trace) => LogFilter::BREADCRUMB,
        ("shop::till", Level::Debug) => LogFilter::ISSUE,
        _ => LogFilter::IGNORE,
    });
    let captured = every_level(&bridge);
    assert_eq!(captured.draw(), "debug: at DEBUG\n  - debug: at TRACE\n");
    let logs: Vec<_> = captured.logs().iter().map(|log| log.body.clone()).collect();
    assert_eq!(logs, ["at ERROR"]);

    let elsewhere = Metadata::builder().level(Level::Error).target("shop::stock").build();
    let till = Metadata::builder().level(Level::Error).target("shop::till").build();
    capture(|| assert!(bridge.enabled(&till) && !bridge.enabled(&elsewhere)));
}

#[test]
fn if_a_filter_panics_the_levels_decide() {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let bridge = LogBridge::new().filter(move |_| {
        *count.lock().unwrap() += 1;
        std::panic::resume_unwind(Box::new("not today"))
    });
    assert_eq!(every_level(&bridge).draw(), every_level(&LogBridge::new()).draw());
    assert_eq!(*asked.lock().unwrap(), 5, "it is asked again, and about every record");
}

#[test]
fn what_a_filter_says_itself_is_not_reported() {
    let within = LogBridge::new();
    let bridge = LogBridge::new().filter(move |_| {
        say(&within, Level::Error, format_args!("from the filter"));
        watchpost::capture_message("from the filter, too");
        LogFilter::ISSUE
    });
    let captured = capture(|| say(&bridge, Level::Info, format_args!("once")));
    assert_eq!(captured.draw(), "info: once\n");
}

#[test]
fn the_logger_within_sees_what_it_saw_before() {
    let kept = Kept::default();
    let bridge = LogBridge::wrapping(kept.clone());
    every_level(&bridge);
    bridge.flush();
    assert_eq!(*kept.0.lock().unwrap(), ["WARN: at WARN", "ERROR: at ERROR", "flushed"]);
}

#[test]
fn a_record_belongs_to_the_span_that_it_was_made_in() {
    let bridge = LogBridge::new();
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture(|| {
        tracing::subscriber::with_default(subscriber, || {
            for user in ["ann", "bob"] {
                let span = info_span!("request");
                let _entered = span.enter();
                watchpost::set_user(User::id(user));
                say(&bridge, Level::Info, format_args!("{user} pays"));
                say(&bridge, Level::Error, format_args!("the till is empty"));
            }
        });
    });
    let one = |user: &str| {
        format!(
            "error: the till is empty\n  in request\n  user: {user}\n  - info: {user} pays\nfunction request\n  user: {user}\n"
        )
    };
    assert_eq!(captured.draw(), [one("ann"), one("bob")].concat());
}

#[test]
fn tracings_own_records_are_no_messages_of_the_program() {
    let bridge = LogBridge::new().breadcrumbs(LevelFilter::Trace);
    let captured = capture(|| {
        for target in ["tracing::span", "tracing::span::active"] {
            let record =
                Record::builder().level(Level::Error).target(target).args(format_args!("-> x")).build();
            bridge.log(&record);
        }
        watchpost::capture_message("hello");
    });
    assert_eq!(captured.draw(), "info: hello\n");
}

/// As `LogTracer` does: it makes an event of what the bridge hands on.
#[test]
fn what_the_bridge_does_not_listen_to_is_left_to_the_tracing_layer() {
    let captured = capture(|| {
        let layer = watchpost::tracing::layer().breadcrumbs(tracing::level_filters::LevelFilter::DEBUG);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let bridge = LogBridge::wrapping(tracing_log::LogTracer::new());
            say(&bridge, Level::Debug, format_args!("a detail"));
            say(&bridge, Level::Info, format_args!("a step"));
            say(&bridge, Level::Error, format_args!("failed"));
        });
    });
    assert_eq!(captured.draw(), "error: failed\n  - debug: a detail\n  - info: a step\n");
}

#[test]
fn what_a_filter_ignores_is_left_to_the_tracing_layer() {
    let captured = capture(|| {
        let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
        tracing::subscriber::with_default(subscriber, || {
            let bridge = LogBridge::wrapping(tracing_log::LogTracer::new()).filter(|_| LogFilter::IGNORE);
            say(&bridge, Level::Error, format_args!("failed"));
        });
    });
    assert_eq!(captured.draw(), "error: failed\n");
    assert!(captured.events()[0].contexts.other.contains_key("Rust Tracing Location"));
}

#[test]
fn without_a_client_only_the_logger_within_is_asked() {
    let kept = Kept::default();
    let bridge = LogBridge::wrapping(kept.clone());
    say(&bridge, Level::Error, format_args!("to the file"));
    assert_eq!(*kept.0.lock().unwrap(), ["ERROR: to the file"]);
}

/// Whoever logs while something is sent would feed what is being emptied.
#[test]
fn a_hook_that_logs_reports_nothing() {
    let bridge = Arc::new(LogBridge::new());
    let in_hook = Arc::clone(&bridge);
    let hook = move |event| {
        say(&in_hook, Level::Error, format_args!("from the hook"));
        Some(event)
    };
    let captured =
        capture_with(options().before_send(hook), || say(&bridge, Level::Error, format_args!("once")));
    assert_eq!(captured.draw(), "error: once\n");
}

/// The only test here that uses the process's own logger.
#[test]
fn the_macros_reach_it() {
    LogBridge::new().init().unwrap();
    assert!(log::max_level() >= LevelFilter::Info);
    let captured = capture(|| {
        log::info!(rows = 3; "counting");
        log::error!(order = 42, total:% = "9.99"; "{} is missing", "a coin");
    });
    assert_eq!(captured.draw(), "error: a coin is missing\n  - info: counting\n");
    let event = &captured.events()[0];
    let place = &event.contexts.other["Rust Log Record"];
    assert_eq!((&place["order"], &place["total"]), (&42.into(), &"9.99".into()));
    assert_eq!(event.breadcrumbs[0].data["rows"], 3);
    assert!(LogBridge::new().init().is_err(), "there is one logger");
}
