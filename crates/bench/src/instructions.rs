//! Instructions of the calling thread, for each case and subject.
//!
//! ```text
//!   this program ── for each case and subject ──▶ valgrind: this program, `count <case> <subject>`
//!                                                   └─ counts while, and on the thread on which, `collected` runs
//! ```

use std::error::Error;

use watchpost_bench::callgrind;
use watchpost_bench::cases::{self, Case};
use watchpost_bench::measure::{Meter, Turn};
use watchpost_bench::subjects::Subject;

/// How many samples are counted, after the warm-up.
const SAMPLES: usize = 5;

/// Instructions of an operation.
pub(crate) fn count(subject: &dyn Subject, case: &Case) -> Result<f64, Box<dyn Error>> {
    let counted = callgrind::count(&["count", &case.name, subject.name()], "instructions::collected")?;
    Ok(counted / (SAMPLES * case.workload.operations()) as f64)
}

/// What valgrind runs: one turn.
pub(crate) fn play(case: &str, subject: &str) -> Result<(), Box<dyn Error>> {
    let case = cases::named(case).ok_or("no such case")?;
    let subject = case.subjects.iter().find(|it| it.name() == subject).ok_or("no such subject")?;
    subject.play(case.mode, Turn { workload: case.workload, samples: SAMPLES, meter: &mut Collect })
}

struct Collect;

impl Meter for Collect {
    fn measure(&mut self, body: &mut dyn FnMut()) {
        collected(body);
    }
}

/// Neither inlined nor generic: valgrind knows it by its name.
#[inline(never)]
fn collected(body: &mut dyn FnMut()) {
    body();
}
