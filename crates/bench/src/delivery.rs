//! From the end of a root span to the bytes on the wire: how fast, for how much of the processor, and what is lost on the way.
//!
//! ```text
//!   this program ── for each case and subject ──▶ this program send <subject> <dsn> <transactions>
//!    └─ sink ◀──────────── HTTP on loopback ────────┘  └─▶ its processor time and its memory, as a JSON line
//! ```
//!
//! The sender is a process of its own, so that its threads, and nobody else's, are counted.

pub(crate) mod sender;
mod sink;

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use watchpost_bench::subjects::PEER;

use self::sink::Sink;
use crate::args::Args;
use crate::compare::Ratios;
use crate::report::{Line, Report};

/// What is sent where.
struct Case {
    name: &'static str,
    transactions: usize,
    /// From one to the next; zero: as fast as they can be made.
    pace: Duration,
    /// How long the server takes to answer.
    delay: Duration,
}

const CASES: [Case; 3] = [
    Case {
        name: "500_per_second/at_once",
        transactions: 2_000,
        pace: Duration::from_millis(2),
        delay: Duration::ZERO,
    },
    Case {
        name: "burst_of_10000/at_once",
        transactions: 10_000,
        pace: Duration::ZERO,
        delay: Duration::ZERO,
    },
    Case {
        name: "burst_of_400/after_100_ms",
        transactions: 400,
        pace: Duration::ZERO,
        delay: Duration::from_millis(100),
    },
];

/// Who sends. The peer has no way to, unless it is built with one.
const SUBJECTS: &[&str] = if cfg!(feature = "peer-http") { &[PEER, "watchpost"] } else { &["watchpost"] };

pub(crate) fn compare(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut report = Report::new(args.json);
    for case in CASES.iter().filter(|case| case.name.contains(&args.workload)) {
        for subject in SUBJECTS.iter().filter(|subject| subject.contains(&args.subject)) {
            let columns = measure(case, subject)?;
            let ratios = Ratios { to_floor: None, to_peer: None };
            report.add(&Line { case: case.name, subject, columns: &columns, ratios })?;
        }
    }
    Ok(())
}

fn measure(case: &Case, subject: &str) -> Result<[(&'static str, f64); 6], Box<dyn Error>> {
    let sink = Sink::start(case.delay)?;
    let sent = Command::new(env::current_exe()?)
        .args(["send", subject, &sink.dsn()])
        .args([case.transactions.to_string(), case.pace.as_micros().to_string()])
        .stdin(Stdio::null())
        .output()?;
    if !sent.status.success() {
        return Err(String::from_utf8_lossy(&sent.stderr).into());
    }
    let used: Value = serde_json::from_slice(&sent.stdout)?;
    let number = |key: &str| used[key].as_f64().ok_or("the sender does not say what it used");
    let received = sink.received();
    let (made, arrived) = (case.transactions as f64, received.transactions as f64);
    Ok([
        ("tx/s", arrived / received.took.as_secs_f64()),
        ("cpu_us/made", number("cpu_us")? / made),
        ("caller_us", number("caller_us")? / made),
        ("bytes/tx", received.bytes as f64 / arrived.max(1.0)),
        ("lost", made - arrived),
        ("peak_MB", number("peak_kb")? / 1000.0),
    ])
}
