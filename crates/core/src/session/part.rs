//! The part that a scope has in a session.

use std::sync::Arc;

use watchpost_protocol::{SessionStatus, Timestamp};

use super::{Ledger, Session};

/// How a scope takes part in a session.
pub(crate) enum Part {
    /// A request that began here, and in which nothing has happened yet: most end so, and never need more than this.
    Quiet(Quiet),
    /// A session that began here, and ends here.
    Own(Arc<Session>),
    /// One that began in the scope that this one was forked of.
    Shared(Arc<Session>),
}

/// A request without errors. It ends as one, at the latest when it is dropped.
pub(crate) struct Quiet {
    /// `None`: it has become more than that.
    ledger: Option<Arc<Ledger>>,
    started: Timestamp,
}

impl Part {
    /// A request begins.
    pub(crate) fn of_request(ledger: &Arc<Ledger>) -> Self {
        Part::Quiet(Quiet { ledger: Some(Arc::clone(ledger)), started: ledger.now() })
    }

    /// The session, for somebody who has something to say about it.
    pub(crate) fn session(&mut self) -> Option<Arc<Session>> {
        if let Part::Quiet(quiet) = self {
            let session = Session::new(quiet.ledger.take()?, quiet.started, None);
            *self = Part::Own(Arc::new(session));
        }
        match self {
            Part::Quiet(_) => None,
            Part::Own(session) | Part::Shared(session) => Some(Arc::clone(session)),
        }
    }

    /// What a fork of the scope has of it.
    pub(crate) fn fork(&mut self) -> Option<Self> {
        self.session().map(Part::Shared)
    }

    /// Whether the session began here.
    pub(crate) fn is_own(&self) -> bool {
        !matches!(self, Part::Shared(_))
    }

    /// Ends the session, if it is the scope's to end.
    pub(crate) fn end(mut self, status: SessionStatus) {
        if status != SessionStatus::Exited {
            self.session();
        }
        match self {
            Part::Own(session) => session.end(status),
            Part::Quiet(_) | Part::Shared(_) => {}
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.count(self.started, SessionStatus::Exited, false);
        }
    }
}
