//! Threads of Watchpost's own.

mod priority;

use std::io;
use std::thread::Builder;

pub(crate) use priority::give_way;

/// Starts a thread. The work is boxed, because what the standard library makes of each type of it is 2 kB of code.
///
/// # Errors
/// The system's, if it has no thread to give.
pub fn start(name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    Builder::new().name(name.to_owned()).spawn(work).map(drop)
}
