//! Pages that explain more than one item.
//!
//! They are also read as files, where a link leads to docs.rs. Here it leads to the item: of two definitions, the first holds.

/// [Config]: crate::Config
/// [guide::delivery]: crate::guide::delivery
/// [Options]: crate::Options
/// [Options::effective]: crate::Options::effective
/// [Options::use_environment]: crate::Options::use_environment
///
#[doc = include_str!("../docs/config.md")]
pub mod config {}

#[doc = include_str!("../docs/cost.md")]
pub mod cost {}

/// [Monitor::job]: crate::Monitor::job
///
#[doc = include_str!("../docs/crons.md")]
pub mod crons {}

/// [Client::losses]: crate::Client::losses
/// [close]: crate::close
/// [flush]: crate::flush
/// [flush_async]: crate::flush_async
/// [guide::tasks]: crate::guide::tasks
/// [init]: crate::init()
/// [Options::spool]: crate::Options::spool
/// [report_main]: crate::report_main
/// [SpanBuilder::run]: crate::SpanBuilder::run
///
#[doc = include_str!("../docs/delivery.md")]
pub mod delivery {}

/// [Attachment]: crate::Attachment
/// [capture]: crate::capture
/// [Capture::message]: crate::Capture::message
/// [capture_error]: crate::capture_error
/// [capture_group]: crate::capture_group
/// [capture_message]: crate::capture_message()
/// [CaptureErr]: crate::CaptureErr
/// [CaptureErrors]: crate::CaptureErrors
/// [EventScrubber]: crate::EventScrubber
/// [Integration]: crate::Integration
/// [Options::before_send]: crate::Options::before_send
/// [Options::default_ignores]: crate::Options::default_ignores
/// [Options::error_sampler]: crate::Options::error_sampler
/// [Options::event_processor]: crate::Options::event_processor
/// [Options::ignore_error]: crate::Options::ignore_error
/// [Options::on_error]: crate::Options::on_error
/// [report_main]: crate::report_main
///
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

/// [capture]: crate::capture
/// [capture_message_at]: crate::capture_message_at
/// [client]: crate::client()
/// [close]: crate::close
/// [continue_trace]: crate::continue_trace
/// [current_span]: crate::current_span
/// [end_session_with]: crate::end_session_with
/// [Event]: crate::Event
/// [flush]: crate::flush
/// [FutureExt::isolated]: crate::FutureExt::isolated
/// [FutureExt::with_current_scopes]: crate::FutureExt::with_current_scopes
/// [global_scope]: crate::global_scope
/// [Guard]: crate::Guard
/// [guide::cost]: crate::guide::cost
/// [guide::errors]: crate::guide::errors
/// [guide::logs]: crate::guide::logs
/// [guide::tasks]: crate::guide::tasks
/// [guide::testing]: crate::guide::testing
/// [is_initialized]: crate::is_initialized
/// [isolation_scope]: crate::isolation_scope
/// [log::LogBridge]: crate::log::LogBridge
/// [new_client]: crate::new_client
/// [new_scope]: crate::new_scope
/// [Options::ca_certs]: crate::Options::ca_certs
/// [Options::debug]: crate::Options::debug
/// [Options::error_sampler]: crate::Options::error_sampler
/// [Options::event_scrubber]: crate::Options::event_scrubber
/// [Options::integration]: crate::Options::integration
/// [Options::propagate_traceparent]: crate::Options::propagate_traceparent
/// [Options::traces_sampler]: crate::Options::traces_sampler
/// [Options::transport]: crate::Options::transport
/// [Options::transport_queue_size]: crate::Options::transport_queue_size
/// [release_name]: crate::release_name
/// [Scopes::of_client]: crate::Scopes::of_client
/// [Scopes::wrap]: crate::Scopes::wrap
/// [set_context]: crate::set_context
/// [set_tag]: crate::set_tag
/// [set_transaction_name]: crate::set_transaction_name
/// [Span::set_attribute]: crate::Span::set_attribute
/// [start_session]: crate::start_session
/// [start_span]: crate::start_span
/// [start_transaction]: crate::start_transaction
/// [tower::request_layer]: crate::tower::request_layer
/// [trace_headers_for]: crate::trace_headers_for
/// [tracing::layer]: crate::tracing::layer
/// [Transport]: crate::Transport
/// [with_isolation_scope]: crate::with_isolation_scope
/// [with_scope]: crate::with_scope
/// [Span::finish_at]: crate::Span::finish_at
/// [tracing::CaptureLayer::event_mapper]: crate::tracing::CaptureLayer::event_mapper
/// [Options::event_processor]: crate::Options::event_processor
/// [Client::has_integration]: crate::Client::has_integration
///
#[doc = include_str!("../docs/from_sentry.md")]
pub mod from_sentry {}

/// [ai_track]: crate::ai_track
/// [ai_track_future]: crate::ai_track_future
/// [capture_error]: crate::capture_error()
/// [gen_ai::agent]: crate::gen_ai::agent
/// [gen_ai::chat]: crate::gen_ai::chat
/// [gen_ai::embeddings]: crate::gen_ai::embeddings
/// [gen_ai::handoff]: crate::gen_ai::handoff
/// [gen_ai::set_pipeline_name]: crate::gen_ai::set_pipeline_name
/// [gen_ai::tool]: crate::gen_ai::tool
/// [Options::send_default_pii]: crate::Options::send_default_pii
/// [tracing::layer]: crate::tracing::layer
///
#[doc = include_str!("../docs/gen_ai.md")]
pub mod gen_ai {}

/// [Options::console]: crate::Options::console
/// [Options::debug]: crate::Options::debug
/// [Options::spotlight]: crate::Options::spotlight
///
#[doc = include_str!("../docs/local.md")]
pub mod local {}

#[doc = include_str!("../docs/logs.md")]
pub mod logs {}

/// [guide::logs]: crate::guide::logs
///
#[doc = include_str!("../docs/metrics.md")]
pub mod metrics {}

/// [guide::config]: crate::guide::config
/// [guide::errors]: crate::guide::errors
/// [guide::troubleshooting]: crate::guide::troubleshooting
/// [Options::profile_session_sample_rate]: crate::Options::profile_session_sample_rate
/// [Options::profiles_sample_rate]: crate::Options::profiles_sample_rate
/// [profiler::Profile::new]: crate::profiler::Profile::new
/// [profiler::ProfilerBackend::Signal]: crate::profiler::ProfilerBackend::Signal
/// [profiler::start]: crate::profiler::start
/// [profiler::stop]: crate::profiler::stop
///
#[doc = include_str!("../docs/profiling.md")]
pub mod profiling {}

/// [continue_trace]: crate::continue_trace
/// [FutureExt::in_new_scope]: crate::FutureExt::in_new_scope
/// [FutureExt::in_span]: crate::FutureExt::in_span
/// [FutureExt::isolated]: crate::FutureExt::isolated
/// [FutureExt::with_current_scopes]: crate::FutureExt::with_current_scopes
/// [trace_headers]: crate::trace_headers
/// [with_isolation_scope]: crate::with_isolation_scope
/// [with_scope]: crate::with_scope
/// [set_user]: crate::set_user
/// [set_tag]: crate::set_tag
/// [global_scope]: crate::global_scope
///
#[doc = include_str!("../docs/tasks.md")]
pub mod tasks {}

/// [guide::tasks]: crate::guide::tasks
/// [init]: crate::init()
/// [new_client]: crate::new_client
///
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

/// [guide::tasks]: crate::guide::tasks
/// [Options::debug]: crate::Options::debug
/// [Options::effective]: crate::Options::effective
/// [FutureExt::isolated]: crate::FutureExt::isolated
///
#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}

/// [OpenFeatureHook]: crate::OpenFeatureHook
/// [Options::before_send_feedback]: crate::Options::before_send_feedback
///
#[doc = include_str!("../docs/users.md")]
pub mod users {}
