//! Transports that do what servers do on a bad day.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use watchpost::{Delivery, Envelope, Transport};
use watchpost_testkit::Recorder;

/// Never answers before the test lets go of it; then as the transport within does.
pub(crate) struct Blocked {
    gate: Mutex<Receiver<()>>,
    begun: Sender<()>,
    then: Box<dyn Transport>,
}

/// The test's side of [`Blocked`]. Dropping it lets everything pass.
pub(crate) struct Gate {
    begun: Receiver<()>,
    #[expect(dead_code, reason = "held for its drop")]
    closed: Sender<()>,
}

impl Blocked {
    pub(crate) fn new(then: impl Transport) -> (Blocked, Gate) {
        let (closed, gate) = channel();
        let (started, begun) = channel();
        let blocked = Blocked { gate: Mutex::new(gate), begun: started, then: Box::new(then) };
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
        self.then.deliver(envelope)
    }
}

/// Gives the answers of its list, one per envelope, then accepts. What was accepted is recorded.
pub(crate) struct Scripted {
    answers: Mutex<VecDeque<Delivery>>,
    recorder: Recorder,
}

impl Scripted {
    pub(crate) fn new(recorder: &Recorder, answers: impl IntoIterator<Item = Delivery>) -> Self {
        Scripted { answers: Mutex::new(answers.into_iter().collect()), recorder: recorder.clone() }
    }
}

impl Transport for Scripted {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        match self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
            None => self.recorder.deliver(envelope),
            Some(accepted @ Delivery::Accepted { .. }) => {
                self.recorder.deliver(envelope);
                accepted
            }
            Some(refused) => refused,
        }
    }
}
