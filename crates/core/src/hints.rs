//! What is said to a developer whose reports do not appear: each once, and only under `debug`.
//!
//! What has no client has no `debug` option: there, `SENTRY_DEBUG` speaks for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::diag;
use crate::valid::parse_bool;

/// Says something once in the life of the process.
macro_rules! once {
    ($($argument:tt)+) => {{
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| $crate::diag::line(format_args!($($argument)+)));
    }};
}

mod set_up; // after the macro

pub use set_up::layer_within_a_layer;
pub(crate) use set_up::{client_replaced, closing_a_client_that_traces, layer_installed, span_began};

/// Whether there ever was a client of the process.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Whether one was closed, and none has begun since.
static ENDED: AtomicBool = AtomicBool::new(false);

/// How many requests were served before.
static MISSED: AtomicU32 = AtomicU32::new(0);

/// A client is made the process's own (H03).
pub(crate) fn begun() {
    ENDED.store(false, Ordering::Release);
    let again = BEGUN.swap(true, Ordering::AcqRel);
    set_up::begun(again);
    if again {
        return;
    }
    let missed = MISSED.load(Ordering::Acquire);
    if missed > 0 {
        let requests =
            if missed == 1 { "1 request was".to_owned() } else { format!("{missed} requests were") };
        crate::debug!("init ran after the first request was served: {requests} not instrumented");
    }
}

/// Something was captured, and there is no client that can send (H01).
#[cold]
pub fn captured_without_client() {
    static ONCE: Once = Once::new();
    if ENDED.load(Ordering::Acquire) {
        return captured_after_the_end();
    }
    if BEGUN.load(Ordering::Acquire) {
        return; // it was said why that client sends nothing
    }
    ONCE.call_once(|| {
        let dsn = if std::env::var_os("SENTRY_DSN").is_some() { "set" } else { "unset" };
        let process = std::process::id();
        say_without_client(format_args!(
            "no client: watchpost::init was not called in this process (pid {process}); SENTRY_DSN is {dsn}"
        ));
    });
}

fn captured_after_the_end() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        say_without_client(format_args!(
            "captured after the client was closed, and lost: the guard of watchpost::init closes it when it is dropped, \
             and `let _ =` drops it at once"
        ));
    });
}

/// A request or a job passes a layer, and there is no client that can send (H03, H04).
pub fn served_without_client() {
    static ONCE: Once = Once::new();
    if BEGUN.load(Ordering::Acquire) {
        return;
    }
    MISSED.fetch_add(1, Ordering::AcqRel);
    ONCE.call_once(|| {
        say_without_client(format_args!(
            "RequestLayer polled but no client in worker process; call watchpost::init in the worker's main"
        ));
    });
}

fn say_without_client(message: fmt::Arguments<'_>) {
    if diag::enabled() || parse_bool(std::env::var("SENTRY_DEBUG").ok().as_deref()) == Some(true) {
        diag::say(message);
    }
}

/// A process that was forked has found out (H06). Threads do not come along: it has workers of its own from here on.
pub(crate) fn process_forked() {
    if diag::enabled() {
        once!(
            "process forked after init: transport thread restarted; what waited then is sent by the parent"
        );
    }
}

/// A span could have been a trace (H07).
pub(crate) fn tracing_is_off() {
    if diag::enabled() {
        once!("tracing is off: traces_sample_rate is None");
    }
}

/// A span was not taken for its level (H07).
pub fn span_is_too_low(name: &str, target: &str, level: &dyn fmt::Display, limit: &dyn fmt::Display) {
    if !diag::enabled() {
        return;
    }
    if target.starts_with("tower_http::") {
        once!("span {name:?} ignored: level {level} below {limit} (tower_http TraceLayer default)");
    } else {
        once!("span {name:?} of {target} ignored: level {level} below {limit}");
    }
}

/// A user comes too late for the last event of a scope (H12).
pub(crate) fn user_after_event() {
    once!("set_user called after the event was captured in this scope");
}

/// A trace had more spans than it may have.
pub(crate) fn too_many_spans(transaction: &str, overflow: u64) {
    if diag::enabled() {
        let kept = crate::record::MAX_SPANS;
        once!(
            "{overflow} spans of {transaction:?} were not kept: a transaction has {kept} at most besides its root"
        );
    }
}

/// A span begins in a trace that has ended.
pub(crate) fn span_after_its_trace(transaction: &str) {
    if diag::enabled() {
        once!("a span began after its transaction {transaction:?} had ended, and is lost: {OUTLIVES}");
    }
}

/// A trace ends before spans of it do.
pub(crate) fn spans_outlive(transaction: &str, open: usize) {
    if diag::enabled() && open > 0 {
        let spans = if open == 1 { "1 span was".to_owned() } else { format!("{open} spans were") };
        once!("{spans} still open when the transaction {transaction:?} ended, and lost: {OUTLIVES}");
    }
}

/// What to do about both.
const OUTLIVES: &str =
    "work that outlives its request needs a root span of its own (watchpost::guide::tasks)";

/// Something was captured by code that Watchpost runs: a hook, a transport.
pub(crate) fn captured_by_a_hook() {
    if diag::enabled() {
        once!("what a hook or a transport captures by itself is not reported: it could go on for ever");
    }
}

/// A request or a job begins with a user who is none of its own (G09).
pub(crate) fn user_of_the_process() {
    once!(
        "a request begins with a user that was set outside of any request or task: every later one does, until it sets its own"
    );
}

/// A hook, or a panic in it, has dropped a breadcrumb (H16).
pub(crate) fn breadcrumb_dropped() {
    if diag::enabled() {
        once!("breadcrumb dropped by before_breadcrumb");
    }
}

/// A breadcrumb came where none are kept (H16).
pub(crate) fn breadcrumbs_are_off() {
    if diag::enabled() {
        once!("breadcrumb dropped: max_breadcrumbs=0");
    }
}

/// How many records would have been logs.
static UNSENT_LOGS: AtomicU64 = AtomicU64::new(0);

/// A bridge heard something that would be a log (H09).
pub(crate) fn bridged_log_not_sent() {
    if diag::enabled() {
        UNSENT_LOGS.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client that could send cannot any more.
pub(crate) fn ended() {
    ENDED.store(true, Ordering::Release);
}

/// A client is closed: what was counted is said.
pub(crate) fn closing() {
    let unsent = UNSENT_LOGS.load(Ordering::Relaxed);
    if unsent > 0 {
        let records = if unsent == 1 {
            "1 bridged record was".to_owned()
        } else {
            format!("{unsent} bridged records were")
        };
        once!("enable_logs is false: {records} not sent as logs");
    }
}

/// More transactions in a minute are many.
const MANY: u32 = 1_000;

/// So many names are told apart.
const NAMES: usize = 100;

/// How often which transaction was sent in the last minute (H08).
pub(crate) struct Rush(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    began: Option<Instant>,
    total: u32,
    by_name: BTreeMap<String, u32>,
}

impl Rush {
    pub(crate) const fn new() -> Self {
        Rush(Mutex::new(Minute { began: None, total: 0, by_name: BTreeMap::new() }))
    }

    /// A transaction is sent.
    pub(crate) fn count(&self, name: &str, rate: Option<f64>, now: Instant) {
        if diag::enabled()
            && let Some(message) = self.add(name, rate, now)
        {
            once!("{message}");
        }
    }

    fn add(&self, name: &str, rate: Option<f64>, now: Instant) -> Option<String> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *minute.began.get_or_insert(now);
        let over = now.saturating_duration_since(began) >= Duration::from_secs(60);
        let last =
            over.then(|| std::mem::replace(&mut *minute, Minute { began: Some(now), ..Minute::default() }));
        minute.total += 1;
        if minute.by_name.len() < NAMES || minute.by_name.contains_key(name) {
            *minute.by_name.entry(name.to_owned()).or_default() += 1;
        }
        drop(minute);
        last.filter(|minute| minute.total > MANY)?.said(rate)
    }
}

impl Minute {
    fn said(&self, rate: Option<f64>) -> Option<String> {
        let (name, count) = self.by_name.iter().max_by_key(|(_, count)| **count)?;
        let share = u64::from(*count) * 100 / u64::from(self.total);
        let rate = rate.map(|rate| format!(" at rate {rate:?}")).unwrap_or_default();
        Some(format!("{} transactions/min{rate}; {share}% are {name}: see ignore_transactions", self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rush_names_what_most_of_it_is() {
        let (rush, start) = (Rush::new(), Instant::now());
        let mut said = Vec::new();
        for number in 0..=1_200 {
            let name = if number % 5 < 3 { "GET /health" } else { "GET /carts" };
            let now = start + Duration::from_millis(50 * number);
            said.extend(rush.add(name, Some(1.0), now));
        }
        assert_eq!(said, ["1200 transactions/min at rate 1.0; 60% are GET /health: see ignore_transactions"]);
    }

    #[test]
    fn what_is_few_is_no_rush() {
        let (rush, start) = (Rush::new(), Instant::now());
        for number in 0..1_000 {
            assert_eq!(rush.add("job", None, start + Duration::from_secs(number)), None);
        }
    }
}
