//! What happens in a scope, and changes too often to be copied on write: the trail, what was reported last, the trace, the session.

use std::sync::Arc;

use watchpost_protocol::EventId;

use crate::breadcrumbs::Ring;
use crate::last_error::LastError;
use crate::propagation_context::PropagationContext;
use crate::session::Part;

/// What changes too often to be copied on write.
#[derive(Default)]
pub(super) struct Live {
    pub(super) breadcrumbs: Ring,
    pub(super) last_event_id: Option<EventId>,
    pub(super) last_error: Option<LastError>,
    pub(super) propagation: Option<Arc<PropagationContext>>,
    pub(super) session: Option<Part>,
}

impl Live {
    /// Whether there is nothing that a fork would have.
    pub(super) fn is_untouched(&self) -> bool {
        self.breadcrumbs.total() == 0 && self.propagation.is_none() && self.session.is_none()
    }

    /// What a fork has of the session.
    pub(super) fn forked_session(&mut self) -> Option<Part> {
        self.session.as_mut()?.fork()
    }
}
