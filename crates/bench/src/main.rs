//! Watchpost beside its peers, in one run; how to run it and what the numbers are is in the `README.md` of this package.

mod allocations;
mod args;
mod compare;
mod delivery;
mod instructions;
mod report;
#[cfg(feature = "serve")]
mod serve;
#[cfg(not(feature = "serve"))]
#[path = "unserved.rs"]
mod serve;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use watchpost_bench::{cases, logger};

use crate::args::{Args, Command};
use crate::delivery::sender::Work;
use crate::report::{Line, Report};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "watchpost-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args = Args::parse()?;
    logger::install()?;
    match &args.command {
        Command::Compare => compare(&args),
        Command::Instructions => instructions(&args),
        Command::Delivery => delivery::compare(&args),
        Command::Send { subject, dsn, transactions, pace } => {
            let work = Work { transactions: *transactions, pace: Duration::from_micros(*pace) };
            delivery::sender::send(subject, dsn, &work)
        }
        Command::Serve => serve::compare(&args),
        Command::Host { subject, rate } => serve::host::serve(subject, *rate),
        Command::Count { case, subject } => instructions::play(case, subject),
        Command::Help => Ok(write!(io::stdout(), "{}", args::HELP)?),
    }
}

fn compare(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut report = Report::new(args.json);
    let allocations = allocations::count(args)?;
    for case in cases::matching(&args.workload, &args.subject) {
        let timings = compare::times(&case, args.rounds, args.samples)?;
        for (subject, timing) in case.subjects.iter().zip(timings) {
            let allocated = allocations.of(&case.name, subject.name())?;
            let columns = [("ns", timing.ns), ("allocs", allocated.count), ("bytes", allocated.bytes)];
            let ratios = timing.ratios;
            report.add(&Line { case: &case.name, subject: subject.name(), columns: &columns, ratios })?;
        }
    }
    Ok(())
}

fn instructions(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut report = Report::new(args.json);
    for case in cases::matching(&args.workload, &args.subject) {
        let counts = case.subjects.iter().map(|subject| instructions::count(*subject, &case));
        let counts = counts.collect::<Result<Vec<f64>, _>>()?;
        for (subject, count) in case.subjects.iter().zip(&counts) {
            let columns = [("instructions", *count)];
            let ratios = compare::ratios(&case, |other| count / counts[other]);
            report.add(&Line { case: &case.name, subject: subject.name(), columns: &columns, ratios })?;
        }
    }
    Ok(())
}
