//! What happens in a scope, and changes too often to be copied on write: the trail, what was reported last, the trace, the session.

use std::sync::Arc;

use watchpost_protocol::EventId;

use crate::breadcrumbs::Ring;
use crate::last_error::LastError;
use crate::propagation_context::PropagationContext;
use crate::session::Part;

/// What changes too often to be copied on write. It is made for every request: what most never need takes a word.
#[derive(Default)]
pub(super) struct Live {
    pub(super) breadcrumbs: Ring,
    reported: Option<Box<Reported>>,
    pub(super) propagation: Option<Arc<PropagationContext>>,
    pub(super) session: Option<Part>,
}

/// What was reported last.
#[derive(Default)]
pub(super) struct Reported {
    pub(super) event_id: Option<EventId>,
    pub(super) error: Option<LastError>,
}

impl Live {
    pub(super) fn new(propagation: Option<Arc<PropagationContext>>, session: Option<Part>) -> Self {
        Live { breadcrumbs: Ring::default(), reported: None, propagation, session }
    }

    pub(super) fn reported(&self) -> Option<&Reported> {
        self.reported.as_deref()
    }

    pub(super) fn report(&mut self) -> &mut Reported {
        self.reported.get_or_insert_default()
    }

    /// What a fork has of it, with a session that is shared.
    pub(super) fn fork(&mut self) -> Self {
        let breadcrumbs = self.breadcrumbs.fork();
        Live { breadcrumbs, ..Live::new(self.propagation.clone(), self.forked_session()) }
    }

    /// What a fork has of the session.
    pub(super) fn forked_session(&mut self) -> Option<Part> {
        self.session.as_mut()?.fork()
    }
}
