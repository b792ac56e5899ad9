//! A server under load: an axum handler with the spans and events of a request, asked over 64 connections on loopback.
//!
//! ```text
//!   this program ── for each case and subject ──▶ this program host <subject> <rate>
//!    └─ load ─────────── HTTP on loopback ─────────┘  └─▶ its processor time, a line when asked
//! ```
//!
//! The server is a process of its own, so that its threads, and nobody else's, are counted. It has one processor, and who asks another one: it is
//! busy all the time, and what a thread of a reporter takes is missing to the server.

pub(crate) mod host;
mod load;
mod processor;

use std::error::Error;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, io};

use watchpost_bench::subjects::{FLOOR, PEER};

use self::load::Load;
use crate::args::Args;
use crate::compare::Ratios;
use crate::report::{Line, Report};

/// The share of traces that is kept.
const RATES: [&str; 3] = ["0", "0.1", "1"];

/// Who serves: a handler whose spans nobody hears, one with a layer that does nothing, the peer, and Watchpost.
const SUBJECTS: [&str; 4] = ["bare", FLOOR, PEER, "watchpost"];

const WARM_UP: Duration = Duration::from_millis(500);

pub(crate) fn compare(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut report = Report::new(args.json);
    let lasts = Duration::from_millis(150) * u32::try_from(args.rounds)?;
    for rate in RATES {
        let case = format!("serve/rate_{rate}");
        if !case.contains(&args.workload) {
            continue;
        }
        let subjects = SUBJECTS.into_iter().filter(|subject| subject.contains(&args.subject));
        let served = subjects.map(|subject| Ok((subject, measure(subject, rate, lasts)?)));
        let served = served.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        let cpu_of =
            |name| served.iter().find(|(subject, _)| *subject == name).map(|(_, served)| served.cpu_us);
        for (subject, Served { cpu_us, kept_percent, load }) in &served {
            let ratio = |name| cpu_of(name).map(|other| cpu_us / other);
            let ratios = Ratios { to_floor: ratio(FLOOR), to_peer: ratio(PEER) };
            let columns = [
                ("cpu_us/req", *cpu_us),
                ("req/s", load.per_second()),
                ("p50_us", load.quantile_us(0.5)),
                ("p99_us", load.quantile_us(0.99)),
                ("kept_%", *kept_percent),
            ];
            report.add(&Line { case: &case, subject, columns: &columns, ratios })?;
        }
    }
    Ok(())
}

/// What a server did under load.
struct Served {
    cpu_us: f64,
    /// Of how many requests there is a transaction.
    kept_percent: f64,
    load: Load,
}

fn measure(subject: &str, rate: &str, lasts: Duration) -> Result<Served, Box<dyn Error>> {
    let mut host = Host::start(subject, rate)?;
    load::put_on(host.address, WARM_UP)?;
    let before = host.so_far()?;
    let load = load::put_on(host.address, lasts)?;
    let after = host.so_far()?;
    let requests = load.requests() as f64;
    let kept_percent = 100.0 * (after.kept - before.kept) as f64 / requests;
    Ok(Served { cpu_us: (after.cpu_us - before.cpu_us) / requests, kept_percent, load })
}

/// What a server has done so far.
struct SoFar {
    /// Of its processor time.
    cpu_us: f64,
    /// How many transactions have reached the transport.
    kept: u64,
}

/// The process that serves. It ends with its standard input.
struct Host {
    process: Child,
    address: SocketAddr,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Host {
    fn start(subject: &str, rate: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["host", subject, rate]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let (asks, answers) = process.stdin.take().zip(process.stdout.take()).ok_or("no pipes")?;
        let mut answers = BufReader::new(answers).lines();
        let address = answers.next().ok_or("the server did not start")??.parse()?;
        Ok(Host { process, address, asks, answers })
    }

    fn so_far(&mut self) -> Result<SoFar, Box<dyn Error>> {
        writeln!(self.asks)?;
        let answer = self.answers.next().ok_or("the server has ended")??;
        let (cpu_us, kept) = answer.split_once(' ').ok_or("that is not what a server answers")?;
        Ok(SoFar { cpu_us: cpu_us.parse()?, kept: kept.parse()? })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let ended: io::Result<()> = self.process.kill().and_then(|()| self.process.wait().map(drop));
        drop(ended); // it has ended by itself
    }
}
