//! What leaves the process (`protocol.md` §16).

use super::Options;
use crate::body_size::MaxRequestBodySize;
use crate::scrub::EventScrubber;

impl Options {
    /// Whether what tells who somebody is may be collected by integrations and sent: addresses and cookies. Secrets are
    /// another matter, see [`event_scrubber`](Self::event_scrubber). Default: false.
    pub fn send_default_pii(mut self, send: bool) -> Self {
        self.send_default_pii = send;
        self
    }

    /// How large the body of a request may be to be reported. Bodies are data about persons: without
    /// [`send_default_pii`](Self::send_default_pii) there is none, whatever its size. Default: [`MaxRequestBodySize::Medium`].
    pub fn max_request_body_size(mut self, size: MaxRequestBodySize) -> Self {
        self.max_request_body_size = size;
        self
    }

    /// What takes secrets out of everything before a hook sees it and before it is sent; `None`: nothing does, and only what
    /// integrations collect is filtered. Default: [`EventScrubber::default()`].
    pub fn event_scrubber(mut self, scrubber: impl Into<Option<EventScrubber>>) -> Self {
        self.event_scrubber = scrubber.into();
        self
    }
}
