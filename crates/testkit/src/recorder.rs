//! A transport that keeps what it is given.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use watchpost_core::{Delivery, Transport};
use watchpost_protocol::{Envelope, Timestamp};

use crate::captured::Captured;

/// Accepts every envelope and keeps it; clones share what is kept.
///
/// Each envelope is written and read back on the way, so that what a test sees is what a server would.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    envelopes: Arc<Mutex<Vec<Envelope>>>,
}

impl Recorder {
    /// A recorder that has nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Recorder::default()
    }

    /// Everything so far. Flush first: what is captured is sent by another thread.
    #[must_use]
    pub fn captured(&self) -> Captured {
        Captured::new(self.envelopes.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Transport for Recorder {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        match Envelope::from_slice(&envelope.to_vec(Timestamp::from(SystemTime::now()))) {
            Ok(read) => {
                self.envelopes.lock().unwrap_or_else(PoisonError::into_inner).push(read);
                Delivery::Accepted { limits: Vec::new() }
            }
            Err(error) => Delivery::Rejected { status: 400, message: error.to_string(), limits: Vec::new() },
        }
    }
}
