//! Counts what each case allocates: `watchpost-bench-allocations <workload> <subject>`, as the options of those names. A line for each case
//! and subject: `<case> <subject> <allocations> <bytes>`, of an operation, on the calling thread.

use std::env;
use std::error::Error;
use std::io::{self, Write};

use watchpost_bench::measure::{Meter, Turn};
use watchpost_bench::{cases, logger};

const SAMPLES: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let (workload, subject) =
        (env::args().nth(1).unwrap_or_default(), env::args().nth(2).unwrap_or_default());
    logger::install()?;
    for case in cases::matching(&workload, &subject) {
        for subject in &case.subjects {
            let mut seen = Allocations::default();
            subject.play(case.mode, Turn { workload: case.workload, samples: SAMPLES, meter: &mut seen })?;
            let per_operation = |total: u64| total as f64 / (SAMPLES * case.workload.operations()) as f64;
            let (count, bytes) = (per_operation(seen.count), per_operation(seen.bytes));
            writeln!(io::stdout(), "{} {} {count} {bytes}", case.name, subject.name())?;
        }
    }
    Ok(())
}

/// What this thread allocates in all samples.
#[derive(Default)]
struct Allocations {
    count: u64,
    bytes: u64,
}

impl Meter for Allocations {
    fn measure(&mut self, body: &mut dyn FnMut()) {
        let seen = allocation_counter::measure(body);
        self.count += seen.count_total;
        self.bytes += seen.bytes_total;
    }
}
