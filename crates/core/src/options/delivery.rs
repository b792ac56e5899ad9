//! How things are sent.

use std::sync::Arc;
use std::time::Duration;

use super::Options;
use crate::transport::Transport;

impl Options {
    /// What sends. Default: with the facade's feature `http`, HTTP to the DSN.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Draws what would be sent in the terminal when there is no DSN, instead of sending nothing. Default: no.
    pub fn console(mut self) -> Self {
        self.console = true;
        self
    }

    /// Whether the server is told what was dropped and why. Default: true.
    pub fn send_client_reports(mut self, send: bool) -> Self {
        self.send_client_reports = send;
        self
    }

    /// How many items may wait to be sent. What comes when so many wait is dropped and counted. At least 1. Default: 100.
    pub fn transport_queue_size(mut self, items: usize) -> Self {
        self.transport_queue_size = items.max(1);
        self
    }

    /// How long the guard waits, when it is dropped, for what is still to be sent. Default: 2 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }
}
