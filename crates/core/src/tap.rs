//! A second receiver for everything that is sent, beside the server: see [`Options::spotlight`](crate::Options::spotlight), and [`Options::tap`](crate::Options::tap).

use std::time::Duration;

use watchpost_protocol::Envelope;

/// Takes a copy of every envelope: the finished one, before any rate limit, whatever becomes of the envelope itself.
///
/// A worker of the client calls it, and whatever time it takes is taken from the server: it hands the copy on and returns.
pub trait Tap: Send + Sync + 'static {
    /// Takes a copy. One that cannot be taken is nobody's loss: it is counted nowhere.
    fn copy(&self, envelope: &Envelope);

    /// Waits until what was taken has arrived or was given up, at most so long.
    fn wait(&self, timeout: Duration);
}
