//! Threads of Watchpost's own.

use std::io;
use std::thread::Builder;

/// Starts a thread. The work is boxed, because what the standard library makes of each type of it is 2 kB of code.
///
/// # Errors
/// The system's, if it has no thread to give.
pub fn start(name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    Builder::new().name(name.to_owned()).spawn(work).map(drop)
}
