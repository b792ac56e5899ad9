//! The process that sends: as a program that does nothing else.

use std::error::Error;
use std::io::{Write, stdout};
use std::time::{Duration, Instant};
use std::{fs, hint, thread};

use serde_json::json;
use tracing::{Dispatch, dispatcher, info_span};
use tracing_subscriber::{layer::SubscriberExt, registry};

/// How many spans a transaction has besides its root.
const CHILDREN: u64 = 49;

/// How long everything may take to be sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of a tick, in which Linux counts processor time: a hundredth of a second on every platform that it runs on by default.
const TICK_US: f64 = 10_000.0;

/// So many transactions, one after so long after the other.
pub(crate) struct Work {
    pub(crate) transactions: usize,
    pub(crate) pace: Duration,
}

/// Makes transactions, waits until they are sent or lost, and says what that took.
pub(crate) fn send(subject: &str, dsn: &str, work: &Work) -> Result<(), Box<dyn Error>> {
    let took = match subject {
        "watchpost" => watchpost(dsn, work)?,
        #[cfg(feature = "peer-http")]
        watchpost_bench::subjects::PEER => sentry(dsn, work),
        _ => return Err("no such sender".into()),
    };
    let used = json!({ "caller_us": took.as_secs_f64() * 1e6, "cpu_us": cpu_us()?, "peak_kb": peak_kb()? });
    Ok(writeln!(stdout(), "{used}")?)
}

fn watchpost(dsn: &str, work: &Work) -> Result<Duration, Box<dyn Error>> {
    use watchpost::Options;
    let options = Options::new().use_environment(false).dsn(dsn)?.traces_sample_rate(1.0)?;
    let _guard = watchpost::init(options.shutdown_timeout(PATIENCE))?;
    Ok(make(work, &Dispatch::new(registry().with(watchpost::tracing::layer()))))
}

#[cfg(feature = "peer-http")]
#[expect(deprecated, reason = "the one layer is faster than the four that are recommended instead")]
fn sentry(dsn: &str, work: &Work) -> Duration {
    let options = sentry::ClientOptions::new().dsn(dsn).traces_sample_rate(1.0).shutdown_timeout(PATIENCE);
    let _guard = sentry::init(options);
    make(work, &Dispatch::new(registry().with(sentry::integrations::tracing::layer())))
}

/// What the caller does, and how long it works on it.
fn make(work: &Work, dispatch: &Dispatch) -> Duration {
    dispatcher::with_default(dispatch, || {
        let mut took = Duration::ZERO;
        for number in 0..work.transactions {
            let began = Instant::now();
            transaction(number);
            took += began.elapsed();
            if !work.pace.is_zero() {
                thread::sleep(work.pace);
            }
        }
        took
    })
}

fn transaction(number: usize) {
    let root = info_span!("GET /carts/{id}", http.request.method = "GET", cart = number);
    root.in_scope(|| {
        for row in 0..CHILDREN {
            let query = "SELECT * FROM carts WHERE id = $1";
            let child = info_span!("db.query", db.system = "postgresql", db.query.text = query, row);
            child.in_scope(|| hint::black_box(row));
        }
    });
}

/// The processor time of all threads so far, those that have ended included.
pub(crate) fn cpu_us() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the process is in brackets, and may have spaces; utime and stime are the 14th and 15th fields.
    let after_name = stat.rsplit_once(')').ok_or("/proc/self/stat is not as it was")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? * TICK_US)
}

/// The most memory that was resident.
fn peak_kb() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number =
        peak.and_then(|peak| peak.split_whitespace().next()).ok_or("/proc/self/status has no VmHWM")?;
    Ok(number.parse()?)
}
