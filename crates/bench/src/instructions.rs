//! Instructions of the calling thread, counted by valgrind. They repeat where times do not.
//!
//! ```text
//!   this program ── for each case and subject ──▶ valgrind --tool=callgrind this program count <case> <subject>
//!                                                   └─ counts while, and on the thread on which, `collected` runs
//! ```

use std::error::Error;
use std::process::{Command, Stdio};
use std::{env, fs, io, process};

use watchpost_bench::cases::{self, Case};
use watchpost_bench::measure::{Meter, Turn};
use watchpost_bench::subjects::Subject;

/// How many samples are counted, after the warm-up.
const SAMPLES: usize = 5;

const MISSING: &str = "instructions are counted by valgrind, which is not installed: install it (its package is `valgrind`) and try again";

/// Instructions of an operation.
pub(crate) fn count(subject: &dyn Subject, case: &Case) -> Result<f64, Box<dyn Error>> {
    let profile = env::temp_dir().join(format!("watchpost-bench-{}.callgrind", process::id()));
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*instructions::collected*"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .args(["count", &case.name, subject.name()])
        .stdin(Stdio::null())
        .output();
    let ended = ended.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => MISSING.into(),
        _ => format!("valgrind did not start: {error}"),
    })?;
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).into());
    }
    let counted = total(&fs::read_to_string(&profile)?).ok_or("valgrind counted nothing")?;
    fs::remove_file(&profile)?;
    Ok(counted / (SAMPLES * case.workload.operations()) as f64)
}

/// The line `totals: <instructions>` of a profile. It is 0 if `collected` was not found.
fn total(profile: &str) -> Option<f64> {
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "))?;
    total.trim().parse().ok().filter(|&total| total > 0.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile() {
        assert_eq!(total("events: Ir\nfn=(1) main\n2 40\n\ntotals: 1234\n"), Some(1234.0));
        assert_eq!(total("events: Ir\n"), None);
        assert_eq!(total("events: Ir\ntotals: 0\n"), None);
    }
}
