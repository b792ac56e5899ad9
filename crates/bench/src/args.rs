//! The command line.

use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::subjects::{self, Subject};
use crate::workloads::{Mode, Workload};

pub(crate) const HELP: &str = "\
Watchpost beside its peers.

usage: watchpost-bench [options]                time and allocations
       watchpost-bench instructions [options]   instructions, counted by valgrind

  --workload <text>   only workloads whose name, as child_span/rate_0, contains the text
  --subject <text>    only subjects whose name contains the text; ratios need floor and sentry
  --rounds <n>        how often each subject has its turn (default: 7)
  --quick             3 short rounds
  --json              a JSON line for each workload and subject, instead of a table
";

pub(crate) struct Args {
    pub(crate) command: Command,
    pub(crate) workload: String,
    pub(crate) subject: String,
    pub(crate) rounds: usize,
    /// How many samples a turn has.
    pub(crate) samples: usize,
    pub(crate) json: bool,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Command {
    Compare,
    Instructions,
    Help,
}

impl Args {
    pub(crate) fn parse() -> Result<Args, lexopt::Error> {
        let mut args = Args {
            command: Command::Compare,
            workload: String::new(),
            subject: String::new(),
            rounds: 7,
            samples: 20,
            json: false,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("workload") => args.workload = parser.value()?.string()?,
                Long("subject") => args.subject = parser.value()?.string()?,
                Long("rounds") => args.rounds = parser.value()?.parse::<usize>()?.max(1),
                Long("quick") => (args.rounds, args.samples) = (3, 5),
                Long("json") => args.json = true,
                Long("help") | Short('h') => args.command = Command::Help,
                Value(command) if command == "instructions" => args.command = Command::Instructions,
                other => return Err(other.unexpected()),
            }
        }
        Ok(args)
    }

    /// What is to be measured, and of whom.
    pub(crate) fn cases(&self) -> impl Iterator<Item = Case> {
        let modes = |workload: Workload| workload.modes().iter().map(move |&mode| (workload, mode));
        let cases = Workload::ALL.into_iter().flat_map(modes).map(|(workload, mode)| Case {
            name: format!("{}/{}", workload.name(), mode.name()),
            workload,
            mode,
            subjects: subjects::ALL
                .into_iter()
                .filter(|subject| subject.takes(workload, mode) && subject.name().contains(&self.subject))
                .collect(),
        });
        cases.filter(|case| case.name.contains(&self.workload))
    }
}

/// One workload in one mode, and those who do it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) workload: Workload,
    pub(crate) mode: Mode,
    pub(crate) subjects: Vec<&'static dyn Subject>,
}
