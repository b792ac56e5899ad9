//! Time, in interleaved rounds, and allocations, in a turn of their own.

use std::error::Error;

use crate::args::Case;
use crate::measure::{Allocations, Clock, Turn, median};
use crate::subjects::{FLOOR, PEER, Subject};

/// What is known of a subject at the end.
pub(crate) struct Row {
    pub(crate) subject: &'static str,
    /// Medians over the rounds.
    pub(crate) ns: f64,
    pub(crate) ratio_to_floor: Option<f64>,
    pub(crate) ratio_to_peer: Option<f64>,
    pub(crate) allocs: f64,
    pub(crate) bytes: f64,
}

/// In each round every subject has a turn. A machine that slows down does so for all of a round, so ratios are taken within it.
pub(crate) fn compare(case: &Case, rounds: usize, samples: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let round: Result<Vec<f64>, _> =
            case.subjects.iter().map(|subject| time(*subject, case, samples)).collect();
        times.push(round?);
    }
    let place = |name: &str| case.subjects.iter().position(|subject| subject.name() == name);
    let (floor, peer) = (place(FLOOR), place(PEER));
    let over_rounds =
        |value: &dyn Fn(&[f64]) -> f64| median(times.iter().map(|round| value(round)).collect());
    case.subjects
        .iter()
        .enumerate()
        .map(|(i, subject)| {
            let (allocs, bytes) = allocations(*subject, case)?;
            Ok(Row {
                subject: subject.name(),
                ns: over_rounds(&|round| round[i]),
                ratio_to_floor: floor.map(|floor| over_rounds(&|round| round[i] / round[floor])),
                ratio_to_peer: peer.map(|peer| over_rounds(&|round| round[i] / round[peer])),
                allocs,
                bytes,
            })
        })
        .collect()
}

/// Nanoseconds of an operation: the median of a turn's samples.
fn time(subject: &dyn Subject, case: &Case, samples: usize) -> Result<f64, Box<dyn Error>> {
    let mut clock = Clock::default();
    subject.play(case.mode, Turn { workload: case.workload, samples, meter: &mut clock })?;
    Ok(clock.median() / case.workload.operations() as f64)
}

/// Allocations and bytes of an operation: the mean of a turn.
fn allocations(subject: &dyn Subject, case: &Case) -> Result<(f64, f64), Box<dyn Error>> {
    const SAMPLES: usize = 10;
    let mut seen = Allocations::default();
    subject.play(case.mode, Turn { workload: case.workload, samples: SAMPLES, meter: &mut seen })?;
    let operations = (SAMPLES * case.workload.operations()) as f64;
    Ok((seen.count as f64 / operations, seen.bytes as f64 / operations))
}
