//! Who is measured. Each sets itself up at the start of its turn, as a program would, and takes all of it down again: nobody else's client,
//! dispatcher or cached interest is there while one is measured.

mod fastrace;
mod floor;
mod opentelemetry;
mod sentry;
mod watchpost;

use std::error::Error;
use std::fmt::Debug;

use tracing::{Dispatch, dispatcher};

use crate::api::Tracing;
use crate::measure::Turn;
use crate::workloads::{Mode, Workload};

/// The subject whose cost is that of `tracing` itself.
pub const FLOOR: &str = "floor";
/// The subject that Watchpost is compared to.
pub const PEER: &str = "sentry";

/// In the order of their turns.
pub(crate) const ALL: [&dyn Subject; 7] = [
    &floor::Floor,
    &watchpost::Watchpost { logs: false },
    &watchpost::Watchpost { logs: true },
    &sentry::Sentry { logs: false },
    &sentry::Sentry { logs: true },
    &opentelemetry::OpenTelemetry,
    &fastrace::Fastrace,
];

/// Somebody who can be measured.
pub trait Subject: Debug + Sync {
    /// As in reports.
    fn name(&self) -> &'static str;

    /// Whether it can do this at all.
    fn takes(&self, workload: Workload, mode: Mode) -> bool;

    /// How many traces, or spans, it has sent so far. What is sent is discarded where it would leave the process.
    fn sent(&self) -> usize;

    /// Sets itself up, has its turn, and takes itself down.
    ///
    /// # Errors
    /// What kept it from being set up or taken down.
    fn play(&self, mode: Mode, turn: Turn<'_>) -> Result<(), Box<dyn Error>>;
}

/// Plays with a dispatcher and a counter of its own. It is new each time: making one decides anew for every callsite who is interested.
fn play_with(dispatch: &Dispatch, count: fn(), mut turn: Turn<'_>) {
    dispatcher::with_default(dispatch, || turn.play(&Tracing { count }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::measure::Meter;

    struct Once;

    impl Meter for Once {
        fn measure(&mut self, body: &mut dyn FnMut()) {
            body();
        }
    }

    /// One story, because a client is the whole process's: who keeps its traces sends them, whoever else has had a turn before.
    #[test]
    fn whose_turn_it_is_sends_what_its_mode_says_and_nobody_else_sends() {
        for case in cases::matching("child_span/", "") {
            for subject in &case.subjects {
                let sent = || case.subjects.iter().map(|it| it.sent());
                let before: Vec<usize> = sent().collect();
                let turn = Turn { workload: case.workload, samples: 1, meter: &mut Once };
                subject.play(case.mode, turn).unwrap();
                for ((it, before), after) in case.subjects.iter().zip(before).zip(sent()) {
                    let sends = it.name() == subject.name() && it.name() != FLOOR && case.mode == Mode::Rate1;
                    assert_eq!(
                        after > before,
                        sends,
                        "{} in the turn of {} at {}",
                        it.name(),
                        subject.name(),
                        case.name
                    );
                }
            }
        }
    }
}
