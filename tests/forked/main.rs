//! A process that forks: its child has neither its worker nor a connection of its own, and reports nevertheless (features I30). Where no process
//! forks, there is nothing to see.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

#[cfg(unix)]
mod children;

fn main() {
    #[cfg(unix)]
    children::report();
    println!("test forked ... ok");
}
