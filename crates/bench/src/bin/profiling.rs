//! What the profiler costs a busy program: its threads, which are interrupted, and the profiler's own; how to run it is in the `README.md` of this package.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use watchpost::protocol::Envelope;
use watchpost::{Delivery, Options, Transport, profiler};

/// How many threads are busy.
const THREADS: [usize; 2] = [1, 4];
/// How often each has its turn without and with the profiler.
const ROUNDS: usize = 9;
/// How deep the stacks are, besides what a thread begins with.
const DEPTH: usize = 30;
/// What a thread does in a turn: about half a second.
const UNITS: usize = 4_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "watchpost-bench-profiling: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let units = if std::env::args().any(|argument| argument == "--quick") { UNITS / 40 } else { UNITS };
    let options = Options::new().use_environment(false).transport(Nowhere);
    let options = options.traces_sample_rate(1.0)?.profile_session_sample_rate(1.0)?;
    let _guard = watchpost::init(options)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:>7} {:>11} {:>11} {:>11} {:>11}",
        "threads", "handlers", "profiler", "together", "noise"
    )?;
    for threads in THREADS {
        let costs = (0..ROUNDS).map(|_| round(threads, units)).collect::<io::Result<Vec<_>>>()?;
        let [handlers, own, together, noise] = [0, 1, 2, 3].map(|which| {
            let mut values: Vec<f64> = costs.iter().map(|cost| 100.0 * cost[which]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        });
        writeln!(out, "{threads:>7} {handlers:>9.2} % {own:>9.2} % {together:>9.2} % {noise:>9.2} %")?;
    }
    Ok(())
}

/// What the profiler costs, by what the work costs without it: the threads that are interrupted, its own, and both; and by how much two turns without
/// it differ.
fn round(threads: usize, units: usize) -> io::Result<[f64; 4]> {
    let before = turn(threads, units)?;
    profiler::start();
    turn(threads, units / 20)?; // the first samples read the binary
    let own = spent("watchpost-profi")?;
    let with = turn(threads, units)?;
    let own = spent("watchpost-profi")? - own;
    profiler::stop();
    watchpost::flush(None);
    let after = turn(threads, units)?;
    let without = (before + after) / 2.0;
    let (handlers, own) = (with / without - 1.0, own / without);
    Ok([handlers, own, handlers + own, (before - after).abs() / without])
}

/// Has threads do their work; the processor time that they spent, in nanoseconds.
fn turn(threads: usize, units: usize) -> io::Result<f64> {
    thread::scope(|scope| {
        let work = || {
            let before = nanos("/proc/thread-self/schedstat")?;
            (0..units).for_each(|unit| _ = black_box(deep(DEPTH, unit as u64)));
            Ok(nanos("/proc/thread-self/schedstat")? - before)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
            .sum()
    })
}

#[inline(never)]
fn deep(depth: usize, seed: u64) -> u64 {
    if depth > 0 {
        return black_box(deep(depth - 1, seed)) + 1;
    }
    let mut number = seed;
    for step in 0..100_000_u64 {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step));
    }
    number
}

/// The processor time of the threads of this process that are called so.
fn spent(name: &str) -> io::Result<f64> {
    let mut sum = 0.0;
    for entry in fs::read_dir("/proc/self/task")?.flatten() {
        let path = entry.path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name) {
            sum += nanos(path.join("schedstat"))?;
        }
    }
    Ok(sum)
}

/// The first number of a `schedstat`.
fn nanos(path: impl AsRef<std::path::Path>) -> io::Result<f64> {
    let text = fs::read_to_string(path)?;
    text.split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Takes everything, and throws it away.
struct Nowhere;

impl Transport for Nowhere {
    fn deliver(&self, _: &Envelope) -> Delivery {
        Delivery::Accepted { limits: Vec::new() }
    }
}
