//! How a client behaves: [`Options`], what the program sets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use watchpost_protocol::{Breadcrumb, Dsn, Event, Transaction};

use crate::body_size::MaxRequestBodySize;
use crate::clock::{Clock, SystemClock};
use crate::error::InitError;
use crate::integration::{Integration, StackSource};
use crate::rng::{Rng, ThreadRng};
use crate::sampling::{Decision, SampleRate, SamplingContext, TracesSampler};
use crate::scrub::EventScrubber;
use crate::transport::Transport;

/// The default of [`Options::max_value_length`], in bytes (features V08).
pub const DEFAULT_MAX_VALUE_LENGTH: usize = 100_000;
/// The default of [`Options::max_breadcrumbs`] (features V09).
pub const DEFAULT_MAX_BREADCRUMBS: usize = 100;
/// The default of [`Options::transport_queue_size`] (features V10).
pub const DEFAULT_QUEUE_SIZE: usize = 100;
/// The default of [`Options::shutdown_timeout`].
pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) type BeforeSend = Arc<dyn Fn(Event) -> Option<Event> + Send + Sync>;
pub(crate) type BeforeSendTransaction = Arc<dyn Fn(Transaction) -> Option<Transaction> + Send + Sync>;
pub(crate) type BeforeBreadcrumb = Arc<dyn Fn(Breadcrumb) -> Option<Breadcrumb> + Send + Sync>;

/// How a client behaves. Everything has a default; what is not set in code is taken from the environment when the client is made.
///
/// ```
/// use watchpost_core::Options;
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
    pub(crate) max_breadcrumbs: usize,
    pub(crate) max_value_length: Option<usize>,
    pub(crate) attach_stacktrace: bool,
    pub(crate) send_default_pii: bool,
    pub(crate) max_request_body_size: MaxRequestBodySize,
    pub(crate) event_scrubber: Option<EventScrubber>,
    pub(crate) send_client_reports: bool,
    pub(crate) in_app_include: Vec<String>,
    pub(crate) in_app_exclude: Vec<String>,
    pub(crate) before_send: Option<BeforeSend>,
    pub(crate) before_send_transaction: Option<BeforeSendTransaction>,
    pub(crate) before_breadcrumb: Option<BeforeBreadcrumb>,
    pub(crate) default_integrations: bool,
    pub(crate) integrations: Vec<Arc<dyn Integration>>,
    pub(crate) stack_source: Option<Arc<dyn StackSource>>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) console: bool,
    pub(crate) transport_queue_size: usize,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) use_environment: bool,
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
            max_breadcrumbs: DEFAULT_MAX_BREADCRUMBS,
            max_value_length: Some(DEFAULT_MAX_VALUE_LENGTH),
            attach_stacktrace: false,
            send_default_pii: false,
            max_request_body_size: MaxRequestBodySize::default(),
            event_scrubber: Some(EventScrubber::default()),
            send_client_reports: true,
            in_app_include: Vec::new(),
            in_app_exclude: Vec::new(),
            before_send: None,
            before_send_transaction: None,
            before_breadcrumb: None,
            default_integrations: true,
            integrations: Vec::new(),
            stack_source: None,
            transport: None,
            console: false,
            transport_queue_size: DEFAULT_QUEUE_SIZE,
            shutdown_timeout: DEFAULT_SHUTDOWN_TIMEOUT,
            use_environment: true,
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

    /// Where to report to. An empty string switches reporting off (§1.1), whatever `SENTRY_DSN` says. Default: `SENTRY_DSN`, else off.
    ///
    /// # Errors
    /// [`InitError::Dsn`], which says what part of the DSN is wrong.
    pub fn dsn<D>(mut self, dsn: D) -> Result<Self, InitError>
    where
        D: TryInto<MaybeDsn, Error: Into<InitError>>,
    {
        self.dsn = Setting::Set(dsn.try_into().map_err(Into::into)?.0);
        Ok(self)
    }

    /// The environment, as `staging`. Default: `SENTRY_ENVIRONMENT`, else `production` (in debug builds too).
    ///
    /// # Errors
    /// [`InitError::Environment`] for a name that the server would refuse (`protocol.md` §5.3).
    pub fn environment(mut self, environment: impl Into<String>) -> Result<Self, InitError> {
        self.environment = crate::valid::environment(environment.into())?;
        Ok(self)
    }

    /// The release, best as `package@version`; the facade's `release_name!()` makes that of your crate's. Default: `SENTRY_RELEASE`, else the
    /// commit that the build platform names in the environment, else none.
    ///
    /// # Errors
    /// [`InitError::Release`] for a name that the server would refuse (`protocol.md` §5.3).
    pub fn release(mut self, release: impl Into<String>) -> Result<Self, InitError> {
        self.release = crate::valid::release(release.into())?;
        Ok(self)
    }

    /// The distribution: a build of the release. Default: none.
    pub fn dist(mut self, dist: impl Into<String>) -> Self {
        self.dist = Some(dist.into());
        self
    }

    /// The name of the machine. Default: its host name.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Whether Watchpost says on stderr what it drops and why. Default: `SENTRY_DEBUG`, else false.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = Some(debug);
        self
    }

    /// The share of error events that is kept; transactions are not concerned. Default: `SENTRY_SAMPLE_RATE`, else 1.0.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.sample_rate = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// The share of traces that is kept, where neither a sampler nor the caller of this program decides. Not set means that tracing is
    /// off, which is not the same as 0.0 (`protocol.md` §8.6). Default: `SENTRY_TRACES_SAMPLE_RATE`, else not set.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn traces_sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.traces_sample_rate = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// Decides about each trace that begins here, before the parent's decision and `traces_sample_rate`. Runs on the thread that starts
    /// the root span. One that panics leaves the decision to those two. Default: none.
    pub fn traces_sampler(
        mut self,
        sampler: impl Fn(&SamplingContext<'_>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        self.traces_sampler = Some(Arc::new(sampler));
        self
    }

    /// The id of the organization, for the check of incoming traces (§8.9). Default: the one in the DSN's host.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = Some(org_id.into());
        self
    }

    /// Whether only traces of the own organization are continued (§8.9). Default: false.
    pub fn strict_trace_continuation(mut self, strict: bool) -> Self {
        self.strict_trace_continuation = strict;
        self
    }

    /// Whether outgoing headers have a W3C `traceparent` too (§8.10). Default: false.
    pub fn propagate_traceparent(mut self, propagate: bool) -> Self {
        self.propagate_traceparent = propagate;
        self
    }

    /// How many breadcrumbs a scope keeps; 0 switches them off. Default: 100.
    pub fn max_breadcrumbs(mut self, count: usize) -> Self {
        self.max_breadcrumbs = count;
        self
    }

    /// How many bytes of a message or an exception's value are sent; `None`: all. Default: 100 000.
    pub fn max_value_length(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.max_value_length = bytes.into();
        self
    }

    /// Whether messages and events without an error carry the stack of the caller too; errors always do. Default: false.
    pub fn attach_stacktrace(mut self, attach: bool) -> Self {
        self.attach_stacktrace = attach;
        self
    }

    /// Whether what tells who somebody is may be collected by integrations and sent: addresses and cookies (`protocol.md` §16.1). Secrets are
    /// another matter, see [`event_scrubber`](Self::event_scrubber). Default: false.
    pub fn send_default_pii(mut self, send: bool) -> Self {
        self.send_default_pii = send;
        self
    }

    /// How large the body of a request may be to be reported. Bodies are data about persons: without
    /// [`send_default_pii`](Self::send_default_pii) there is none, whatever its size. Default: [`MaxRequestBodySize::Medium`].
    pub fn max_request_body_size(mut self, size: MaxRequestBodySize) -> Self {
        self.max_request_body_size = size;
        self
    }

    /// What takes secrets out of everything before a hook sees it and before it is sent (features I23); `None`: nothing does, and only what
    /// integrations collect is filtered. Default: [`EventScrubber::default()`].
    pub fn event_scrubber(mut self, scrubber: impl Into<Option<EventScrubber>>) -> Self {
        self.event_scrubber = scrubber.into();
        self
    }

    /// Whether the server is told what was dropped and why. Default: true.
    pub fn send_client_reports(mut self, send: bool) -> Self {
        self.send_client_reports = send;
        self
    }

    /// Crates or modules whose frames are the program's own, besides those found by themselves. Default: none.
    pub fn in_app_include<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.in_app_include = modules.into_iter().map(Into::into).collect();
        self
    }

    /// Crates or modules whose frames are not the program's own. Default: none.
    pub fn in_app_exclude<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.in_app_exclude = modules.into_iter().map(Into::into).collect();
        self
    }

    /// Sees every error event last, on the worker: finished, scrubbed and symbolicated. `None` drops it, and so does a panic; both are
    /// counted as `before_send`. Default: none.
    pub fn before_send(mut self, hook: impl Fn(Event) -> Option<Event> + Send + Sync + 'static) -> Self {
        self.before_send = Some(Arc::new(hook));
        self
    }

    /// Sees every transaction last, on the worker; as [`before_send`](Self::before_send). Default: none.
    pub fn before_send_transaction(
        mut self,
        hook: impl Fn(Transaction) -> Option<Transaction> + Send + Sync + 'static,
    ) -> Self {
        self.before_send_transaction = Some(Arc::new(hook));
        self
    }

    /// Sees every breadcrumb when it is added, on the thread that adds it and under no lock. `None` drops it, and so does a panic.
    /// Default: none.
    pub fn before_breadcrumb(
        mut self,
        hook: impl Fn(Breadcrumb) -> Option<Breadcrumb> + Send + Sync + 'static,
    ) -> Self {
        self.before_breadcrumb = Some(Arc::new(hook));
        self
    }

    /// Whether the facade adds its own integrations: panics, stacks, contexts. Default: true.
    pub fn default_integrations(mut self, enabled: bool) -> Self {
        self.default_integrations = enabled;
        self
    }

    /// Adds an integration; it replaces an earlier one of the same identifier. Default: none.
    pub fn integration(mut self, integration: impl Integration) -> Self {
        self.integrations.push(Arc::new(integration));
        self
    }

    /// Where stacks come from. Default: with the facade's feature `process`, the running program.
    pub fn stack_source(mut self, source: impl StackSource) -> Self {
        self.stack_source = Some(Arc::new(source));
        self
    }

    /// What sends. Default: with the facade's feature `http`, HTTP to the DSN.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Draws what would be sent in the terminal when there is no DSN, instead of sending nothing. Default: no.
    pub fn console(mut self) -> Self {
        self.console = true;
        self
    }

    /// How many items may wait to be sent. What comes when so many wait is dropped and counted. At least 1. Default: 100.
    pub fn transport_queue_size(mut self, items: usize) -> Self {
        self.transport_queue_size = items.max(1);
        self
    }

    /// How long the guard waits, when it is dropped, for what is still to be sent. Default: 2 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Whether what is not set is taken from `SENTRY_*` variables when the client is made. Default: true.
    pub fn use_environment(mut self, read: bool) -> Self {
        self.use_environment = read;
        self
    }

    /// The clocks to read. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where ids and sampling decisions come from. Default: a generator per thread, seeded by the system.
    pub fn rng(mut self, rng: impl Rng) -> Self {
        self.rng = Arc::new(rng);
        self
    }
}

/// What the facade asks and adds. A program has no use for these.
#[doc(hidden)]
impl Options {
    pub fn fill_from_environment(self) -> Result<Self, InitError> {
        if !self.use_environment {
            return Ok(self);
        }
        let mut options = self.fill_from(&|name| std::env::var(name).ok())?;
        options.use_environment = false; // once is enough
        Ok(options)
    }

    #[must_use]
    pub fn configured_dsn(&self) -> Option<&Dsn> {
        match &self.dsn {
            Setting::Set(dsn) => dsn.as_ref(),
            Setting::Unset => None,
        }
    }

    #[must_use]
    pub fn configured_environment(&self) -> &str {
        self.environment.as_deref().unwrap_or("production")
    }

    #[must_use]
    pub fn configured_release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    #[must_use]
    pub fn configured_debug(&self) -> bool {
        self.debug.unwrap_or(false)
    }

    /// `SENTRY_TRACE` and `SENTRY_BAGGAGE`.
    #[must_use]
    pub fn configured_trace(&self) -> Option<(&str, Option<&str>)> {
        self.environment_trace.as_ref().map(|(trace, baggage)| (trace.as_str(), baggage.as_deref()))
    }

    #[must_use]
    pub fn has_transport(&self) -> bool {
        self.transport.is_some()
    }

    #[must_use]
    pub fn wants_console(&self) -> bool {
        self.console
    }

    #[must_use]
    pub fn has_default_integrations(&self) -> bool {
        self.default_integrations
    }

    #[must_use]
    pub fn in_app(&self) -> (&[String], &[String]) {
        (&self.in_app_include, &self.in_app_exclude)
    }

    pub fn default_server_name(mut self, name: impl FnOnce() -> Option<String>) -> Self {
        self.server_name = self.server_name.or_else(name);
        self
    }

    pub fn default_stack_source(mut self, source: impl StackSource) -> Self {
        self.stack_source.get_or_insert_with(|| Arc::new(source));
        self
    }

    /// Before those of the program, so that one of the same identifier replaces it.
    pub fn default_integration(mut self, integration: impl Integration) -> Self {
        self.integrations.insert(0, Arc::new(integration));
        self
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
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}
