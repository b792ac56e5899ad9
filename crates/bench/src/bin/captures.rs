//! What it costs to report: an error with two causes, a message, an ERROR event of `tracing` with that error and an error record of `log`, with
//! 100 breadcrumbs and 10 tags in the scope, beside the peer.
//!
//! Each case is a process of its own, because the first capture of a process is a number too. Allocations are those of the caller.

use std::error::Error;
use std::io::{Write, stdout};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fmt, fs};

use allocation_counter::measure;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry};

/// How many captures a case has.
const CAPTURES: usize = 2_000;
/// After so many everything is sent: the queue never fills.
const BATCH: usize = 10;
/// So long the workers of both have to send what was captured; not within any number but the processor's.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

const CASES: [(&str, Capture, bool); 8] = [
    ("capture_error", Capture::Error, false),
    ("capture_error/stack", Capture::Error, true),
    ("capture_message", Capture::Message, false),
    ("capture_message/stack", Capture::Message, true),
    ("tracing::error", Capture::Traced, false),
    ("tracing::error/stack", Capture::Traced, true),
    ("log::error", Capture::Logged, false),
    ("log::error/stack", Capture::Logged, true),
];

#[derive(Clone, Copy)]
enum Capture {
    Error,
    Message,
    Traced,
    Logged,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [subject, case] = &arguments[..] {
        let (_, what, stack) = CASES.iter().find(|(name, ..)| name == case).ok_or("no such case")?;
        return run(subject, case, *what, *stack);
    }
    writeln!(
        stdout(),
        "{:<24} {:<10} {:>10} {:>10} {:>8} {:>10} {:>10}",
        "case",
        "subject",
        "first ns",
        "ns",
        "allocs",
        "bytes",
        "cpu us"
    )?;
    for (case, ..) in CASES {
        for subject in ["watchpost", "sentry"] {
            let status = Command::new(env::current_exe()?).args([subject, case]).status()?;
            if !status.success() {
                return Err(format!("{subject} in {case} ended with {status}").into());
            }
        }
    }
    Ok(())
}

fn run(subject: &str, case: &str, what: Capture, stack: bool) -> Result<(), Box<dyn Error>> {
    let error = Declined(3);
    match subject {
        "watchpost" => {
            let mut options = watchpost::Options::new().use_environment(false).transport(Discard);
            options = options.attach_stacktrace(stack).release("shop@1.0.0")?;
            // Errors have a stack as a rule; without one the numbers are those of the rest.
            let options = if stack { options } else { options.default_integrations(false) };
            let _guard = watchpost::init(options)?;
            match what {
                Capture::Error | Capture::Message => {}
                Capture::Traced => listen(watchpost::tracing::layer())?,
                Capture::Logged => watchpost::log::LogBridge::new().init()?,
            }
            (0..10).for_each(|tag| watchpost::set_tag(format!("tag.{tag}"), tag));
            (0..100).for_each(|_| {
                watchpost::add_breadcrumb(watchpost::Breadcrumb::new("cart loaded").data("items", 3))
            });
            report(
                subject,
                case,
                || match what {
                    Capture::Error => _ = watchpost::capture_error(&error),
                    Capture::Message => _ = watchpost::capture_message("the till is empty"),
                    Capture::Traced => trace(&error),
                    Capture::Logged => log::error!("the till is empty"),
                },
                || {
                    watchpost::flush(PATIENCE);
                },
            )
        }
        _ => {
            let options =
                sentry::ClientOptions::new().dsn("https://key@localhost/1").transport(Arc::new(Discard));
            let _guard = sentry::init(options.attach_stacktrace(stack).release("shop@1.0.0"));
            sentry::configure_scope(|scope| {
                (0..10).for_each(|tag| scope.set_tag(&format!("tag.{tag}"), tag))
            });
            (0..100).for_each(|_| {
                let data = [("items".to_owned(), 3.into())].into_iter().collect();
                let message = Some("cart loaded".to_owned());
                sentry::add_breadcrumb(sentry::Breadcrumb { message, data, ..Default::default() });
            });
            match what {
                Capture::Error | Capture::Message => {}
                Capture::Traced => listen_as_peer()?,
                Capture::Logged => {
                    log::set_boxed_logger(Box::new(sentry::integrations::log::SentryLogger::new()))?;
                    log::set_max_level(log::LevelFilter::Info);
                }
            }
            report(
                subject,
                case,
                || match what {
                    Capture::Error => _ = sentry::capture_error(&error),
                    Capture::Message => {
                        _ = sentry::capture_message("the till is empty", sentry::Level::Info);
                    }
                    Capture::Traced => trace(&error),
                    Capture::Logged => log::error!("the till is empty"),
                },
                || {},
            )
        }
    }
}

fn trace(error: &Declined) {
    tracing::error!(error = error as &dyn Error, "the till is empty");
}

#[expect(deprecated, reason = "the one layer is faster than the four that are recommended instead")]
fn listen_as_peer() -> Result<(), SetGlobalDefaultError> {
    listen(sentry::integrations::tracing::layer())
}

/// Makes the registry with this layer the one that hears events.
fn listen(layer: impl Layer<Registry> + Send + Sync) -> Result<(), SetGlobalDefaultError> {
    set_global_default(tracing_subscriber::registry().with(layer))
}

/// Captures, and says what that took.
fn report(subject: &str, case: &str, capture: impl Fn(), settle: impl Fn()) -> Result<(), Box<dyn Error>> {
    let time = || {
        let began = Instant::now();
        capture();
        began.elapsed().as_nanos()
    };
    let first = time();
    settle();
    let counted = measure(&capture);
    settle();
    let before = cpu_us()?;
    let mut took = Vec::with_capacity(CAPTURES);
    for _ in 0..CAPTURES / BATCH {
        took.extend((0..BATCH).map(|_| time()));
        settle();
    }
    let cpu = (cpu_us()? - before) / CAPTURES as f64;
    took.sort_unstable();
    let (median, allocs, bytes) = (took[CAPTURES / 2], counted.count_total, counted.bytes_total);
    writeln!(
        stdout(),
        "{case:<24} {subject:<10} {first:>10} {median:>10} {allocs:>8} {bytes:>10} {cpu:>10.1}"
    )?;
    Ok(())
}

/// The processor time of all threads, in microseconds.
fn cpu_us() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("/proc/self/stat is not as it was")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? * 10_000.0)
}

struct Discard;

impl watchpost::Transport for Discard {
    fn deliver(&self, envelope: &watchpost::Envelope) -> watchpost::Delivery {
        std::hint::black_box(envelope);
        watchpost::Delivery::Accepted { limits: Vec::new() }
    }
}

/// The peer hands over what is not serialised yet: that is done here, for both to have done it.
impl sentry::Transport for Discard {
    fn send_envelope(&self, envelope: sentry::Envelope) {
        let mut bytes = Vec::new();
        let _ = envelope.to_writer(&mut bytes);
        std::hint::black_box(bytes);
    }
}

/// An error with so many causes.
#[derive(Debug)]
struct Declined(u8);

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "declined for {} reasons", self.0)
    }
}

impl Error for Declined {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.0 {
            3 => Some(&Declined(2)),
            2 => Some(&Declined(1)),
            _ => None,
        }
    }
}
