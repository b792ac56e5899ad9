//! Metrics: what each measurement says, and what becomes of it on its way (features Q01).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use serde_json::json;
use watchpost::metrics;
use watchpost::protocol::{ItemType, Metric, MetricType, MetricValue};
use watchpost_testkit::{Captured, capture, capture_with, options};

fn only(captured: &Captured) -> Metric {
    let [metric] = captured.metrics().try_into().unwrap_or_else(|all| panic!("not one metric: {all:?}"));
    metric
}

#[test]
fn a_measurement_has_its_value_its_unit_and_its_attributes() {
    let captured = capture(|| {
        metrics::count("orders", 2).attribute("plan", "pro").attribute("first", true);
        metrics::gauge(String::from("pool"), 12u64).unit("connection");
        metrics::distribution("wait", Duration::from_millis(1500)).unit("second");
    });
    let metrics = captured.metrics();
    let picture: Vec<_> = metrics.iter().map(|it| (&*it.name, it.ty, it.value, it.unit.as_deref())).collect();
    assert_eq!(
        picture,
        [
            ("orders", MetricType::Counter, MetricValue::Integer(2), None),
            ("pool", MetricType::Gauge, MetricValue::Integer(12), Some("connection")),
            ("wait", MetricType::Distribution, MetricValue::Double(1.5), Some("second")),
        ]
    );
    assert_eq!(metrics[0].attributes["plan"], "pro".into());
    assert_eq!(metrics[0].attributes["first"], true.into());
    let envelope = &captured.envelopes()[0];
    let header = &envelope.items[0].header;
    assert_eq!(
        (captured.envelopes().len(), header.item_count, &header.ty),
        (1, Some(3), &ItemType::TraceMetric)
    );
    assert!(envelope.headers.trace.is_none());
}

#[test]
fn it_is_of_the_open_span_and_carries_what_the_scopes_say() {
    let captured = capture(|| {
        watchpost::set_attribute("tenant", "acme");
        let span = watchpost::start_transaction("work").enter();
        metrics::count("steps", 1);
        drop(span);
    });
    let metric = only(&captured);
    let trace = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert_eq!((metric.trace_id, metric.span_id), (trace.trace_id, Some(trace.span_id)));
    assert_eq!(metric.attributes["tenant"], "acme".into());
    assert_eq!(metric.attributes["sentry.environment"], "production".into());
    assert!(!metric.attributes.contains_key("sentry.message.template"));
}

#[test]
fn a_hook_sees_each_and_what_it_drops_is_counted() {
    let hook = |mut metric: Metric| {
        metric.attributes.insert("seen".into(), true.into());
        (metric.name != "drop").then_some(metric)
    };
    let captured = capture_with(options().before_send_metric(hook), || {
        metrics::count("keep", 1);
        metrics::count("drop", 1);
    });
    assert_eq!(only(&captured).attributes["seen"], true.into());
    let losses = captured.losses();
    assert_eq!(losses[0], "before_send/trace_metric: 1");
    assert!(losses[1].starts_with("before_send/trace_metric_byte: "), "{losses:?}");
}

#[test]
fn what_the_server_would_refuse_an_envelope_for_is_dropped_and_counted() {
    let captured = capture(|| {
        metrics::gauge("load", f64::NAN);
        metrics::gauge("load", f64::INFINITY);
        metrics::count("large", 1).attribute("text", "x".repeat(2048).as_str());
        metrics::count("unit", 1).unit("x".repeat(2048));
        metrics::count("escapes", 1).attribute("text", "\"".repeat(1000).as_str());
        metrics::count("fine", 1).attribute("ratio", f64::NAN);
    });
    let fine = only(&captured);
    assert_eq!((&*fine.name, fine.attributes["ratio"].to_json()), ("fine", Some(json!("NaN"))));
    assert_eq!(captured.losses()[0], "invalid/trace_metric: 5");
}

#[test]
fn metrics_can_be_switched_off() {
    let captured = capture_with(options().enable_metrics(false), || drop(metrics::count("orders", 1)));
    assert!(captured.envelopes().is_empty());
    metrics::count("without a client", 1).unit("none").attribute("a", 1);
}
