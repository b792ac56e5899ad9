//! The wire's side of the contract: what a transport does, and what it may answer.

use watchpost_protocol::{Envelope, RateLimit};

/// Puts one envelope on the wire.
///
/// This is all that a transport has to know. Queueing, rate limits, counting what is lost, and deadlines are the outbox's, and are
/// written once. The call blocks until there is an answer, and must end by itself: set every timeout that the wire has. It runs on a
/// worker thread of the client, which is muted; on several at once, while more waits than one can send
/// ([`Options::max_in_flight`](crate::Options::max_in_flight)). So envelopes may overtake each other, unless that option is 1.
///
/// A transport of your own is short:
///
/// ```
/// # mod watchpost { pub use watchpost_core::*; pub use watchpost_protocol::{self as protocol, *}; }
/// use std::io::Write;
/// use std::sync::Mutex;
/// use std::time::SystemTime;
/// use watchpost::{Delivery, Envelope, Transport};
/// use watchpost::protocol::Timestamp;
///
/// /// Appends every envelope to a file.
/// struct ToFile(Mutex<std::fs::File>);
///
/// impl Transport for ToFile {
///     fn deliver(&self, envelope: &Envelope) -> Delivery {
///         let Ok(mut file) = self.0.lock() else {
///             return Delivery::Unreachable { error: "an earlier write panicked".into() };
///         };
///         match file.write_all(&envelope.to_vec(Timestamp::from(SystemTime::now()))) {
///             Ok(()) => Delivery::Accepted { limits: Vec::new() },
///             Err(error) => Delivery::Unreachable { error: error.to_string() },
///         }
///     }
/// }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Sends `envelope` and says what became of it.
    fn deliver(&self, envelope: &Envelope) -> Delivery;
}

impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        (**self).deliver(envelope)
    }
}

/// What the wire answered; what is done about it is the outbox's.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// The server took it (2xx).
    Accepted {
        /// Limits that came with the answer; they hold from now on.
        limits: Vec<RateLimit>,
    },
    /// The server refused it because of a rate limit (429). Not counted as a loss: the server has counted it.
    Limited {
        /// The limits, already with the protocol's default of 60 s when the server named none.
        limits: Vec<RateLimit>,
    },
    /// The server refused it for another reason. Counted as `send_error`, never sent again.
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the server said, for the developer.
        message: String,
        /// Limits that came with the answer.
        limits: Vec<RateLimit>,
    },
    /// There was no answer. The envelope is given to the transport again, after a pause that grows as long as nothing is answered; after
    /// the third time, or when the client is closed, it is kept in the [`spool`](crate::Options::spool), or without one lost as `network_error`.
    Unreachable {
        /// What went wrong, for the developer.
        error: String,
    },
}
