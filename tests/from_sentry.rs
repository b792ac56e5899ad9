//! What the page for those who come from the `sentry` crate names, as it names it: that it compiles is most of the test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::prelude::*;
use watchpost::log::{LogBridge, LogFilter};
use watchpost::protocol::LogEntry;
use watchpost::tracing::EventFilter;
use watchpost::{
    Attachment, Breadcrumb, Event, FieldValue, FutureExt, InitError, Level, Options, SessionMode, User,
    metrics,
};
use watchpost_testkit::{capture, capture_with, options};

#[test]
fn its_options() {
    let options = || -> Result<Options, InitError> {
        Ok(Options::new()
            .dsn("https://key@o1.ingest.example/1")?
            .error_sampler(|_| 1.0)
            .debug(false)
            .server_name("web-1")
            .max_breadcrumbs(50)
            .attach_stacktrace(true)
            .in_app_include(["shop"])
            .in_app_exclude(["vendored"])
            .org_id("1")
            .strict_trace_continuation(true)
            .send_default_pii(false)
            .http_proxy("http://proxy.internal:3128")
            .https_proxy("http://proxy.internal:3128")
            .shutdown_timeout(Duration::from_secs(5))
            .default_integrations(false)
            .auto_session_tracking(true)
            .session_mode(SessionMode::Request)
            .enable_logs(true)
            .enable_metrics(true)
            .before_send_log(Some)
            .before_send_metric(Some)
            .before_send_transaction(Some)
            .transport_queue_size(1000)
            .transport_queue_bytes(1_000_000)
            .ca_certs("/etc/ssl/internal.pem"))
    };
    assert!(options().unwrap().effective().get("dsn").unwrap().value.contains("o1.ingest.example"));
}

#[test]
fn its_captures() {
    let captured = capture(|| {
        watchpost::add_breadcrumb(Breadcrumb {
            ty: "http".into(),
            category: Some("cart".into()),
            ..Breadcrumb::default()
        });
        watchpost::set_user(User { id: Some("42".into()), ..User::default() });
        watchpost::capture_event(Event {
            logentry: Some(LogEntry { message: Some("hello".into()), ..LogEntry::default() }),
            level: Some(Level::Warning),
            ..Event::default()
        });
    });
    assert_eq!(captured.events().len(), 1);
}

#[test]
fn its_scopes() {
    let captured = capture(|| {
        let scope = watchpost::isolation_scope();
        scope.clear();
        scope.set_level(Some(Level::Warning));
        scope.add_event_processor(Some);
        scope.add_attachment(Attachment::bytes("cart.json", b"{}".as_slice()));
        watchpost::set_context("cart", serde_json::json!({ "items": 3 }));
        let _guard = watchpost::new_scope();
        drop(async {}.in_span(watchpost::start_span("receipt").start()));
        assert!(watchpost::client().is_some() && watchpost::current_span().is_none());
        assert_eq!(watchpost::capture_message("hello"), watchpost::last_event_id());
    });
    assert_eq!(captured.events()[0].level, Some(Level::Warning));
}

#[test]
fn its_traces_metrics_and_sessions() {
    let captured = capture_with(options().release("shop@1.2.3").unwrap(), || {
        let nightly = watchpost::start_transaction("nightly").op("task").sampled(true).start();
        nightly.child("step").with_op("db").finish();
        drop(nightly);
        assert_ne!(watchpost::trace_headers_for("https://api.example.com/").len(), 0);
        metrics::gauge("waiting", 3);
        watchpost::start_session();
        watchpost::end_session();
    });
    assert_eq!(captured.draw(), "task nightly\n  db step\n");
    assert_eq!(captured.metrics().len(), 1);
}

#[test]
fn its_layer_and_its_bridge() {
    let layer = watchpost::tracing::layer()
        .issues(LevelFilter::ERROR)
        .breadcrumbs(LevelFilter::INFO)
        .spans(LevelFilter::INFO)
        .span_fields(false)
        .event_filter(|_| {
            EventFilter::ISSUE | EventFilter::BREADCRUMB | EventFilter::LOG | EventFilter::IGNORE
        });
    assert!(format!("{layer:?}").contains("span_fields: false"));
    struct Quiet;
    impl log::Log for Quiet {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            false
        }
        fn log(&self, _: &log::Record<'_>) {}
        fn flush(&self) {}
    }
    let off = log::LevelFilter::Off;
    let bridge = watchpost::log::LogBridge::wrapping(Quiet).issues(off).breadcrumbs(off).logs(off);
    let metadata = log::Metadata::builder().level(log::Level::Error).build();
    assert!(!log::Log::enabled(&bridge, &metadata));
}

fn by_supplier(mut event: Event) -> Option<Event> {
    let fields = event.contexts.other.get("Rust Tracing Fields");
    if let Some(supplier) = fields.and_then(|fields| fields["supplier"].as_str()) {
        event.fingerprint = vec!["{{ default }}".into(), supplier.to_owned().into()];
    }
    Some(event)
}

#[test]
fn what_a_mapper_did() {
    let layer = watchpost::tracing::layer().event_mapper(|_, fields, becomes| match fields.get("status") {
        Some(FieldValue::I64(404)) => EventFilter::BREADCRUMB | EventFilter::LOG,
        _ => becomes,
    });
    let captured = capture_with(options().event_processor(by_supplier), || {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::error!(status = 404, "no answer");
            tracing::error!(status = 500, supplier = "acme", tags.plan = "pro", "no answer");
        });
    });
    assert_eq!(captured.draw(), "error: no answer\n  tags: plan=pro\n  - error: no answer\n");
    assert_eq!(captured.events()[0].fingerprint, ["{{ default }}", "acme"]);
    assert_eq!(captured.logs().len(), 1);
}

#[test]
fn times_of_its_own() {
    let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let captured = capture(|| {
        let root = watchpost::start_transaction("nightly").sampled(true).start_timestamp(time).start();
        root.child("step").with_op("db").with_start_timestamp(time).finish_at(time);
        root.finish_at(time);
    });
    let nightly = &captured.transactions()[0];
    assert_eq!(nightly.start_timestamp, Some(time.into()));
    assert_eq!((nightly.timestamp, nightly.spans[0].timestamp), (Some(time.into()), time.into()));
}

#[test]
fn the_filter_of_its_logger() {
    let bridge = LogBridge::new().filter(|metadata| match metadata.target() {
        "audit" => LogFilter::ISSUE,
        _ => LogFilter::IGNORE,
    });
    let captured = capture(|| {
        for target in ["audit", "chat"] {
            let record = log::Record::builder()
                .target(target)
                .level(log::Level::Info)
                .args(format_args!("paid"))
                .build();
            log::Log::log(&bridge, &record);
        }
    });
    assert_eq!(captured.draw(), "info: paid\n");
}
