//! What becomes of what: levels, targets, closures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, debug, debug_span, error, info, info_span, trace_span, warn};
use tracing_subscriber::prelude::*;
use watchpost_core::FieldValue;
use watchpost_testkit::capture;
use watchpost_tracing::{CaptureLayer, EventFilter, Levels, layer};

fn drawn(layer: CaptureLayer, work: impl FnOnce()) -> String {
    let subscriber = tracing_subscriber::registry().with(layer);
    capture(|| tracing::subscriber::with_default(subscriber, work)).draw()
}

#[test]
fn levels_decide() {
    let everything = || {
        let outer = info_span!("outer");
        let _outer = outer.enter();
        debug_span!("detail").in_scope(|| debug!("said in detail"));
        info!("told");
        warn!("feared");
        error!("failed");
    };
    assert_eq!(
        drawn(layer(), everything),
        "error: failed\n  in outer\n  - info: told\n  - warning: feared\nfunction outer [internal_error]\n"
    );
    let down_to_debug = layer().spans(LevelFilter::DEBUG).breadcrumbs(LevelFilter::DEBUG);
    assert_eq!(
        drawn(down_to_debug, everything),
        "error: failed\n  in outer\n  - debug: said in detail\n  - info: told\n  - warning: feared\n\
         function outer [internal_error]\n  function detail\n"
    );
    let warnings_too = layer().issues(Level::WARN).spans(LevelFilter::OFF);
    assert_eq!(
        drawn(warnings_too, everything),
        "warning: feared\n  - info: told\nerror: failed\n  - info: told\n"
    );
    assert_eq!(
        drawn(layer().issues(LevelFilter::OFF).breadcrumbs(LevelFilter::OFF), everything),
        "function outer\n"
    );
}

#[test]
fn a_target_has_levels_of_its_own() {
    let layer = layer()
        .target("noisy", Levels::off())
        .target("noisy::but_this", Levels::new().issues(LevelFilter::INFO));
    let drawn = drawn(layer, || {
        let hidden = info_span!(target: "noisy", "hidden");
        let _hidden = hidden.enter();
        error!(target: "noisy::inside", "not heard");
        info!(target: "noisy::but_this", "heard");
        error!(target: "noisy_neighbour", "another target");
        info_span!(target: "noisy::but_this", "shown").in_scope(|| {});
    });
    assert_eq!(drawn, "info: heard\nerror: another target\nfunction shown\n");
}

#[test]
fn a_closure_is_asked_once_per_callsite() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    let layer = layer()
        .event_filter(move |metadata| {
            counts.fetch_add(1, Ordering::Relaxed);
            match metadata.target() {
                "audit" => EventFilter::ISSUE | EventFilter::BREADCRUMB,
                _ => EventFilter::IGNORE,
            }
        })
        .span_filter(|metadata: &Metadata<'_>| metadata.name() != "unwanted");
    let drawn = drawn(layer, || {
        info_span!("wanted").in_scope(|| {
            trace_span!("a closure is asked whatever the level").in_scope(|| {});
            info_span!("unwanted").in_scope(|| error!("nobody is told"));
            for round in 0..2 {
                info!(target: "audit", "{round}");
            }
        });
    });
    assert_eq!(
        drawn,
        "info: 0\n  in wanted\ninfo: 1\n  in wanted\n  - info: 0\n\
         function wanted [internal_error]\n  function a closure is asked whatever the level\n"
    );
    assert_eq!(asked.load(Ordering::Relaxed), 2, "two callsites");
}

#[test]
fn a_closure_that_panics_or_logs_leaves_it_to_the_levels() {
    let layer = layer().event_filter(|_| panic!("no idea")).span_filter(|_| {
        error!("asked about a span");
        true
    });
    let drawn = drawn(layer, || {
        info_span!("work").in_scope(|| info!("trail"));
        error!("failed");
    });
    assert_eq!(drawn, "function work\nerror: failed\n");
}

#[test]
fn a_mapper_decides_about_each_event_by_its_values() {
    let layer =
        layer().event_mapper(|metadata, fields, becomes| match (fields.get("status"), metadata.level()) {
            (Some(FieldValue::I64(500..)), _) => EventFilter::ISSUE,
            (Some(FieldValue::I64(404)), &Level::ERROR) => EventFilter::BREADCRUMB,
            (Some(FieldValue::I64(200)), _) => EventFilter::IGNORE,
            (None, &Level::DEBUG) => EventFilter::ISSUE, // it is not asked about what the levels ignore
            _ => becomes,
        });
    let drawn = drawn(layer, || {
        let request = info_span!("request").entered();
        for status in [200, 404, 304] {
            error!(status, "answered");
        }
        debug!("a detail");
        warn!(status = 503, "answered");
        drop(request);
        info_span!("no error in it").in_scope(|| error!(status = 404, "answered"));
    });
    assert_eq!(
        drawn,
        "error: answered\n  in request\n  - error: answered\n\
         warning: answered\n  in request\n  - error: answered\n\
         function request [internal_error]\nfunction no error in it\n"
    );
}

#[test]
fn a_mapper_knows_messages_texts_and_errors() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let layer = layer().event_mapper(move |_, fields, becomes| {
        let fields: Vec<_> = fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
        sees.lock().unwrap().push((fields.join(" "), becomes));
        becomes
    });
    let declined = std::io::Error::other("declined");
    let captured = drawn(layer, || {
        let error = &declined as &(dyn std::error::Error + 'static);
        error!(error, plan = "pro", order = ?Some(7), "could {} it", "pay");
        info!("asked");
    });
    assert_eq!(captured, "error: io::Error: declined\n  message: could pay it\n");
    assert_eq!(
        *seen.lock().unwrap(),
        [
            ("message=could pay it error=declined plan=pro order=Some(7)".to_owned(), EventFilter::ISSUE),
            ("message=asked".to_owned(), EventFilter::BREADCRUMB),
        ]
    );
}

#[test]
fn a_mapper_that_panics_leaves_it_to_the_rules() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    let layer = layer().event_filter(|_| EventFilter::ISSUE).event_mapper(move |_, _, _| {
        counts.fetch_add(1, Ordering::Relaxed);
        std::panic::resume_unwind(Box::new("no idea"))
    });
    assert_eq!(drawn(layer, || (0..2).for_each(|round| info!("{round}"))), "info: 0\ninfo: 1\n");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// A query of sqlx is an event that stands for a span, whatever else becomes of it.
#[test]
fn a_mapper_ignores_no_span() {
    let layer = layer().breadcrumbs(LevelFilter::DEBUG).event_mapper(|_, _, _| EventFilter::IGNORE);
    let drawn = drawn(layer, || {
        let request = info_span!("request").entered();
        debug!(target: "sqlx::query", summary = "SELECT 1", elapsed_secs = 0.0, rows_returned = 1, db.statement = "");
        drop(request);
        error!("of no interest");
    });
    assert_eq!(drawn, "function request\n  db SELECT 1\n");
}
