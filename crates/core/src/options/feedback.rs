//! What users say.

use std::sync::Arc;

use watchpost_protocol::Event;

use super::Options;

impl Options {
    /// Sees what a user says last, on the worker: an event with the context `feedback`. `None` drops it, and so does a panic; both are counted as
    /// `before_send`. Default: none.
    pub fn before_send_feedback(
        mut self,
        hook: impl Fn(Event) -> Option<Event> + Send + Sync + 'static,
    ) -> Self {
        self.before_send_feedback = Some(Arc::new(hook));
        self
    }
}
