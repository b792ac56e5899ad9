//! The options that a file may set, each under the name of its setter: how it is set, and how it is told.

use std::fmt::{Debug, Display};
use std::time::Duration;

use super::value::Given;
use crate::error::InitError;
use crate::filters::SpanRule;
use crate::options::{CompressionAlgo, Options, Setting};
use crate::pattern::Pattern;
use crate::profiling::ProfileLifecycle;
use crate::session::SessionMode;
use crate::spool::SpoolOptions;

/// An option of plain values.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// As text, for a person; nothing is the empty text.
    pub(super) get: fn(&Options) -> String,
    pub(super) set: fn(Options, &Given<'_>) -> Result<Options, InitError>,
}

/// One line for each: its name, what it is, and what to do with a value.
macro_rules! keys {
    ($($name:ident: $get:expr, $set:expr;)*) => {
        &[$(Key { name: stringify!($name), get: $get, set: $set }),*]
    };
}

/// Every option of plain values, in the order of the documentation.
pub(super) static KEYS: &[Key] = keys! {
    dsn: |o| match &o.dsn {
        Setting::Set(dsn) => or_nothing(dsn.as_ref()),
        Setting::Unset => String::new(),
    }, |o, given| o.dsn(given.text()?);
    environment: |o| o.configured_environment().to_owned(), |o, given| o.environment(given.text()?);
    release: |o| or_nothing(o.release.as_ref()), |o, given| o.release(given.text()?);
    dist: |o| or_nothing(o.dist.as_ref()), |o, given| Ok(o.dist(given.text()?));
    server_name: |o| or_nothing(o.server_name.as_ref()), |o, given| Ok(o.server_name(given.text()?));
    debug: |o| o.configured_debug().to_string(), |o, given| Ok(o.debug(given.switch()?));
    sample_rate: |o| o.sample_rate.map_or(1.0, |rate| rate.get()).to_string(),
        |o, given| o.sample_rate(given.number()?);
    traces_sample_rate: |o| or_nothing(o.traces_sample_rate.map(|rate| rate.get())),
        |o, given| o.traces_sample_rate(given.number()?);
    profiles_sample_rate: |o| or_nothing(o.profiles.of_transactions.map(|rate| rate.get())),
        |o, given| o.profiles_sample_rate(given.number()?);
    profile_session_sample_rate: |o| or_nothing(o.profiles.of_sessions.map(|rate| rate.get())),
        |o, given| o.profile_session_sample_rate(given.number()?);
    profile_lifecycle: |o| lifecycle(o.profiles.lifecycle).to_owned(), |o, given| {
        let lifecycles = [ProfileLifecycle::Manual, ProfileLifecycle::Trace];
        Ok(o.profile_lifecycle(given.one_of(lifecycles, lifecycle, "manual or trace")?))
    };
    profile_chunk_length: |o| seconds(o.profiles.chunk), |o, given| Ok(o.profile_chunk_length(given.seconds()?));
    trace_propagation_targets: |o| o.trace_propagation_targets.as_deref().map_or_else(String::new, list),
        |o, given| Ok(o.trace_propagation_targets(given.texts()?));
    propagate_traceparent: |o| o.propagate_traceparent.to_string(),
        |o, given| Ok(o.propagate_traceparent(given.switch()?));
    strict_trace_continuation: |o| o.strict_trace_continuation.to_string(),
        |o, given| Ok(o.strict_trace_continuation(given.switch()?));
    org_id: |o| or_nothing(o.org_id.as_ref()), |o, given| Ok(o.org_id(given.text()?));
    ignore_transactions: |o| list(&o.ignore_transactions),
        |o, given| Ok(o.ignore_transactions(given.texts()?));
    ignore_spans: |o| list(&o.ignore_spans.iter().map(SpanRule::shown).collect::<Vec<_>>()),
        |o, given| Ok(o.ignore_spans(given.texts()?.into_iter().map(Pattern::from)));
    trace_ignore_status_codes: |o| list(&Vec::from_iter(&o.trace_ignore_status_codes)),
        |o, given| Ok(o.trace_ignore_status_codes(given.codes()?));
    max_breadcrumbs: |o| o.max_breadcrumbs.to_string(), |o, given| Ok(o.max_breadcrumbs(given.count()?));
    max_value_length: |o| or_nothing(o.max_value_length), |o, given| Ok(o.max_value_length(given.count()?));
    attach_stacktrace: |o| o.attach_stacktrace.to_string(),
        |o, given| Ok(o.attach_stacktrace(given.switch()?));
    in_app_include: |o| list(&o.in_app_include), |o, given| Ok(o.in_app_include(given.texts()?));
    in_app_exclude: |o| list(&o.in_app_exclude), |o, given| Ok(o.in_app_exclude(given.texts()?));
    send_default_pii: |o| o.send_default_pii.to_string(), |o, given| Ok(o.send_default_pii(given.switch()?));
    max_request_body_size: |o| o.max_request_body_size.to_string(),
        |o, given| Ok(o.max_request_body_size(given.parsed("never, small, medium or always")?));
    send_client_reports: |o| o.send_client_reports.to_string(),
        |o, given| Ok(o.send_client_reports(given.switch()?));
    enable_logs: |o| o.enable_logs.to_string(), |o, given| Ok(o.enable_logs(given.switch()?));
    enable_metrics: |o| o.enable_metrics.to_string(), |o, given| Ok(o.enable_metrics(given.switch()?));
    auto_session_tracking: |o| o.auto_session_tracking.to_string(),
        |o, given| Ok(o.auto_session_tracking(given.switch()?));
    session_mode: |o| session_mode(o.session_mode).to_owned(), |o, given| {
        let modes = [SessionMode::Request, SessionMode::Application];
        Ok(o.session_mode(given.one_of(modes, session_mode, "request or application")?))
    };
    default_integrations: |o| o.default_integrations.to_string(),
        |o, given| Ok(o.default_integrations(given.switch()?));
    console: |o| o.console.to_string(),
        |o, given| Ok(if given.switch()? { o.console() } else { o });
    spool: |o| or_nothing(o.spool.as_ref().map(|spool| spool.directory().display())),
        |o, given| Ok(o.spool(SpoolOptions::new(given.text()?)));
    transport_queue_size: |o| o.transport_queue_size.to_string(),
        |o, given| Ok(o.transport_queue_size(given.count()?));
    transport_queue_bytes: |o| o.transport_queue_bytes.to_string(),
        |o, given| Ok(o.transport_queue_bytes(given.count()?));
    max_in_flight: |o| o.max_in_flight.to_string(), |o, given| Ok(o.max_in_flight(given.count()?));
    enable_backpressure_handling: |o| o.enable_backpressure_handling.to_string(),
        |o, given| Ok(o.enable_backpressure_handling(given.switch()?));
    lower_worker_priority: |o| o.lower_worker_priority.to_string(),
        |o, given| Ok(o.lower_worker_priority(given.switch()?));
    compression: |o| algorithm(o.network.compression).to_owned(), |o, given| {
        use CompressionAlgo::{Brotli, Gzip, None, Zstd};
        Ok(o.compression(given.one_of([None, Gzip, Brotli, Zstd], algorithm, "none, gzip, brotli or zstd")?))
    };
    http_proxy: |o| o.network.shown("http_proxy"), |o, given| Ok(o.http_proxy(given.text()?));
    https_proxy: |o| o.network.shown("https_proxy"), |o, given| Ok(o.https_proxy(given.text()?));
    no_proxy: |o| o.network.shown("no_proxy"), |o, given| Ok(o.no_proxy(given.texts()?.join(",")));
    ca_certs: |o| o.network.shown("ca_certs"), |o, given| Ok(o.ca_certs(given.text()?));
    client_cert: |o| o.network.shown("client_cert"), |o, given| {
        let [certificate, key] = given.two("a list of two files: a certificate and its key")?;
        Ok(o.client_cert(certificate, key))
    };
    shutdown_timeout: |o| seconds(o.shutdown_timeout), |o, given| Ok(o.shutdown_timeout(given.seconds()?));
    spotlight: |o| o.spotlight.to_string(), |o, given| Ok(o.spotlight(given.text_or_switch()?));
};

fn or_nothing(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn list(values: &[impl Debug]) -> String {
    if values.is_empty() { String::new() } else { format!("{values:?}") }
}

fn session_mode(mode: SessionMode) -> &'static str {
    match mode {
        SessionMode::Request => "request",
        SessionMode::Application => "application",
    }
}

fn lifecycle(lifecycle: ProfileLifecycle) -> &'static str {
    match lifecycle {
        ProfileLifecycle::Manual => "manual",
        ProfileLifecycle::Trace => "trace",
    }
}

fn algorithm(algo: CompressionAlgo) -> &'static str {
    match algo {
        CompressionAlgo::None => "none",
        CompressionAlgo::Gzip => "gzip",
        CompressionAlgo::Brotli => "brotli",
        CompressionAlgo::Zstd => "zstd",
    }
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}
