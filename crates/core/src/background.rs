//! Threads of Watchpost's own.

use std::io;
use std::thread::Builder;

use crate::mute;

/// Starts a thread that is muted for its whole life. The work is boxed, because what the standard library makes of each type of it is 2 kB of code.
///
/// # Errors
/// The system's, if it has no thread to give.
pub fn start(name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    let muted = move || {
        let _muted = mute::enter();
        work();
    };
    Builder::new().name(name.to_owned()).spawn(muted).map(drop)
}
