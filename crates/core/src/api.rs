//! The free functions: what a program calls. Each asks what is current, passes the gates, and hands over.

mod capture;
mod capture_errors;
mod feedback;
mod logs;
mod outcome;
pub mod profiler;
mod scopes;
mod sessions;
mod spans;

use std::sync::Arc;
use std::time::Duration;

pub use capture::{
    Capture, CaptureErr, add_breadcrumb, capture, capture_error, capture_event, capture_exception,
    capture_group, capture_message, capture_message_at, capture_template, last_event_id,
};
pub use capture_errors::CaptureErrors;
pub use feedback::{add_feature_flag, capture_feedback};
pub use logs::{log, logs_are_heard};
pub use outcome::report_main;
pub use scopes::{
    add_attachment, current_scope, global_scope, isolation_scope, new_scope, remove_attribute, set_attribute,
    set_attributes, set_context, set_tag, set_tags, set_transaction_name, set_user, with_isolation_scope,
    with_scope,
};
#[expect(deprecated, reason = "the names that people come with stay, and say where to go")]
pub use scopes::{configure_scope, push_scope, set_extra};
pub use sessions::{end_session, end_session_with, start_session};
#[expect(deprecated, reason = "as above")]
pub use spans::set_measurement;
pub use spans::{
    baggage, continue_trace, current_span, start_span, start_transaction, trace_environment, trace_headers,
    trace_headers_for, traceparent, update_current_span,
};

use crate::bound;
use crate::client::{Client, Guard};
use crate::current::Scopes;
use crate::error::InitError;
use crate::hints;
use crate::options::Options;
use crate::propagation_context::PropagationContext;
use crate::scope;
use crate::session::SessionMode;

/// Makes a client of the options and makes it the process's own; the guard closes it when dropped.
///
/// It needs no runtime, works before and after the tracing layer is installed, and may be called again: the new client takes the place of
/// the old one, which is closed. The old one's guard has nothing left to do; the new one's closes the new client.
///
/// # Errors
/// An [`InitError`] that names what is wrong; the process's client stays as it was.
pub fn init(options: Options) -> Result<Guard, InitError> {
    let client = Client::new(options)?;
    let _ = scope::setters::IN_UNIT.set(|| Scopes::current().is_unit());
    if let Some((trace, baggage)) = &client.options().environment_trace {
        let config = client.config();
        let strict = client.options().strict_trace_continuation;
        let continued = PropagationContext::continued(
            Some(trace),
            baggage.as_deref(),
            config.org_id.as_deref(),
            strict,
            client.rng(),
        );
        Scopes::base().isolation().set_propagation(Some(Arc::new(PropagationContext {
            of_process: continued.incoming.is_some(),
            ..continued
        })));
    }
    hints::begun();
    if let Some(old) = bound::bind(client.clone()) {
        if old.is_active() {
            hints::client_replaced();
        }
        old.close(None);
    }
    if client.is_active() {
        crate::debug!("init: {}", client.config().summary());
    }
    start_run(&client);
    Ok(Guard::new(client))
}

/// The run of the program is a session, if it is to be.
fn start_run(client: &Client) {
    let options = client.options();
    if options.auto_session_tracking && options.session_mode == SessionMode::Application {
        let _base = Scopes::base().attach();
        start_session();
    }
}

/// Whether the process has a client that can send: false before `init`, with an empty DSN, and after `close`.
#[must_use]
pub fn is_initialized() -> bool {
    bound::client().is_some_and(|client| client.is_active())
}

/// The client that a capture here would go to.
#[must_use]
pub fn client() -> Option<Client> {
    Scopes::current().client()
}

/// Waits until everything captured so far is sent or lost, at most `timeout` (default: the shutdown timeout). Says whether it was in time;
/// true without a client.
pub fn flush(timeout: Option<Duration>) -> bool {
    client().is_none_or(|client| client.flush(timeout))
}

/// As [`flush`], for a task to wait for on any runtime; true at once without a client.
pub async fn flush_async(timeout: Option<Duration>) -> bool {
    match client() {
        Some(client) => client.flush_async(timeout).await,
        None => true,
    }
}

/// As [`flush`]; `notice` is called after a tenth of a second with the number of items that are still to be sent.
pub fn flush_with(timeout: Option<Duration>, notice: impl FnOnce(usize, Duration)) -> bool {
    client().is_none_or(|client| client.flush_with(timeout, notice))
}

/// Flushes and disables the client. Later captures do nothing. Says whether everything was sent in time.
pub fn close(timeout: Option<Duration>) -> bool {
    client().is_none_or(|client| client.close(timeout))
}
