//! How things are sent.

use std::sync::Arc;
use std::time::Duration;

use super::Options;
use crate::spool::{Spool, SpoolOptions};
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

    /// How many items may wait to be sent or be under way. When there are so many, the least important goes: logs and metrics first, then
    /// transactions, check-ins and sessions, errors, crashes; of equals, the one that comes last. What goes is counted as `queue_overflow`. At
    /// least 1. Default: 16 384, which is more than a burst of 10 000 that comes faster than it can be sent; what bounds the memory is
    /// [`transport_queue_bytes`](Self::transport_queue_bytes).
    pub fn transport_queue_size(mut self, items: usize) -> Self {
        self.transport_queue_size = items.max(1);
        self
    }

    /// How much memory those items may hold, in bytes, as they are before they are made JSON: an estimate, on the safe side. Beyond it,
    /// items go as with [`transport_queue_size`](Self::transport_queue_size). What is being prepared and sent needs some more, for each of
    /// [`max_in_flight`](Self::max_in_flight). Default: 55 000 000, room for 10 000 transactions of six spans, or some 4 500 of
    /// fifty.
    pub fn transport_queue_bytes(mut self, bytes: usize) -> Self {
        self.transport_queue_bytes = bytes;
        self
    }

    /// How many envelopes may be under way at once, each on a thread of its own. With one request after the other, a server that is 100 ms
    /// away takes ten items a second. There is one thread as long as it keeps up; the others are started while items wait, and end when
    /// there is nothing to do. With 1, items arrive in the order in which they are sent. At least 1. Default: 8.
    pub fn max_in_flight(mut self, envelopes: usize) -> Self {
        self.max_in_flight = envelopes.max(1);
        self
    }

    /// Keeps on the disk what cannot be sent, to send it later, from this process or the next one that is given the same directory: what is
    /// under way or waits when a close is out of time, what had no answer three times, what waits while the server has been away for a while
    /// or when the queue is nearly full, and, before it is sent at all, what may take the program down. It comes back in order of
    /// importance, one envelope every tenth of a second, faster when the client is closed. Only workers read and write. A path alone
    /// has the bounds of [`SpoolOptions`]. Needs the facade's feature `spool`. Default: none, what cannot be sent is counted and lost.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// let options = watchpost::Options::new().spool("/var/spool/shop");
    /// ```
    pub fn spool(mut self, spool: impl Into<SpoolOptions>) -> Self {
        self.spool = Some(spool.into());
        self
    }

    /// Keeps what cannot be sent as [`spool`](Self::spool) says, but in a store of the program's own instead of a directory. Default: none.
    pub fn spool_store(mut self, store: impl Spool) -> Self {
        self.spool_store = Some(Arc::new(store));
        self
    }

    /// Whether fewer traces are kept while more is captured than can be sent. While the queue has no room for another trace, none begins to be
    /// recorded. While it overflows, or a rate limit is in force, the share of traces that is kept is halved every ten seconds, down to 1/1024; it is
    /// restored at once when all is well. The loss is counted as `backpressure`. Errors are not concerned, and neither are traces that the program decided on where it
    /// started them. Default: true.
    pub fn enable_backpressure_handling(mut self, enabled: bool) -> Self {
        self.enable_backpressure_handling = enabled;
        self
    }

    /// Whether workers give way to the program's own threads from the first transaction, log or metric on that they send: their niceness rises
    /// by 7, so that where both want a processor they get a sixth of it. There is no way back, and a thread that a hook or a transport starts has
    /// the priority of the worker that it is started on: a program whose hooks start its thread pools switches this off. What somebody waits for, in
    /// `flush` or `close`, makes no worker give way. On Linux only. Default: true.
    pub fn lower_worker_priority(mut self, enabled: bool) -> Self {
        self.lower_worker_priority = enabled;
        self
    }

    /// How long the guard waits, when it is dropped, for what is still to be sent. Default: 2 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }
}
