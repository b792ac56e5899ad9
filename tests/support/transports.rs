//! Transports that do what servers do on a bad day.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use watchpost::{Delivery, Envelope, Transport};
use watchpost_testkit::Recorder;

/// Never answers before the test lets go of it; then records.
pub(crate) struct Blocked {
    gate: Mutex<Receiver<()>>,
    begun: Sender<()>,
    recorder: Recorder,
}

/// The test's side of [`Blocked`]. Dropping it lets everything pass.
pub(crate) struct Gate {
    begun: Receiver<()>,
    #[expect(dead_code, reason = "held for its drop")]
    closed: Sender<()>,
}

impl Blocked {
    pub(crate) fn new(recorder: &Recorder) -> (Blocked, Gate) {
        let (closed, gate) = channel();
        let (started, begun) = channel();
        let blocked = Blocked { gate: Mutex::new(gate), begun: started, recorder: recorder.clone() };
        (blocked, Gate { begun, closed })
    }
}

impl Gate {
    /// Waits until a delivery is under way.
    pub(crate) fn wait_for_delivery(&self) {
        let _ = self.begun.recv();
    }
}

impl Transport for Blocked {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        let _ = self.begun.send(());
        let _ = self.gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
        self.recorder.deliver(envelope)
    }
}
