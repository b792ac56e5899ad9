//! The test `panics` as an example, which can be built with `panic = "abort"`; a test cannot:
//! `cargo run --profile abort -p watchpost-tests --example panics`.

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
