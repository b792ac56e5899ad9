//! Watchpost beside its peers, in one run.

mod api;
mod args;
mod compare;
mod logger;
mod measure;
mod report;
mod subjects;
mod workloads;

use std::error::Error;
use std::io::{self, Write};

use crate::args::{Args, Command};

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse()?;
    logger::install()?;
    match args.command {
        Command::Compare => compare(&args),
        Command::Instructions => todo!(),
        Command::Help => Ok(write!(io::stdout(), "{}", args::HELP)?),
    }
}

fn compare(args: &Args) -> Result<(), Box<dyn Error>> {
    if !args.json {
        report::table_head()?;
    }
    for case in args.cases() {
        let rows = compare::compare(&case, args.rounds, args.samples)?;
        if args.json {
            report::json_lines(&case, &rows)?;
        } else {
            report::table(&case, &rows)?;
        }
    }
    Ok(())
}
