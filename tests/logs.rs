//! Structured logs: what each says of itself, where it comes from, and what becomes of it on its way (features L01 to L11).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use support::Watched;
use support::transports::Scripted;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::prelude::*;
use watchpost::protocol::{ItemType, Log};
use watchpost::{Delivery, LogLevel, User, logger};
use watchpost_testkit::{Captured, Recorder, capture, capture_with, options};

/// The attributes without those that every log has, as plain JSON.
fn own(log: &Log) -> Value {
    const OF_ALL: [&str; 4] =
        ["sentry.environment", "sentry.release", "sentry.sdk.name", "sentry.sdk.version"];
    let own = log.attributes.iter().filter(|(key, _)| !OF_ALL.contains(&key.as_str()));
    own.map(|(key, value)| (key.clone(), value.to_json().unwrap())).collect::<serde_json::Map<_, _>>().into()
}

fn only(captured: &Captured) -> Log {
    let [log] = captured.logs().try_into().unwrap_or_else(|logs| panic!("not one log: {logs:?}"));
    log
}

#[test]
fn a_log_has_its_template_its_parameters_and_attributes_with_their_types() {
    let captured = capture(|| {
        let user = String::from("ann");
        logger::warn!(shelf = 7, "db.table" = "stock", spare = Ipv4Addr::LOCALHOST; "{user} took {} of {left:.1}", 3u64, user = user, left = 2.5);
    });
    let log = only(&captured);
    assert_eq!((log.level, log.severity_number, &*log.body), (LogLevel::Warn, Some(13), "ann took 3 of 2.5"));
    assert_eq!(
        own(&log),
        json!({
            "sentry.message.template": "{user} took {} of {left:.1}",
            "sentry.message.parameter.user": "ann",
            "sentry.message.parameter.0": 3,
            "sentry.message.parameter.left": 2.5,
            "shelf": 7,
            "db.table": "stock",
            "spare": "127.0.0.1",
        })
    );
    let header = &captured.envelopes()[0].items[0].header;
    assert_eq!((header.item_count, header.ty.clone()), (Some(1), ItemType::Log));
    assert!(captured.envelopes()[0].headers.trace.is_none() && captured.envelopes()[0].headers.sdk.is_some());
}

#[test]
fn without_parameters_there_is_no_template() {
    let name = "lamp";
    let log = only(&capture(|| logger::info!("{name} is in stock")));
    assert_eq!((&*log.body, own(&log)), ("lamp is in stock", json!({})));
}

#[test]
fn a_log_belongs_to_the_open_span_and_else_to_the_trace_alone() {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture(|| {
        logger::info!("outside");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("root").in_scope(|| {
                tracing::info_span!("child").in_scope(|| logger::info!("inside"));
            });
        });
        let span = watchpost::start_transaction("by hand").enter();
        logger::info!("by hand");
        drop(span);
    });
    let logs = captured.logs();
    let [outside, inside, by_hand] = &logs[..] else { panic!("{logs:?}") };
    assert_eq!(outside.span_id, None);
    assert_ne!(outside.trace_id.as_bytes(), &[0; 16]);
    let [root, other] = captured.transactions().try_into().unwrap();
    assert_eq!((inside.trace_id, inside.span_id), (root.spans[0].trace_id, Some(root.spans[0].span_id)));
    let trace = other.contexts.trace.unwrap();
    assert_eq!((by_hand.trace_id, by_hand.span_id), (trace.trace_id, Some(trace.span_id)));
}

#[test]
fn what_is_nearest_to_a_log_wins() {
    let log = only(&capture(|| {
        watchpost::set_attributes([("where", "isolation"), ("isolation", "1")]);
        watchpost::set_attribute("gone", true);
        watchpost::remove_attribute("gone");
        watchpost::set_user(User::id("42").email("ann@shop.test"));
        watchpost::with_scope(|scope| {
            scope.set_attributes([("where", "current"), ("what", "current")]);
            logger::info!(what = "log", "sentry.environment" = "mine"; "hello");
        });
    }));
    let expected = json!({
        "where": "current", "what": "log", "isolation": "1", "user.id": "42", "user.email": "ann@shop.test",
    });
    assert_eq!(own(&log), expected);
    assert_eq!(log.attributes["sentry.environment"], "mine".into());
}

#[test]
fn who_was_cleared_away_is_on_no_later_log() {
    let captured = capture(|| {
        watchpost::with_isolation_scope(|isolation| {
            isolation.set_user(User::id("42"));
            logger::info!("logged in");
            isolation.clear();
            logger::info!("logged out");
        });
    });
    let users: Vec<_> = captured.logs().iter().map(|log| log.attributes.contains_key("user.id")).collect();
    assert_eq!(users, [true, false]);
}

#[test]
fn every_log_says_who_sent_it() {
    let options = options().release("shop@1").unwrap().environment("staging").unwrap().server_name("web-3");
    let log = only(&capture_with(options, || logger::info!("hello")));
    for (key, value) in [
        ("sentry.release", "shop@1"),
        ("sentry.environment", "staging"),
        ("server.address", "web-3"),
        ("sentry.sdk.name", "watchpost.rust"),
        ("sentry.sdk.version", watchpost::VERSION),
    ] {
        assert_eq!(log.attributes.get(key), Some(&value.into()), "{key}");
    }
}

#[test]
fn tracing_events_become_logs_up_to_the_level_that_was_asked_for() {
    let heard = |layer: watchpost::tracing::CaptureLayer| {
        let subscriber = tracing_subscriber::registry().with(layer);
        capture(|| {
            tracing::subscriber::with_default(subscriber, || {
                tracing::error!("error");
                tracing::info!(items = 3, "cart loaded");
                tracing::debug!(password = "hunter2", step = 1);
            });
        })
    };
    assert!(heard(watchpost::tracing::layer()).logs().is_empty(), "they are asked for, not given");

    let captured = heard(watchpost::tracing::layer().logs(LevelFilter::INFO));
    let logs = captured.logs();
    let bodies: Vec<_> = logs.iter().map(|log| (log.level, &*log.body)).collect();
    assert_eq!(bodies, [(LogLevel::Error, "error"), (LogLevel::Info, "cart loaded")]);
    assert_eq!(captured.events().len(), 1, "an issue all the same");
    let attributes = own(&logs[1]);
    assert_eq!(
        (&attributes["items"], &attributes["sentry.origin"], &attributes["logger.name"]),
        (&json!(3), &json!("auto.log.tracing"), &json!("logs"))
    );
    assert!(attributes["code.file.path"].as_str().unwrap().ends_with("logs.rs"));
    assert!(attributes["code.line.number"].is_u64() && attributes["code.namespace"] == "logs");

    let all = heard(watchpost::tracing::layer().logs(LevelFilter::TRACE)).logs();
    assert_eq!(all[2].body, "password=[Filtered] step=1", "an event without a message says its fields");
    assert_eq!(own(&all[2])["password"], "[Filtered]");
}

#[test]
fn an_event_is_printed_once_for_a_breadcrumb_and_a_log() {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer().logs(LevelFilter::INFO));
    let captured = capture(|| {
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(items = 3, "cart loaded");
            watchpost::capture_message("now");
        });
    });
    let crumbs = &captured.events()[0].breadcrumbs;
    assert_eq!((crumbs.len(), crumbs[0].message.as_deref()), (1, Some("cart loaded")));
    assert_eq!(captured.logs().len(), 1);
}

#[test]
fn a_secret_is_taken_out_of_attributes_and_of_the_text_it_was_filled_into() {
    let log = only(&capture(|| {
        logger::info!(api_key = "k-1"; "signed in with {password} at {url}", password = "hunter2", url = "https://a:b@x.test/");
    }));
    assert_eq!(log.body, "signed in with [Filtered] at https://[Filtered]:[Filtered]@x.test/");
    let number = only(&capture(|| logger::info!("the token is {token}", token = 482_913)));
    assert_eq!(number.body, "the token is [Filtered]");
    let own = own(&log);
    assert_eq!(
        (&own["api_key"], &own["sentry.message.parameter.password"]),
        (&json!("[Filtered]"), &json!("[Filtered]"))
    );
}

#[test]
fn a_hook_sees_each_and_what_it_drops_is_counted_by_logs_and_bytes() {
    let hook = |mut log: Log| {
        match &*log.body {
            "drop" => return None,
            "panic" => panic!("a hook of the program's"),
            _ => log.attributes.insert("seen".into(), true.into()),
        };
        Some(log)
    };
    let captured = capture_with(options().before_send_log(hook), || {
        logger::info!("keep");
        logger::info!("drop");
        logger::info!("panic");
    });
    assert_eq!(own(&only(&captured)), json!({ "seen": true }));
    let [bytes, items] = captured.losses().try_into().unwrap();
    assert_eq!(items, "before_send/log_item: 2");
    let size: u64 = bytes.strip_prefix("before_send/log_byte: ").unwrap().parse().unwrap();
    assert!(size > 100, "the defaults count, too: {size}");
}

#[test]
fn a_hundred_leave_together_and_the_rest_at_the_end() {
    let captured = capture(|| (0..250).for_each(|number| logger::info!("{}", number)));
    let counts: Vec<_> =
        captured.envelopes().iter().map(|it| it.items[0].header.item_count.unwrap()).collect();
    assert_eq!(counts, [100, 100, 50]);
    let bodies: Vec<_> = captured.logs().into_iter().map(|log| log.body).collect();
    assert_eq!(bodies, (0..250).map(|number| number.to_string()).collect::<Vec<_>>(), "in order");
}

#[test]
fn what_is_more_than_the_server_takes_at_once_leaves_in_parts() {
    const MIB: usize = 1024 * 1024;
    let quotes = "\"".repeat(200_000);
    let captured = capture(|| {
        logger::info!(text = "x".repeat(MIB); "too large");
        (0..5).for_each(|number| logger::info!(quotes = &*quotes; "{}", number));
    });
    let envelopes = captured.envelopes();
    assert!(envelopes.iter().all(|it| it.items.len() == 1 && it.items[0].payload.len() <= MIB));
    assert!(envelopes.len() >= 3, "each quote takes two bytes: {}", envelopes.len());
    let bodies: Vec<_> = captured.logs().into_iter().map(|log| log.body).collect();
    assert_eq!(bodies, ["0", "1", "2", "3", "4"]);
    assert_eq!(captured.losses()[1], "invalid/log_item: 1");
}

#[test]
fn a_flush_sends_what_waits_for_others() {
    let watched = Watched::new(options());
    watched.run(|| logger::info!("waits"));
    assert!(watched.client.flush(None));
    assert_eq!(only(&watched.recorder.captured()).body, "waits");
    watched.run(|| logger::info!("waits, too"));
    assert_eq!(watched.close().logs().len(), 2);
}

#[test]
fn logs_can_be_switched_off_and_what_they_would_print_is_not() {
    struct Loud;
    impl std::fmt::Display for Loud {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("nobody asked")
        }
    }
    let captured = capture_with(options().enable_logs(false), || logger::info!("{}", Loud));
    assert!(captured.envelopes().is_empty());
    let harmed = capture(|| {
        logger::info!("{}", Loud);
        logger::info!("unharmed");
    });
    assert_eq!(harmed.logs().len(), 2, "what it printed until then is there");
}

/// A value that must not be printed.
struct Costly;

impl std::fmt::Display for Costly {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("it was printed");
    }
}

#[test]
fn nothing_is_built_that_a_limit_refuses() {
    let recorder = Recorder::new();
    let limits = watchpost::protocol::rate_limit::parse_rate_limits("600:log_byte;trace_metric:key");
    let transport = Scripted::new(&recorder, [Delivery::Accepted { limits }]);
    let watched = Watched::over(options().transport(transport), recorder);
    watched.run(|| {
        logger::info!("the first");
        assert!(watched.client.flush(None));
        logger::info!("{}", Costly);
        watchpost::metrics::count("orders", 1);
    });
    let losses = watched.client.losses();
    let losses: Vec<_> = losses.iter().map(|line| (line.category.as_str(), line.quantity)).collect();
    assert_eq!(losses, [("log_item", 1), ("log_byte", 1), ("trace_metric", 1), ("trace_metric_byte", 1)]);
}

#[test]
fn what_an_argument_logs_is_a_log_too() {
    let captured = capture(|| {
        let says = |what: &'static str| {
            logger::debug!("evaluating {}", what);
            what
        };
        logger::info!(attribute = says("the attribute"); "{}", says("the parameter"));
    });
    let bodies: Vec<_> = captured.logs().into_iter().map(|log| log.body).collect();
    assert_eq!(bodies, ["evaluating the attribute", "evaluating the parameter", "the parameter"]);
}

#[test]
fn a_log_in_a_hook_of_a_log_is_not_sent() {
    let hook = |log: Log| {
        logger::info!("again");
        Some(log)
    };
    assert_eq!(capture_with(options().before_send_log(hook), || logger::info!("once")).logs().len(), 1);
}
