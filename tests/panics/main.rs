//! Programs that panic, each a process of its own: this one, run again. What was captured arrives or is counted, the hook that was there before
//! runs, and the program ends as it would have without us.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "that is what it is about"
)]

mod program;

fn main() -> std::process::ExitCode {
    program::run()
}
