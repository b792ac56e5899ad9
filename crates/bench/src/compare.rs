//! Times, in interleaved rounds.

use std::error::Error;
use std::time::Instant;

use watchpost_bench::cases::Case;
use watchpost_bench::measure::{Meter, Turn};
use watchpost_bench::subjects::{FLOOR, PEER, Subject};

/// What a subject took; medians over the rounds.
pub(crate) struct Timing {
    pub(crate) ns: f64,
    pub(crate) ratios: Ratios,
}

/// How much of what the floor and the peer cost, if they took part.
pub(crate) struct Ratios {
    pub(crate) to_floor: Option<f64>,
    pub(crate) to_peer: Option<f64>,
}

/// The timing of each subject. In a round every subject has a turn: a machine that slows down does so for all of them, so ratios are taken
/// within a round.
pub(crate) fn times(case: &Case, rounds: usize, samples: usize) -> Result<Vec<Timing>, Box<dyn Error>> {
    let round = || case.subjects.iter().map(|subject| time(*subject, case, samples)).collect();
    let rounds = (0..rounds).map(|_| round()).collect::<Result<Vec<Vec<f64>>, _>>()?;
    let timing = |subject: usize| Timing {
        ns: median(rounds.iter().map(|round| round[subject])),
        ratios: ratios(case, |other| median(rounds.iter().map(|round| round[subject] / round[other]))),
    };
    Ok((0..case.subjects.len()).map(timing).collect())
}

/// `to` says how a subject compares to the one of that place in the case.
pub(crate) fn ratios(case: &Case, to: impl Fn(usize) -> f64) -> Ratios {
    let place = |name| case.subjects.iter().position(|subject| subject.name() == name);
    Ratios { to_floor: place(FLOOR).map(&to), to_peer: place(PEER).map(&to) }
}

/// Nanoseconds of an operation: the median of a turn's samples.
fn time(subject: &dyn Subject, case: &Case, samples: usize) -> Result<f64, Box<dyn Error>> {
    let mut clock = Clock::default();
    subject.play(case.mode, Turn { workload: case.workload, samples, meter: &mut clock })?;
    Ok(median(clock.0.into_iter()) / case.workload.operations() as f64)
}

/// Nanoseconds of each sample.
#[derive(Default)]
struct Clock(Vec<f64>);

impl Meter for Clock {
    fn measure(&mut self, body: &mut dyn FnMut()) {
        body(); // after a pause the first run finds cold caches
        let start = Instant::now();
        body();
        self.0.push(start.elapsed().as_secs_f64() * 1e9);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_values() {
        assert_eq!(median([9.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([9.0, 1.0, 2.0, 4.0].into_iter()), 3.0);
    }
}
