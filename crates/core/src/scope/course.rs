//! What happens in a scope: breadcrumbs, what is reported, the trace and the session that it is in.

use std::sync::{Arc, MutexGuard};

use watchpost_protocol::{Breadcrumb, EventId, SessionStatus};

use super::Scope;
use super::live::Live;
use crate::breadcrumbs::{FlatCrumb, Ring};
use crate::fields::Fields;
use crate::last_error::LastError;
use crate::propagation_context::PropagationContext;
use crate::session::{Part, Session};

impl Scope {
    /// Adds a breadcrumb to this scope as it is, at most `limit` of the newest are kept. The free function
    /// [`add_breadcrumb`](crate::api::add_breadcrumb) also stamps the time and asks `before_breadcrumb`.
    pub fn push_breadcrumb(&self, breadcrumb: Breadcrumb, limit: usize) {
        let old = self.lock_live().breadcrumbs.push(breadcrumb, limit);
        drop(old); // freed outside the lock
    }

    #[inline] // its one caller is on the way of every breadcrumb
    pub(crate) fn push_flat_breadcrumb(&self, crumb: FlatCrumb, fields: &Fields, limit: usize) {
        let old = self.lock_live().breadcrumbs.push_flat(crumb, fields, limit);
        drop(old); // freed outside the lock
    }

    pub(super) fn lock_live(&self) -> MutexGuard<'_, Live> {
        self.cell().live()
    }

    /// Removes all breadcrumbs.
    pub fn clear_breadcrumbs(&self) {
        self.lock_live().breadcrumbs = Ring::default();
    }

    /// The id of the last error event captured under this isolation scope; transactions do not count.
    #[must_use]
    pub fn last_event_id(&self) -> Option<EventId> {
        self.lock_live().reported()?.event_id
    }

    /// Whether an error was reported under this isolation scope: an event with an exception, or a message of the level `error` or above.
    #[must_use]
    pub fn has_reported_error(&self) -> bool {
        self.lock_live().reported().is_some_and(|reported| reported.error.is_some())
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.lock_live().reported()?.error.clone()
    }

    /// An event was reported under this isolation scope, and of what error, if it is of one.
    pub(crate) fn set_reported(&self, id: EventId, error: Option<LastError>) {
        self.lock_live().report().event_id = Some(id);
        self.set_refused(error);
    }

    /// An error happened under this isolation scope that is not reported, because it was not sampled or may not be sent.
    pub(crate) fn set_refused(&self, error: Option<LastError>) {
        let Some(error) = error else { return };
        let before = self.lock_live().report().error.replace(error);
        drop(before); // freed outside the lock
    }

    /// The trace that this isolation scope belongs to when no span is open; `fresh` makes one for a scope that has none yet.
    pub(crate) fn propagation(&self, fresh: impl FnOnce() -> PropagationContext) -> Arc<PropagationContext> {
        if let Some(context) = &self.lock_live().propagation {
            return Arc::clone(context);
        }
        let context = Arc::new(fresh()); // asks the program's dice, maybe: not under the lock
        Arc::clone(self.lock_live().propagation.get_or_insert(context))
    }

    /// The session that happens here, wherever it began.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.lock_live().session.as_mut()?.session()
    }

    /// Begins a session here. One that began here before is over.
    pub(crate) fn begin_session(&self, session: Part) {
        let before = self.lock_live().session.replace(session);
        if let Some(before) = before {
            before.end(SessionStatus::Exited);
        }
    }

    /// Ends the session that began here, if one did.
    pub(crate) fn end_session(&self, status: SessionStatus) {
        let own = self.lock_live().session.take_if(|part| part.is_own());
        if let Some(own) = own {
            own.end(status);
        }
    }

    pub(crate) fn set_propagation(&self, context: Option<Arc<PropagationContext>>) {
        self.lock_live().propagation = context;
    }
}
