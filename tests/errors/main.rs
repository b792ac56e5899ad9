//! Errors that people can act on: what each is called, where its stack begins, what goes with it, and that one error is one issue.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and a child speaks"
)]

mod attachments;
mod builder;
mod fields;
mod hooks;
mod once;
mod size;
mod stacks;
mod types;

use std::error::Error;
use std::fmt;

/// An error of the program, whose variants say how it comes.
#[derive(Debug)]
pub(crate) enum Payment {
    Declined,
    Unreachable(std::io::Error),
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payment::Declined => f.write_str("the card was declined"),
            Payment::Unreachable(_) => f.write_str("the bank cannot be reached"),
        }
    }
}

impl Error for Payment {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Payment::Declined => None,
            Payment::Unreachable(error) => Some(error),
        }
    }
}

pub(crate) fn unreachable() -> Payment {
    Payment::Unreachable(std::io::ErrorKind::TimedOut.into())
}
