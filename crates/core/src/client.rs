//! A client: options, a pipeline and an outbox. Several may live side by side; each reports to its own server.

mod active;
mod capture;
mod close;
mod guard;
mod profiles;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use watchpost_protocol::{Category, DiscardedEvent, Dsn, SessionAttributes};

use crate::config::Config;
use crate::error::InitError;
use crate::limits::Limits;
use crate::losses::Losses;
use crate::options::Options;
use crate::outbox::{Bounds, Health, Outbox, Pressure, Wire};
use crate::pipeline::{Batches, Job, Pipeline};
use crate::profiling::Profiling;
use crate::record::Spare;
use crate::session::{Ledger, Part, SessionMode};
use crate::{integration, rng};

pub use active::any_active;
pub(crate) use active::{all_send_pii, any_hooks};
pub(crate) use capture::{Build, once};
pub use guard::Guard;

/// A shared handle to a client; clones mean the same one.
///
/// When the last one is dropped without [`close`](Self::close), nobody waits: what is queued is still sent, as long as the process lives.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<Config>,
    losses: Arc<Losses>,
    limits: Arc<Limits>,
    health: Arc<Health>,
    /// `None`: there is no release to count sessions of.
    sessions: Option<Arc<Ledger>>,
    /// What waits for others of its kind.
    batches: Arc<Batches>,
    /// What traces were recorded in before.
    buffers: Arc<Spare>,
    /// `None`: there is nothing to profile with.
    profiling: Option<Arc<Profiling>>,
    /// `None`: nothing can be sent, because there is neither a DSN nor a transport.
    outbox: Option<Outbox<Pipeline>>,
    active: AtomicBool,
    /// Whether it is, or was, the process's own.
    bound: AtomicBool,
}

impl Client {
    /// A client of its own. It sends with the transport of the options; without one, and without a DSN, it is disabled: everything works and
    /// nothing is sent.
    ///
    /// The facade's `init` makes the transport for you, and makes the client the process's own.
    ///
    /// # Errors
    /// An [`InitError`] that names the option that cannot work, or [`InitError::NoTransport`] for a DSN with nothing to send by.
    pub fn new(options: Options) -> Result<Self, InitError> {
        let config = Config::resolve(options)?;
        crate::diag::set_enabled(config.options.debug.unwrap_or(false));
        if config.dsn.is_some() && config.options.transport.is_none() {
            return Err(InitError::NoTransport);
        }
        if config.options.spotlight_overruled {
            crate::debug!(
                "SENTRY_SPOTLIGHT is set, but the option `spotlight` says something else, which holds"
            );
        }
        if let (Some(_), Some(url)) = (&config.options.tap, config.options.spotlight.url()) {
            crate::debug!("spotlight: copies of everything go to {url}; not for production");
        }
        if config.options.console && config.dsn.is_some() {
            crate::debug!("console() draws what has no DSN to go to: everything is sent to the DSN instead");
        }
        let (losses, limits) = (Arc::new(Losses::default()), Arc::new(Limits::default()));
        let health = Arc::new(Health::new(config.options.enable_backpressure_handling));
        let sessions = sessions(&config, &losses);
        let (batches, buffers) = (Arc::new(Batches::new()), Arc::new(Spare::default()));
        let profiling = profiles::profiling(&config);
        let outbox = config.options.transport.clone().map(|transport| {
            let pipeline = Pipeline {
                config: Arc::clone(&config),
                losses: Arc::clone(&losses),
                sessions: sessions.clone(),
                batches: Arc::clone(&batches),
                callsites: Arc::default(),
                profiling: profiling.clone(),
            };
            let wire = Wire {
                transport,
                spool: config.options.spool_store.clone(),
                losses: Arc::clone(&losses),
                limits: Arc::clone(&limits),
                health: Arc::clone(&health),
                clock: Arc::clone(&config.options.clock),
                bounds: Bounds {
                    items: config.options.transport_queue_size,
                    bytes: config.options.transport_queue_bytes,
                },
                max_in_flight: config.options.max_in_flight,
                gives_way: config.options.lower_worker_priority,
                reports: config.options.send_client_reports,
                sdk: Arc::clone(&config.sdk),
            };
            Outbox::new(pipeline, wire)
        });
        if let (Some(sessions), Some(outbox)) = (&sessions, &outbox) {
            sessions.on_call(outbox.caller());
        }
        if let (Some(profiling), Some(outbox)) = (&profiling, &outbox) {
            profiling.on_call(outbox.caller());
        }
        let active = outbox.is_some();
        if active {
            active::enter(&config);
            for integration in &config.integrations {
                integration::set_up(&**integration);
            }
        } else {
            crate::debug!("no DSN and no transport: nothing will be sent");
        }
        Ok(Client {
            inner: Arc::new(Inner {
                config,
                losses,
                limits,
                health,
                sessions,
                batches,
                buffers,
                profiling,
                outbox,
                active: AtomicBool::new(active),
                bound: AtomicBool::new(false),
            }),
        })
    }

    /// Whether it can send: it has a way to, and was not closed.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.inner.active.load(Ordering::Relaxed)
    }

    /// The DSN it reports to.
    #[must_use]
    pub fn dsn(&self) -> Option<&Dsn> {
        self.inner.config.dsn.as_ref()
    }

    /// The options it was made of, with what the environment added.
    pub fn options(&self) -> &Options {
        &self.inner.config.options
    }

    /// The identifiers of its integrations, sorted.
    #[must_use]
    pub fn integrations(&self) -> Vec<String> {
        self.inner.config.sdk.integrations.iter().map(ToString::to_string).collect()
    }

    /// Whether it has an integration of this name: for hooks of the process, which belong to all clients.
    #[must_use]
    pub fn has_integration(&self, identifier: &str) -> bool {
        self.inner.config.sdk.integrations.iter().any(|known| known == identifier)
    }

    /// What was lost and not reported yet, as it is now: one line per reason and category, sorted. Asking takes nothing out of the next report.
    ///
    /// ```
    /// # let client = watchpost_core::Client::new(watchpost_core::Options::new().use_environment(false))?;
    /// for line in client.losses() {
    ///     eprintln!("{} {} lost: {}", line.quantity, line.category, line.reason);
    /// }
    /// # Ok::<(), watchpost_core::InitError>(())
    /// ```
    #[must_use]
    pub fn losses(&self) -> Vec<DiscardedEvent> {
        self.inner.losses.lines()
    }

    /// Where losses are counted.
    pub(crate) fn ledger(&self) -> &Losses {
        &self.inner.losses
    }

    /// Whether both handles mean the same client.
    #[must_use]
    pub fn is_same(&self, other: &Client) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Whether a category may be sent now; a refusal is the caller's to count.
    pub(crate) fn is_limited(&self, category: Category) -> bool {
        self.inner.limits.is_limited(category, || self.monotonic())
    }

    /// What becomes of a trace that begins now, because more may be captured than can be sent.
    pub(crate) fn pressure(&self) -> Pressure {
        self.inner.health.pressure(&self.inner.limits, || self.monotonic())
    }

    pub(crate) fn push(&self, job: Job) -> bool {
        self.is_active() && self.inner.outbox.as_ref().is_some_and(|outbox| outbox.push(job))
    }

    /// Where requests are counted, the session of one that begins now.
    pub(crate) fn begin_request(&self) -> Option<Part> {
        let options = self.options();
        let counts = options.auto_session_tracking && options.session_mode == SessionMode::Request;
        self.sessions().filter(|_| counts).map(Part::of_request)
    }

    /// The sessions of this client; `None` if it has no release to count them of, or cannot send.
    pub(crate) fn sessions(&self) -> Option<&Arc<Ledger>> {
        self.inner.sessions.as_ref().filter(|_| self.is_active())
    }

    pub(crate) fn note_bound(&self) {
        self.inner.bound.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_bound(&self) -> bool {
        self.inner.bound.load(Ordering::Relaxed)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn spare_buffers(&self) -> &Arc<Spare> {
        &self.inner.buffers
    }

    pub(crate) fn rng(&self) -> &dyn rng::Rng {
        &*self.inner.config.options.rng
    }

    pub(crate) fn monotonic(&self) -> Instant {
        self.inner.config.options.clock.monotonic()
    }
}

/// What counts the sessions of a client's release.
fn sessions(config: &Config, losses: &Arc<Losses>) -> Option<Arc<Ledger>> {
    let release = Arc::clone(config.release.as_ref()?);
    let environment = Some(Arc::clone(&config.environment));
    let attributes = SessionAttributes { release, environment, ..SessionAttributes::default() };
    Some(Arc::new(Ledger::new(attributes, Arc::clone(&config.options.clock), Arc::clone(losses))))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("dsn", &self.dsn())
            .field("active", &self.is_active())
            .finish_non_exhaustive()
    }
}
