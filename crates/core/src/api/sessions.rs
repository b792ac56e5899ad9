//! Sessions by hand (`protocol.md` §12).

use watchpost_protocol::SessionStatus;

use crate::current::Scopes;
use crate::rng;
use crate::scope::Scope;
use crate::session::{self, Part, SessionMode};

/// Begins a session: of the program's run, or of one request, as the option [`session_mode`](crate::Options::session_mode) says. It belongs to the
/// current isolation scope and to those that are forked of it: their errors count in it. One that began there before ends as `exited`; a program
/// has one run at a time. Without a release nothing happens.
///
/// With the option [`auto_session_tracking`](crate::Options::auto_session_tracking) there is no need for it, except for requests that do not pass the
/// request layer.
///
/// ```
/// # use watchpost_core::api as watchpost;
/// use watchpost::{end_session, start_session, with_isolation_scope};
///
/// fn serve(request: &str) {
///     with_isolation_scope(|_| {
///         start_session();
///         // ... the request
///         end_session();
///     });
/// }
/// # serve("ping");
/// ```
pub fn start_session() {
    let scopes = Scopes::at_hand();
    let Some(client) = scopes.client() else { return };
    let Some(ledger) = client.sessions() else { return };
    let session = match client.options().session_mode {
        SessionMode::Request => Part::of_request(ledger),
        SessionMode::Application => {
            let user =
                [scopes.isolation(), Scope::global()].into_iter().find_map(|scope| scope.data().user.clone());
            Part::Own(ledger.begin_run(rng::session_id(client.rng()), user.as_ref().and_then(session::did)))
        }
    };
    scopes.isolation().begin_session(session);
}

/// Ends the session that began in the current isolation scope, as `exited`; if there was an error in it that nobody has handled, as `unhandled`. It is told of within
/// a minute, at a flush, and when the client is closed.
pub fn end_session() {
    end_session_with(SessionStatus::Exited);
}

/// As [`end_session`], with another end, such as [`SessionStatus::Abnormal`].
pub fn end_session_with(status: SessionStatus) {
    Scopes::at_hand().isolation().end_session(status);
}
