// The pages of the guide, which the README names as files: of two definitions, the first holds.
//! [config]: guide::config
//! [cost]: guide::cost
//! [crons]: guide::crons
//! [delivery]: guide::delivery
//! [errors]: guide::errors
//! [from_sentry]: guide::from_sentry
//! [gen_ai]: guide::gen_ai
//! [local]: guide::local
//! [logs]: guide::logs
//! [metrics]: guide::metrics
//! [profiling]: guide::profiling
//! [tasks]: guide::tasks
//! [testing]: guide::testing
//! [troubleshooting]: guide::troubleshooting
//! [users]: guide::users
//!
#![doc = include_str!("../README.md")]

pub mod guide;
mod init;
pub mod logger;
mod macros;
#[cfg(feature = "open-feature")]
mod open_feature;
#[cfg(feature = "profiling")]
pub mod profiler;

/// The bridge from the `log` crate.
#[cfg(feature = "log")]
pub use watchpost_log as log;
/// What is read from the running process: panics, stacks, the machine.
#[cfg(feature = "process")]
pub use watchpost_process as process;
/// The ingest protocol as plain data.
pub use watchpost_protocol as protocol;
/// The layers for tower: of requests that come in, of jobs, and of requests that go out.
#[cfg(feature = "tower")]
pub use watchpost_tower as tower;
#[cfg(feature = "reqwest")]
#[doc(inline)]
pub use watchpost_tower::reqwest;
#[cfg(feature = "ureq")]
#[doc(inline)]
pub use watchpost_tower::ureq;
/// The layer for a tracing registry.
#[cfg(feature = "tracing")]
pub use watchpost_tracing as tracing;
/// How envelopes are sent: over HTTP, or drawn in the terminal.
#[cfg(any(feature = "http", feature = "console", feature = "spool"))]
pub use watchpost_transport as transport;

pub use init::{init, new_client};
#[cfg(feature = "open-feature")]
pub use open_feature::OpenFeatureHook;

#[allow(deprecated, reason = "the names that people come with stay, and say where to go")]
#[doc(inline)]
pub use watchpost_core::api::{
    Capture, CaptureErr, CaptureErrors, add_attachment, add_breadcrumb, add_feature_flag, baggage, capture,
    capture_error, capture_event, capture_exception, capture_feedback, capture_group, capture_message,
    capture_message_at, client, close, configure_scope, continue_trace, current_scope, current_span,
    end_session, end_session_with, flush, flush_async, flush_with, global_scope, is_initialized,
    isolation_scope, last_event_id, new_scope, push_scope, remove_attribute, report_main, set_attribute,
    set_attributes, set_context, set_extra, set_measurement, set_tag, set_tags, set_transaction_name,
    set_user, start_session, start_span, start_transaction, trace_environment, trace_headers,
    trace_headers_for, traceparent, update_current_span, with_isolation_scope, with_scope,
};
/// What a program does with models: agents, tools, calls, and what they cost.
#[doc(inline)]
pub use watchpost_core::gen_ai;
#[doc(inline)]
pub use watchpost_core::gen_ai::{ai_track, ai_track_future};
/// Counters, gauges and distributions.
#[doc(inline)]
pub use watchpost_core::metrics;
#[doc(inline)]
pub use watchpost_core::monitor::{CheckInBuilder, Monitor, MonitorRun, Outcome, monitor};
/// What must not leave the process, and the functions that instrumentation takes it out with.
#[doc(inline)]
pub use watchpost_core::scrub;
/// Where what cannot be sent is kept, for a store of the program's own.
#[doc(inline)]
pub use watchpost_core::spool;
/// A copy of everything, for a receiver of the program's own.
#[doc(inline)]
pub use watchpost_core::tap;
#[doc(inline)]
pub use watchpost_core::{
    AsError, Attachment, Client, Clock, CompressionAlgo, Config, DEFAULT_CONTEXT_LINES,
    DEFAULT_MAX_ATTACHMENT_SIZE, DEFAULT_MAX_BREADCRUMBS, DEFAULT_MAX_BREADTH, DEFAULT_MAX_DEPTH,
    DEFAULT_MAX_EVENT_SIZE, DEFAULT_MAX_VALUE_LENGTH, DEFAULT_QUEUE_SIZE, DEFAULT_SHUTDOWN_TIMEOUT, Decision,
    Delivery, Effective, EffectiveOption, EnteredSpan, EventScrubber, FieldValue, Fields, FutureExt, Guard,
    InitError, Integration, MaxRequestBodySize, Options, Pattern, ProfileLifecycle, RawStack, Rng,
    SampleRate, SamplingContext, Scope, Scopes, Sensitive, SessionMode, Source, Span, SpanBuilder, SpanRule,
    SpoolOptions, Spotlight, StackSource, Transport, sensitive,
};
#[cfg(feature = "macros")]
#[doc(inline)]
pub use watchpost_macros::monitor;
#[doc(inline)]
pub use watchpost_protocol::{
    Breadcrumb, CheckInId, CheckInStatus, Crontab, Dsn, Envelope, Event, EventId, FINGERPRINT_DEFAULT,
    Feedback, IntervalUnit, IpAddress, Level, Log, LogLevel, Metric, MonitorSlug, Schedule, SessionStatus,
    SpanStatus, Transaction, TransactionSource, User,
};

#[doc(hidden)]
pub use macros::__private;

/// The version of this crate; part of everything that is sent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What most programs need: `use watchpost::prelude::*`.
///
/// Everything is at the root of the crate too, under the names that people know:
///
/// ```
/// use watchpost::{capture_exception, capture_message, init, start_transaction};
///
/// let _guard = init("")?; // an empty DSN: everything works, and nothing is sent
/// let _work = start_transaction("work").enter();
/// capture_message("hello");
/// capture_exception(&std::fmt::Error);
/// # Ok::<(), watchpost::InitError>(())
/// ```
pub mod prelude {
    pub use crate::protocol::{Breadcrumb, Level, User};
    pub use crate::{
        CaptureErr, CaptureErrors, FutureExt, Options, add_breadcrumb, capture_error, capture_exception,
        capture_message, init, set_context, set_tag, set_user, start_span, start_transaction,
    };
}
