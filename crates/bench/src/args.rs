//! The command line.

use lexopt::prelude::{Long, Short, Value, ValueExt};

pub(crate) const HELP: &str = "\
Watchpost beside its peers.

usage: watchpost-bench [options]                times and allocations
       watchpost-bench instructions [options]   instructions, counted by valgrind
       watchpost-bench delivery [options]       from the end of a span to the bytes on the wire
       watchpost-bench serve [options]          a server under load

  --workload <text>   only workloads whose name, as child_span/rate_0, contains the text
  --subject <text>    only subjects whose name contains the text; ratios need floor and sentry
  --rounds <n>        how many times each subject has its turn at the clock (default: 15)
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

pub(crate) enum Command {
    Compare,
    Instructions,
    Delivery,
    /// What `Delivery` has a process of its own do.
    Send {
        subject: String,
        dsn: String,
        transactions: usize,
        /// In microseconds.
        pace: u64,
    },
    Serve,
    /// What `Serve` has a process of its own do.
    Host {
        subject: String,
        rate: f32,
    },
    /// What `Instructions` has valgrind run.
    Count {
        case: String,
        subject: String,
    },
    Help,
}

impl Args {
    pub(crate) fn parse() -> Result<Args, lexopt::Error> {
        let mut args = Args {
            command: Command::Compare,
            workload: String::new(),
            subject: String::new(),
            rounds: 15,
            samples: 11,
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
                Value(word) if word == "instructions" => args.command = Command::Instructions,
                Value(word) if word == "delivery" => args.command = Command::Delivery,
                Value(word) if word == "serve" => args.command = Command::Serve,
                Value(word) if word == "host" => {
                    let (subject, rate) = (parser.value()?.string()?, parser.value()?.parse()?);
                    args.command = Command::Host { subject, rate };
                }
                Value(word) if word == "send" => {
                    let (subject, dsn) = (parser.value()?.string()?, parser.value()?.string()?);
                    let (transactions, pace) = (parser.value()?.parse()?, parser.value()?.parse()?);
                    args.command = Command::Send { subject, dsn, transactions, pace };
                }
                Value(word) if word == "count" => {
                    let (case, subject) = (parser.value()?.string()?, parser.value()?.string()?);
                    args.command = Command::Count { case, subject };
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(args)
    }
}
