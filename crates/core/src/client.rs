//! A client: options, a pipeline and an outbox. Several may live side by side; each reports to its own server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use watchpost_protocol::{
    Category, DiscardReason, DiscardedEvent, Dsn, Event, EventId, Level, Mechanism, SessionAttributes,
    SessionStatus,
};

use crate::batch::Moment;
use crate::config::Config;
use crate::error::InitError;
use crate::errors::{self, AsError, Draft, View, is_a_closed_pipe};
use crate::fields::Fields;
use crate::integration;
use crate::limits::Limits;
use crate::losses::Losses;
use crate::merge::Layers;
use crate::options::Options;
use crate::outbox::{Bounds, Health, Outbox, Wire};
use crate::pipeline::{Batches, EventJob, EventTrace, Job, Pipeline, Record};
use crate::propagation_context::PropagationContext;
use crate::scope::{NearestFirst, Scope};
use crate::session::{Gravity, Ledger, Matter, Note, Part, SessionMode};
use crate::unharmed::unharmed;
use crate::{hints, mute, rng};

/// How many clients of this process can send. The gate of everything: while it is zero, a span costs one load.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Whether any client of this process can send.
#[inline]
#[must_use]
pub fn any_active() -> bool {
    ACTIVE.load(Ordering::Relaxed) > 0
}

/// How many of those may not send what tells who somebody is.
static RESERVED: AtomicUsize = AtomicUsize::new(0);

/// Whether there is a client that can send, and every one of them may send what tells who somebody is.
pub(crate) fn all_send_pii() -> bool {
    ACTIVE.load(Ordering::Acquire) > 0 && RESERVED.load(Ordering::Relaxed) == 0
}

fn reserved(config: &Config) -> usize {
    usize::from(!config.options.send_default_pii)
}

/// Whether any client so far has hooks that want to see errors.
static HOOKED: AtomicBool = AtomicBool::new(false);

pub(crate) fn any_hooks() -> bool {
    HOOKED.load(Ordering::Relaxed)
}

/// How long a flush waits before it says that it waits (`protocol.md` §20.2).
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a flush waits for the developer's own receiver, once everything is sent.
const COPIES: Duration = Duration::from_millis(500);

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
    /// `None`: nothing can be sent, because there is neither a DSN nor a transport.
    outbox: Option<Outbox<Pipeline>>,
    active: AtomicBool,
    /// Whether it is, or was, the process's own.
    bound: AtomicBool,
    /// The process that its threads are in.
    process: u32,
}

/// What makes an event once it is admitted. Not a type parameter: each closure would bring the whole way of an event along.
pub(crate) type Build<'a> = &'a mut dyn FnMut() -> Option<Draft>;

/// Makes a [`Build`] of what can build only once.
pub(crate) fn once<D: Into<Draft>>(build: impl FnOnce() -> D) -> impl FnMut() -> Option<Draft> {
    let mut build = Some(build);
    move || Some(build.take()?().into())
}

/// Why an error is not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is captured here and now.
    Off,
    /// It is not sent, which is counted. It happened all the same.
    Unsent,
}

impl Refusal {
    /// Whether the session that it happened in is to hear of it.
    pub(crate) fn happened(self) -> bool {
        self == Refusal::Unsent
    }
}

/// Proof that an item of a category may be built: it passed the gates that come before building.
pub(crate) struct Admitted {
    /// The server does not get it; the developer's own receiver does.
    only_copied: bool,
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
        let config = Arc::new(Config::resolve(options)?);
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
        let (losses, limits) = (Arc::new(Losses::default()), Arc::new(Limits::default()));
        let health = Arc::new(Health::new(config.options.enable_backpressure_handling));
        let sessions = sessions(&config, &losses);
        let batches = Arc::new(Batches::new());
        let outbox = config.options.transport.clone().map(|transport| {
            let pipeline = Pipeline {
                config: Arc::clone(&config),
                losses: Arc::clone(&losses),
                sessions: sessions.clone(),
                batches: Arc::clone(&batches),
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
                reports: config.options.send_client_reports,
                sdk: Arc::clone(&config.sdk),
            };
            Outbox::new(pipeline, wire)
        });
        if let (Some(sessions), Some(outbox)) = (&sessions, &outbox) {
            sessions.on_call(outbox.caller());
        }
        let active = outbox.is_some();
        rng::leave_parent(); // this is home, for those who are forked later
        if active {
            HOOKED.fetch_or(!config.options.error_hooks.is_empty(), Ordering::Relaxed);
            RESERVED.fetch_add(reserved(&config), Ordering::Relaxed);
            ACTIVE.fetch_add(1, Ordering::Release); // after it: who sees the client sees what it may not send
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
                outbox,
                active: AtomicBool::new(active),
                bound: AtomicBool::new(false),
                process: std::process::id(),
            }),
        })
    }

    /// Whether it can send: it has a way to, and was not closed (features K02).
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

    /// The identifiers of its integrations, sorted (features N01).
    #[must_use]
    pub fn integrations(&self) -> Vec<String> {
        self.inner.config.sdk.integrations.iter().map(ToString::to_string).collect()
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

    /// Captures an event with the data of `scope`, and nothing of the current scopes (features K03). `None` if it was not queued.
    pub fn capture_event(&self, event: Event, scope: Option<&Scope>) -> Option<EventId> {
        self.capture_built(scope, Matter::of(&event), &mut once(|| event))
    }

    /// Captures an error with its causes; as [`capture_event`](Self::capture_event).
    pub fn capture_error<K, E: AsError<K> + ?Sized>(
        &self,
        error: &E,
        scope: Option<&Scope>,
    ) -> Option<EventId> {
        self.capture_built(scope, Matter::Error, &mut || Some(self.draft(&error.view(), Event::default())))
    }

    /// Captures a message at a level; as [`capture_event`](Self::capture_event).
    pub fn capture_message(&self, message: &str, level: Level, scope: Option<&Scope>) -> Option<EventId> {
        let build = || Event { level: Some(level), ..crate::message::event(message) };
        self.capture_built(scope, Matter::Message, &mut once(build))
    }

    /// The event of an error that the program captures itself, shown to the hooks.
    pub(crate) fn draft(&self, error: &View<'_>, event: Event) -> Draft {
        let mechanism = Mechanism { handled: Some(true), ..Mechanism::default() };
        Draft::of_error(errors::read(error, mechanism, Some(&self.options().error_hooks)), event)
    }

    fn capture_built(&self, scope: Option<&Scope>, matter: Matter, build: Build<'_>) -> Option<EventId> {
        let noted = |gravity| scope.and_then(|scope| self.note(scope, gravity));
        let admitted = match self.admit_error() {
            Ok(admitted) => admitted,
            Err(refusal) => {
                refusal.happened().then(|| noted(matter.at_a_guess(Level::Error)));
                return None;
            }
        };
        let draft = self.build(build)?;
        let note = noted(matter.gravity(&draft.event, Level::Error));
        let fresh = || PropagationContext::fresh(self.rng());
        let propagation = match scope {
            Some(scope) => scope.propagation(fresh),
            None => Arc::new(fresh()),
        };
        let trace = self.trace_of(&propagation);
        let current = scope.map(Scope::snapshot).unwrap_or_default();
        let layers = Layers { current, ..Layers::default() };
        let default_level = Level::Error;
        self.capture(admitted, EventJob { layers, trace, default_level, note, ..EventJob::of(draft) })
    }

    /// The gates of an error event, the cheapest first: enabled? muted? limited? sampled? What they refuse is counted.
    pub(crate) fn admit_error(&self) -> Result<Admitted, Refusal> {
        if !self.is_active() || mute::is_muted() {
            return Err(Refusal::Off);
        }
        let inner = &self.inner;
        if inner.limits.is_limited(Category::Error, || self.monotonic()) {
            inner.losses.record(DiscardReason::RatelimitBackoff, Category::Error, 1);
            return self.admit_copy(Refusal::Unsent);
        }
        let sampled_later = self.options().error_sampler.is_some();
        let rate = inner.config.sample_rate.get();
        if rate < 1.0 && !sampled_later && rng::sample_rand(self.rng()) >= rate {
            inner.losses.record(DiscardReason::SampleRate, Category::Error, 1);
            return self.admit_copy(Refusal::Unsent);
        }
        Ok(Admitted { only_copied: false })
    }

    /// What the server does not get, the developer's own receiver does, if there is one.
    fn admit_copy(&self, otherwise: Refusal) -> Result<Admitted, Refusal> {
        self.options().tap.as_ref().map(|_| Admitted { only_copied: true }).ok_or(otherwise)
    }

    /// Builds an admitted event, unless the program does not want to hear of its error. A panic in it (a `Display` of the program's, say)
    /// costs this event, is counted, and harms nobody.
    pub(crate) fn build(&self, build: Build<'_>) -> Option<Draft> {
        let hooks = &self.options().error_hooks;
        let built = {
            let _muted = mute::enter(); // an error that captures something when it is printed might capture itself, for ever
            unharmed(build)
        };
        let draft = built.unwrap_or_else(|| {
            crate::debug!("formatting an error panicked: it was not captured");
            self.ledger().record(DiscardReason::InternalSdkError, Category::Error, 1);
            None
        });
        let mut draft = draft?;
        let error = draft.event.exception.last();
        let is_no_failure = || draft.notes.no_failure || error.is_some_and(is_a_closed_pipe);
        if draft.notes.ignored
            || error.is_some_and(|error| hooks.ignores_name(error))
            || (self.options().default_ignores && is_no_failure())
        {
            crate::debug!("an error that is ignored was not captured");
            self.ledger().record(DiscardReason::EventProcessor, Category::Error, 1);
            return None;
        }
        draft.apply_hooks();
        Some(draft)
    }

    /// Whether a category may be sent now; a refusal is the caller's to count.
    pub(crate) fn is_limited(&self, category: Category) -> bool {
        self.inner.limits.is_limited(category, || self.monotonic())
    }

    /// How often the rate of a trace that begins now is to be halved, because more is captured than can be sent.
    pub(crate) fn halvings(&self) -> u32 {
        self.inner.health.halvings(&self.inner.limits, || self.monotonic())
    }

    /// An event of now, with an id.
    pub(crate) fn stamped(&self) -> Event {
        let (event_id, now) = (rng::event_id(self.rng()), self.options().clock.now());
        Event { event_id, timestamp: Some(now), ..Event::default() }
    }

    /// Stamps and queues an event. `None` if the server will not get it: the queue has no room for it, which is counted, or it is only a copy.
    pub(crate) fn capture(&self, admitted: Admitted, mut job: EventJob) -> Option<EventId> {
        if job.event.event_id == EventId::default() {
            rng::leave_parent();
            job.event.event_id = rng::event_id(self.rng());
        }
        job.event.timestamp.get_or_insert_with(|| self.options().clock.now());
        let attach = !job.event.exception.is_empty() || self.options().attach_stacktrace;
        let has_stack = job.event.exception.last().is_some_and(|exception| exception.stacktrace.is_some());
        if attach && !has_stack && job.stack.is_none() {
            job.stack = self.options().stack_source.as_ref().map(|source| source.capture());
        }
        let id = job.event.event_id;
        if admitted.only_copied {
            self.push(Job::copied_event(job));
            return None;
        }
        self.push(Job::event(job)).then_some(id)
    }

    pub(crate) fn push(&self, job: Job) -> bool {
        hints::check_process(self.inner.process);
        self.is_active() && self.inner.outbox.as_ref().is_some_and(|outbox| outbox.push(job))
    }

    /// Adds a record to those of its kind that are sent together.
    pub(crate) fn add<R: Record>(
        &self,
        record: R,
        moment: Moment,
        scopes: NearestFirst<'_>,
        fields: &Fields,
    ) {
        let Some(outbox) = &self.inner.outbox else { return };
        let lost = self.inner.batches.add(outbox, record, moment, scopes, fields);
        if let Err(reason) = lost {
            self.ledger().record(reason, R::CATEGORIES[0], 1);
        }
    }

    /// The trace data of an event while no span is open (§8.7).
    pub(crate) fn trace_of(&self, propagation: &PropagationContext) -> EventTrace {
        EventTrace {
            context: Some(crate::span_ref::propagated_context(propagation)),
            dsc: Some(crate::dsc::of_scope(propagation, self.config())),
            transaction: None,
        }
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

    /// Tells the session that happens in a scope of an error there.
    pub(crate) fn note(&self, scope: &Scope, gravity: Option<Gravity>) -> Option<Note> {
        let (ledger, gravity) = (self.sessions()?, gravity?);
        scope.session().filter(|session| session.is_of(ledger))?.note(gravity)
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

    pub(crate) fn rng(&self) -> &dyn rng::Rng {
        &*self.inner.config.options.rng
    }

    pub(crate) fn monotonic(&self) -> Instant {
        self.inner.config.options.clock.monotonic()
    }

    /// Waits until everything captured so far is sent or counted as lost and the losses are reported, at most `timeout` (default: the
    /// shutdown timeout). Says whether it was in time (features K04). The client stays usable.
    ///
    /// It may be called from any thread, from several at once, and after [`close`](Self::close). In a hook or a transport of this client,
    /// which run on its workers, it returns false at once: a worker cannot wait for itself. While the server cannot be reached nothing is
    /// given up for it: then it waits in vain.
    pub fn flush(&self, timeout: Option<Duration>) -> bool {
        self.flush_with(timeout, |_, _| {})
    }

    /// As [`flush`](Self::flush); if there is still something to send after a tenth of a second, `notice` is told how many items, and the
    /// timeout: a program can say why it does not end yet.
    pub fn flush_with(&self, timeout: Option<Duration>, notice: impl FnOnce(usize, Duration)) -> bool {
        let timeout = timeout.unwrap_or(self.options().shutdown_timeout);
        let Some(outbox) = &self.inner.outbox else { return true };
        let began = Instant::now();
        let flush = outbox.flush();
        if flush.wait(timeout.min(PATIENCE)) {
            self.wait_for_copies(timeout.saturating_sub(began.elapsed()));
            return true;
        }
        let left = timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            return false;
        }
        notice(outbox.pending(), timeout);
        let flushed = flush.wait(timeout.saturating_sub(began.elapsed()));
        self.wait_for_copies(timeout.saturating_sub(began.elapsed()));
        flushed
    }

    /// A program that ends at once shows what it did, too; a receiver that does not answer delays no end.
    fn wait_for_copies(&self, timeout: Duration) {
        if let Some(tap) = &self.options().tap {
            tap.wait(timeout.min(COPIES));
        }
    }

    /// Flushes, reports the last losses, and disables the client. Later captures do nothing. Closing again is harmless. Says whether
    /// everything could be sent or was answered in time.
    ///
    /// What still waits shortly before the time is up is given up as `network_error`, so that there is time to report it. What is under way
    /// then is left to its thread, which reports what becomes of it if the process lives that long.
    ///
    /// A trace that is still open goes, when it ends, to the client that has taken this one's place as the process's own; if there is none, it is
    /// lost, and stands in [`losses`](Self::losses).
    pub fn close(&self, timeout: Option<Duration>) -> bool {
        self.close_with(timeout, |_, _| {})
    }

    /// As [`close`](Self::close), with the notice of [`flush_with`](Self::flush_with).
    pub fn close_with(&self, timeout: Option<Duration>, notice: impl FnOnce(usize, Duration)) -> bool {
        self.inner.end_run();
        self.inner.deactivate();
        hints::closing();
        let timeout = timeout.unwrap_or(self.options().shutdown_timeout);
        let Some(outbox) = &self.inner.outbox else { return true };
        let began = Instant::now();
        self.inner.close_batches(outbox);
        if !outbox.flush().wait(timeout.min(PATIENCE)) {
            notice(outbox.pending(), timeout);
        }
        let closed = outbox.close(timeout.saturating_sub(began.elapsed()));
        self.wait_for_copies(timeout.saturating_sub(began.elapsed()));
        closed
    }
}

impl Inner {
    /// The run of the program ends with its client. One that is closed by a panic, on its way out of `main`, has crashed.
    fn end_run(&self) {
        if let Some(sessions) = &self.sessions {
            let panics = std::thread::panicking();
            sessions.end_run(if panics { SessionStatus::Crashed } else { SessionStatus::Exited });
        }
    }

    fn deactivate(&self) {
        if self.active.swap(false, Ordering::Relaxed) {
            ACTIVE.fetch_sub(1, Ordering::Relaxed);
            RESERVED.fetch_sub(reserved(&self.config), Ordering::Relaxed);
        }
    }

    /// Queues what waits for others, which will not come any more.
    fn close_batches(&self, outbox: &Outbox<Pipeline>) {
        for job in self.batches.close() {
            outbox.push(job);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end_run();
        self.deactivate();
        // The worker holds the outbox's shared half: it has to be told that nobody will push any more.
        if let Some(outbox) = &self.outbox {
            self.close_batches(outbox);
            outbox.retire();
        }
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

/// Closes its client when dropped, waiting at most the client's shutdown timeout. Keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "dropping the guard closes the client: bind it to a variable that lives as long as the program"]
pub struct Guard {
    client: Client,
}

impl Guard {
    pub(crate) fn new(client: Client) -> Self {
        Guard { client }
    }

    /// The client that it guards.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.client.close(None);
    }
}
