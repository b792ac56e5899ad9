//! How a client behaves: [`Options`], what the program sets.

mod delivery;
mod errors;
mod facade;
mod feedback;
mod identity;
mod network;
mod origins;
mod parts;
mod privacy;
mod profiles;
mod sessions;
pub(crate) mod spotlight;
mod telemetry;
mod traces;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use watchpost_protocol::{Breadcrumb, Dsn, Event, Log, Metric, Transaction};

use crate::body_size::MaxRequestBodySize;
use crate::clock::{Clock, SystemClock};
use crate::error::InitError;
use crate::errors::ErrorHooks;
use crate::filters::SpanRule;
use crate::integration::{Integration, StackSource};
use crate::pattern::Pattern;
use crate::profiling::{Plug, Wanted};
use crate::rng::{Rng, ThreadRng};
use crate::sampling::{SampleRate, TracesSampler};
use crate::scope::EventProcessor;
use crate::scrub::EventScrubber;
use crate::session::SessionMode;
use crate::spool::{Spool, SpoolOptions};
use crate::tap::Tap;
use crate::transport::Transport;

pub(crate) use self::network::without_password;
pub use self::network::{CompressionAlgo, Network};
pub(crate) use self::origins::Origin;
pub use self::origins::Source;
pub use self::spotlight::Spotlight;

/// The default of [`Options::max_value_length`], in bytes.
pub const DEFAULT_MAX_VALUE_LENGTH: usize = 100_000;
/// The default of [`Options::context_lines`].
pub const DEFAULT_CONTEXT_LINES: usize = 5;
/// The default of [`Options::max_depth`].
pub const DEFAULT_MAX_DEPTH: usize = 5;
/// The default of [`Options::max_breadth`].
pub const DEFAULT_MAX_BREADTH: usize = 10;
/// The default of [`Options::max_event_size`], in bytes: what the server takes, with some room.
pub const DEFAULT_MAX_EVENT_SIZE: usize = 1_000_000;
/// The default of [`Options::max_attachment_size`], in bytes.
pub const DEFAULT_MAX_ATTACHMENT_SIZE: usize = 20 * 1024 * 1024;
/// The default of [`Options::max_breadcrumbs`].
pub const DEFAULT_MAX_BREADCRUMBS: usize = 100;
/// The default of [`Options::transport_queue_size`].
pub const DEFAULT_QUEUE_SIZE: usize = 16_384;
/// The default of [`Options::transport_queue_bytes`].
pub const DEFAULT_QUEUE_BYTES: usize = 55_000_000;
/// The default of [`Options::max_in_flight`].
pub const DEFAULT_MAX_IN_FLIGHT: usize = 8;
/// The default of [`Options::shutdown_timeout`].
pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) type BeforeSend = Arc<dyn Fn(Event) -> Option<Event> + Send + Sync>;
pub(crate) type BeforeSendTransaction = Arc<dyn Fn(Transaction) -> Option<Transaction> + Send + Sync>;
pub(crate) type ErrorSampler = Arc<dyn Fn(&Event) -> f64 + Send + Sync>;
pub(crate) type BeforeBreadcrumb = Arc<dyn Fn(Breadcrumb) -> Option<Breadcrumb> + Send + Sync>;
pub(crate) type BeforeSendLog = Arc<dyn Fn(Log) -> Option<Log> + Send + Sync>;
pub(crate) type BeforeSendMetric = Arc<dyn Fn(Metric) -> Option<Metric> + Send + Sync>;

/// How a client behaves. Everything has a default; what is not set in code is taken from the environment when the client is made.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::Options;
///
/// let options = Options::new()
///     .dsn("https://k1@o77.ingest.sentry.io/5")?
///     .release("shop@1.4.0")?
///     .traces_sample_rate(0.2)?;
/// # Ok::<(), watchpost_core::InitError>(())
/// ```
///
/// A setter that can be given something wrong returns a `Result`; none panics.
#[derive(Clone)]
#[must_use]
pub struct Options {
    pub(crate) dsn: Setting<Option<Dsn>>,
    pub(crate) environment: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) dist: Option<String>,
    pub(crate) server_name: Option<String>,
    pub(crate) debug: Option<bool>,
    pub(crate) sample_rate: Option<SampleRate>,
    pub(crate) traces_sample_rate: Option<SampleRate>,
    pub(crate) traces_sampler: Option<TracesSampler>,
    pub(crate) org_id: Option<String>,
    pub(crate) strict_trace_continuation: bool,
    pub(crate) propagate_traceparent: bool,
    /// `None`: every URL.
    pub(crate) trace_propagation_targets: Option<Vec<Pattern>>,
    pub(crate) ignore_transactions: Vec<Pattern>,
    pub(crate) ignore_spans: Vec<SpanRule>,
    pub(crate) trace_ignore_status_codes: BTreeSet<u16>,
    pub(crate) max_breadcrumbs: usize,
    pub(crate) max_value_length: Option<usize>,
    pub(crate) max_depth: usize,
    pub(crate) max_breadth: usize,
    pub(crate) max_event_size: usize,
    pub(crate) max_attachment_size: usize,
    pub(crate) attach_stacktrace: bool,
    pub(crate) include_local_variables: bool,
    pub(crate) default_ignores: bool,
    pub(crate) error_hooks: ErrorHooks,
    pub(crate) error_sampler: Option<ErrorSampler>,
    pub(crate) event_processors: Vec<EventProcessor>,
    pub(crate) send_default_pii: bool,
    pub(crate) max_request_body_size: MaxRequestBodySize,
    pub(crate) event_scrubber: Option<EventScrubber>,
    pub(crate) send_client_reports: bool,
    pub(crate) context_lines: usize,
    pub(crate) profiles: Wanted,
    pub(crate) profiler: Option<Plug>,
    pub(crate) auto_session_tracking: bool,
    pub(crate) session_mode: SessionMode,
    pub(crate) in_app_include: Vec<String>,
    pub(crate) in_app_exclude: Vec<String>,
    pub(crate) before_send: Option<BeforeSend>,
    pub(crate) before_send_transaction: Option<BeforeSendTransaction>,
    pub(crate) before_send_feedback: Option<BeforeSend>,
    pub(crate) before_breadcrumb: Option<BeforeBreadcrumb>,
    pub(crate) enable_logs: bool,
    pub(crate) before_send_log: Option<BeforeSendLog>,
    pub(crate) enable_metrics: bool,
    pub(crate) before_send_metric: Option<BeforeSendMetric>,
    pub(crate) default_integrations: bool,
    pub(crate) integrations: Vec<Arc<dyn Integration>>,
    pub(crate) stack_source: Option<Arc<dyn StackSource>>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) network: Network,
    pub(crate) spool: Option<SpoolOptions>,
    pub(crate) spool_store: Option<Arc<dyn Spool>>,
    pub(crate) console: bool,
    pub(crate) transport_queue_size: usize,
    pub(crate) transport_queue_bytes: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) enable_backpressure_handling: bool,
    pub(crate) lower_worker_priority: bool,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) spotlight: Spotlight,
    /// `SENTRY_SPOTLIGHT` says something else.
    pub(crate) spotlight_overruled: bool,
    pub(crate) tap: Option<Arc<dyn Tap>>,
    pub(crate) use_environment: bool,
    /// Where values come from that were not set in code.
    pub(crate) origins: Vec<Origin>,
    /// `SENTRY_TRACE` and `SENTRY_BAGGAGE`: the trace of the program that started this one.
    pub(crate) environment_trace: Option<(String, Option<String>)>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
}

/// A value that may have been set to "nothing" on purpose, which is not the same as not set.
#[derive(Clone)]
pub(crate) enum Setting<T> {
    Unset,
    Set(T),
}

impl Default for Options {
    fn default() -> Self {
        Options {
            dsn: Setting::Unset,
            environment: None,
            release: None,
            dist: None,
            server_name: None,
            debug: None,
            sample_rate: None,
            traces_sample_rate: None,
            traces_sampler: None,
            org_id: None,
            strict_trace_continuation: false,
            propagate_traceparent: false,
            trace_propagation_targets: None,
            ignore_transactions: Vec::new(),
            ignore_spans: Vec::new(),
            trace_ignore_status_codes: BTreeSet::new(),
            max_breadcrumbs: DEFAULT_MAX_BREADCRUMBS,
            max_value_length: Some(DEFAULT_MAX_VALUE_LENGTH),
            max_depth: DEFAULT_MAX_DEPTH,
            max_breadth: DEFAULT_MAX_BREADTH,
            max_event_size: DEFAULT_MAX_EVENT_SIZE,
            max_attachment_size: DEFAULT_MAX_ATTACHMENT_SIZE,
            attach_stacktrace: false,
            include_local_variables: true,
            default_ignores: true,
            error_hooks: ErrorHooks::default(),
            error_sampler: None,
            event_processors: Vec::new(),
            send_default_pii: false,
            max_request_body_size: MaxRequestBodySize::default(),
            event_scrubber: Some(EventScrubber::default()),
            send_client_reports: true,
            context_lines: DEFAULT_CONTEXT_LINES,
            profiles: Wanted::default(),
            profiler: None,
            auto_session_tracking: true,
            session_mode: SessionMode::default(),
            in_app_include: Vec::new(),
            in_app_exclude: Vec::new(),
            before_send: None,
            before_send_transaction: None,
            before_send_feedback: None,
            before_breadcrumb: None,
            enable_logs: true,
            before_send_log: None,
            enable_metrics: true,
            before_send_metric: None,
            default_integrations: true,
            integrations: Vec::new(),
            stack_source: None,
            transport: None,
            network: Network::default(),
            spool: None,
            spool_store: None,
            console: false,
            transport_queue_size: DEFAULT_QUEUE_SIZE,
            transport_queue_bytes: DEFAULT_QUEUE_BYTES,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            enable_backpressure_handling: true,
            lower_worker_priority: true,
            shutdown_timeout: DEFAULT_SHUTDOWN_TIMEOUT,
            spotlight: Spotlight::default(),
            spotlight_overruled: false,
            tap: None,
            use_environment: true,
            origins: Vec::new(),
            environment_trace: None,
            clock: Arc::new(SystemClock),
            rng: Arc::new(ThreadRng),
        }
    }
}

impl Options {
    /// Options with every default.
    pub fn new() -> Self {
        Options::default()
    }
}

/// A DSN, or the empty string that switches reporting off.
#[derive(Debug, Clone, PartialEq)]
pub struct MaybeDsn(pub(crate) Option<Dsn>);

impl From<Dsn> for MaybeDsn {
    fn from(dsn: Dsn) -> Self {
        MaybeDsn(Some(dsn))
    }
}

impl From<Option<Dsn>> for MaybeDsn {
    fn from(dsn: Option<Dsn>) -> Self {
        MaybeDsn(dsn)
    }
}

impl TryFrom<&str> for MaybeDsn {
    type Error = InitError;

    fn try_from(dsn: &str) -> Result<Self, InitError> {
        if dsn.trim().is_empty() { Ok(MaybeDsn(None)) } else { Ok(MaybeDsn(Some(dsn.parse()?))) }
    }
}

impl TryFrom<String> for MaybeDsn {
    type Error = InitError;

    fn try_from(dsn: String) -> Result<Self, InitError> {
        MaybeDsn::try_from(dsn.as_str())
    }
}

/// Options with only a DSN, so that `init("https://…")` works.
impl TryFrom<&str> for Options {
    type Error = InitError;

    fn try_from(dsn: &str) -> Result<Self, InitError> {
        Options::new().dsn(dsn)
    }
}

impl TryFrom<Dsn> for Options {
    type Error = InitError;

    fn try_from(dsn: Dsn) -> Result<Self, InitError> {
        Options::new().dsn(dsn)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dsn = match &self.dsn {
            Setting::Unset => None,
            Setting::Set(dsn) => Some(dsn),
        };
        f.debug_struct("Options")
            .field("dsn", &dsn)
            .field("environment", &self.environment)
            .field("release", &self.release)
            .field("server_name", &self.server_name)
            .field("debug", &self.debug)
            .field("sample_rate", &self.sample_rate)
            .field("traces_sample_rate", &self.traces_sample_rate)
            .field("max_breadcrumbs", &self.max_breadcrumbs)
            .field("send_default_pii", &self.send_default_pii)
            .field("transport_queue_size", &self.transport_queue_size)
            .field("transport_queue_bytes", &self.transport_queue_bytes)
            .field("max_in_flight", &self.max_in_flight)
            .field("spool", &self.spool)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}
