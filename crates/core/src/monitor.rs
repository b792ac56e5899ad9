//! Check-ins: telling the server that a job has run, and how it went.

mod scheduled;

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use watchpost_protocol::{
    CheckIn, CheckInContexts, CheckInId, CheckInStatus, Crontab, MonitorConfig, MonitorSlug,
    MonitorSlugError, Schedule, ScheduleError,
};

use crate::client::Client;
use crate::clock::Clock;
use crate::current::Scopes;
use crate::pipeline::{CheckInJob, Job};
use crate::rng::{self, ThreadRng};
use crate::unharmed::unharmed;
use crate::{client, mute};

/// The monitor of a job that has to run again and again, by its name in URLs (its *slug*).
///
/// ```
/// # use watchpost_core::monitor as watchpost;
/// use watchpost::monitor;
///
/// fn bill() -> Result<(), std::io::Error> {
///     Ok(())
/// }
///
/// let nightly = monitor("nightly-billing")?.schedule("0 3 * * *")?.timezone("Europe/Vienna").max_runtime(30);
/// nightly.run(bill)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A [`MonitorSlugError`] for a slug that the server would refuse or cut.
pub fn monitor(slug: &str) -> Result<Monitor, MonitorSlugError> {
    slug.parse().map(Monitor::new)
}

/// A monitor; made by [`monitor`], or by [`new`](Self::new) of a slug that is known to be good.
///
/// With a schedule, the first check-in creates the monitor on the server, and later ones change it. Without one, it has to be there.
#[derive(Debug, Clone)]
#[must_use = "a monitor says nothing before something is run, or checks in"]
pub struct Monitor {
    slug: MonitorSlug,
    schedule: Option<Schedule>,
    checkin_margin: Option<u64>,
    max_runtime: Option<u64>,
    timezone: Option<String>,
    failure_issue_threshold: Option<u64>,
    recovery_threshold: Option<u64>,
    owner: Option<String>,
}

impl Monitor {
    /// The monitor of a slug. `Monitor::new(MonitorSlug::literal("nightly"))` cannot fail at run time.
    pub fn new(slug: MonitorSlug) -> Self {
        Monitor {
            slug,
            schedule: None,
            checkin_margin: None,
            max_runtime: None,
            timezone: None,
            failure_issue_threshold: None,
            recovery_threshold: None,
            owner: None,
        }
    }

    /// Sets when it has to run: a crontab (`"0 3 * * *"`), or an interval (`(10, IntervalUnit::Minute)`). Default: what the server knows.
    ///
    /// # Errors
    /// A [`ScheduleError`] that says what is wrong with it.
    pub fn schedule<S>(mut self, schedule: S) -> Result<Self, ScheduleError>
    where
        S: TryInto<Schedule, Error: Into<ScheduleError>>,
    {
        self.schedule = Some(schedule.try_into().map_err(Into::into)?);
        Ok(self)
    }

    /// Sets the crontab by which it has to run; as [`schedule`](Self::schedule), of one that is known to be good.
    pub fn crontab(mut self, crontab: Crontab) -> Self {
        self.schedule = Some(crontab.into());
        self
    }

    /// Sets how many minutes late it may be before it counts as missed. Needs a schedule, as all that follow. Default: the server's.
    pub fn checkin_margin(mut self, minutes: u64) -> Self {
        self.checkin_margin = Some(minutes);
        self
    }

    /// Sets how many minutes it may take before it counts as timed out. Default: the server's.
    pub fn max_runtime(mut self, minutes: u64) -> Self {
        self.max_runtime = Some(minutes);
        self
    }

    /// Sets the time zone of the crontab, by its name in the tz database. Default: UTC.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.timezone = Some(name.into());
        self
    }

    /// Sets how many failures in a row make an issue. Default: the server's.
    pub fn failure_issue_threshold(mut self, failures: u64) -> Self {
        self.failure_issue_threshold = Some(failures);
        self
    }

    /// Sets how many successes in a row resolve it. Default: the server's.
    pub fn recovery_threshold(mut self, successes: u64) -> Self {
        self.recovery_threshold = Some(successes);
        self
    }

    /// Sets who is told: `user:<id>`, or `team:<id or slug>`. Default: the server's.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Runs a job: it checks in when it begins, and when it ends, with how long it took. An `Err` and a panic are failures. Both go on their way:
    /// they are no issues by themselves.
    pub fn run<T: Outcome>(&self, job: impl FnOnce() -> T) -> T {
        let run = self.start();
        let outcome = job();
        run.end(&outcome);
        outcome
    }

    /// As [`run`](Self::run), of a future. One that is dropped half-way has failed; one that is never polled has not begun.
    pub async fn run_async<T: Outcome>(&self, job: impl Future<Output = T>) -> T {
        let run = self.start();
        let outcome = job.await;
        run.end(&outcome);
        outcome
    }

    /// Checks in for a job that begins. It has failed if what is handed back is dropped before it is told otherwise.
    pub fn start(&self) -> MonitorRun {
        let scopes = Scopes::current();
        let client = scopes.client();
        let id = new_id(client.as_ref());
        let config = self.config().map(Arc::new);
        let clock = client.map(|client| Arc::clone(&client.options().clock));
        let began = now(clock.as_ref());
        let run = MonitorRun { scopes, slug: self.slug.clone(), config, id, clock, began, open: true };
        run.send(CheckInStatus::InProgress, None);
        run
    }

    /// One check-in by hand, of a run whose beginning and end are in different places; or alone: a heartbeat, by which only missed runs are found.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_core::monitor::*; pub use watchpost_protocol::*; }
    /// use std::time::Duration;
    /// use watchpost::{CheckInStatus, monitor};
    ///
    /// let import = monitor("import")?;
    /// let id = import.check_in(CheckInStatus::InProgress).send();
    /// // … and later, maybe in another process:
    /// import.check_in(CheckInStatus::Ok).id(id).duration(Duration::from_secs(42)).send();
    /// # Ok::<(), watchpost_protocol::MonitorSlugError>(())
    /// ```
    pub fn check_in(&self, status: CheckInStatus) -> CheckInBuilder<'_> {
        CheckInBuilder { monitor: self, status, id: None, duration: None }
    }

    fn config(&self) -> Option<MonitorConfig> {
        Some(MonitorConfig {
            checkin_margin: self.checkin_margin,
            max_runtime: self.max_runtime,
            timezone: self.timezone.clone(),
            failure_issue_threshold: self.failure_issue_threshold,
            recovery_threshold: self.recovery_threshold,
            owner: self.owner.clone(),
            ..MonitorConfig::from(self.schedule.clone()?)
        })
    }
}

/// How a job ended, or whatever else is run, as the value that it returns says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether a job went well",
    note = "what is run returns `()` or a `Result`; for another type, implement `Outcome`"
)]
pub trait Outcome {
    /// Whether it went well.
    fn succeeded(&self) -> bool;
}

/// Who has nothing to say had no trouble.
impl Outcome for () {
    fn succeeded(&self) -> bool {
        true
    }
}

impl<T, E> Outcome for Result<T, E> {
    fn succeeded(&self) -> bool {
        self.is_ok()
    }
}

impl Outcome for ExitStatus {
    fn succeeded(&self) -> bool {
        self.success()
    }
}

/// A run that has begun; made by [`Monitor::start`]. Dropped without a word, it has failed.
#[must_use = "the run has failed when this is dropped"]
pub struct MonitorRun {
    /// Where it began: its end is told to the same client, whatever thread it is on.
    scopes: Arc<Scopes>,
    slug: MonitorSlug,
    config: Option<Arc<MonitorConfig>>,
    id: CheckInId,
    /// The client's; `None`: there was none.
    clock: Option<Arc<dyn Clock>>,
    began: Instant,
    open: bool,
}

impl MonitorRun {
    /// Ends it as the job's outcome says.
    pub fn end(self, outcome: &impl Outcome) {
        if unharmed(|| outcome.succeeded()) == Some(true) {
            self.ok();
        } // else dropped: it has failed
    }

    /// Ends it well.
    pub fn ok(mut self) {
        self.finish(CheckInStatus::Ok);
    }

    /// The id of the run.
    #[must_use]
    pub fn id(&self) -> CheckInId {
        self.id
    }

    fn finish(&mut self, status: CheckInStatus) {
        if std::mem::replace(&mut self.open, false) {
            let took = now(self.clock.as_ref()).saturating_duration_since(self.began);
            self.send(status, Some(took));
        }
    }

    fn send(&self, status: CheckInStatus, duration: Option<Duration>) {
        send(&self.scopes, self.slug.clone(), self.config.clone(), self.id, status, duration);
    }
}

impl Drop for MonitorRun {
    fn drop(&mut self) {
        self.finish(CheckInStatus::Error);
    }
}

impl fmt::Debug for MonitorRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorRun").field("slug", &self.slug).field("id", &self.id).finish_non_exhaustive()
    }
}

/// A check-in that is about to be sent; made by [`Monitor::check_in`].
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct CheckInBuilder<'a> {
    monitor: &'a Monitor,
    status: CheckInStatus,
    id: Option<CheckInId>,
    duration: Option<Duration>,
}

impl CheckInBuilder<'_> {
    /// Sets the run that it is of. `CheckInId::default()` is the latest one that is in progress. Default: a new one.
    pub fn id(mut self, id: CheckInId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets how long the run took. Default: unknown.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Sends it. The id of the run, whether there is a client or not.
    pub fn send(self) -> CheckInId {
        let scopes = Scopes::current();
        let id = self.id.unwrap_or_else(|| new_id(scopes.client().as_ref()));
        let config = self.monitor.config().map(Arc::new);
        send(&scopes, self.monitor.slug.clone(), config, id, self.status, self.duration);
        id
    }
}

fn now(clock: Option<&Arc<dyn Clock>>) -> Instant {
    clock.map_or_else(Instant::now, |clock| clock.monotonic())
}

fn new_id(client: Option<&Client>) -> CheckInId {
    rng::check_in_id(client.map_or(&ThreadRng, Client::rng))
}

fn send(
    scopes: &Scopes,
    monitor_slug: MonitorSlug,
    monitor_config: Option<Arc<MonitorConfig>>,
    check_in_id: CheckInId,
    status: CheckInStatus,
    duration: Option<Duration>,
) {
    if !client::any_active() || mute::is_muted() {
        return;
    }
    let Some(client) = scopes.client() else { return };
    let trace = scopes.event_trace(&client);
    // What is said of one monitor arrives in the order in which it was said.
    let mut order = DefaultHasher::new();
    monitor_slug.hash(&mut order);
    let check_in = CheckIn {
        check_in_id,
        monitor_slug,
        status,
        duration: duration.map(|duration| duration.as_secs_f64()),
        release: None,
        environment: None,
        monitor_config,
        contexts: trace.context.as_ref().map(CheckInContexts::from),
        other: Default::default(),
    };
    client.push(Job::check_in(CheckInJob { check_in, dsc: trace.dsc, order: order.finish() }));
}
