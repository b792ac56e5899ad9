//! Asks the other program of this package what each case allocates.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::process::{Command, Stdio};

use crate::args::Args;

/// Of an operation, on the calling thread.
#[derive(Clone, Copy)]
pub(crate) struct Allocations {
    pub(crate) count: f64,
    pub(crate) bytes: f64,
}

/// By case and subject.
pub(crate) struct Counts(HashMap<(String, String), Allocations>);

impl Counts {
    pub(crate) fn of(&self, case: &str, subject: &str) -> Result<Allocations, String> {
        let count = self.0.get(&(case.into(), subject.into())).copied();
        count.ok_or_else(|| format!("the allocations of {subject} in {case} were not counted"))
    }
}

/// Builds that program, in the profile of this one, and runs it.
pub(crate) fn count(args: &Args) -> Result<Counts, Box<dyn Error>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--bin", "watchpost-bench-allocations"]);
    cargo.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.args(["--", &args.workload, &args.subject]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("counting allocations ended with {}", output.status).into());
    }
    let counts = str::from_utf8(&output.stdout)?.lines().map(parse).collect::<Option<_>>();
    Ok(Counts(counts.ok_or("allocations were counted in lines of another form")?))
}

/// A line: `<case> <subject> <allocations> <bytes>`
fn parse(line: &str) -> Option<((String, String), Allocations)> {
    let mut words = line.split(' ');
    let key = (words.next()?.to_owned(), words.next()?.to_owned());
    Some((key, Allocations { count: words.next()?.parse().ok()?, bytes: words.next()?.parse().ok()? }))
}
