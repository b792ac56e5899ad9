//! What the developer is told of an item that a callback has dropped: which one it was, and whose callback.

use watchpost_protocol::{CheckIn, Log, Metric};

use super::{event, feedback, transaction};

/// How much of a message is told: it is the program's data, and stderr is not the server.
const MESSAGE: usize = 60;

pub(crate) trait Told {
    /// The option that sees the item last.
    const HOOK: &'static str;

    /// What tells it from others of its kind, without its data; `None`: nothing that the category does not say.
    fn title(&self) -> Option<String> {
        None
    }
}

impl Told for event::Report {
    const HOOK: &'static str = "before_send";

    /// The type of the error; a message by its beginning.
    fn title(&self) -> Option<String> {
        let exception = self.event.exception.last().and_then(|exception| exception.ty.clone());
        let message = self.event.logentry.as_ref().and_then(|entry| entry.formatted.as_deref());
        exception.or_else(|| Some(message?.chars().take(MESSAGE).collect()))
    }
}

impl Told for transaction::Report<'_> {
    const HOOK: &'static str = "before_send_transaction";
}

impl Told for feedback::Feedback {
    const HOOK: &'static str = "before_send_feedback";
}

impl Told for Log {
    const HOOK: &'static str = "before_send_log";
}

impl Told for Metric {
    const HOOK: &'static str = "before_send_metric";

    fn title(&self) -> Option<String> {
        Some(self.name.clone().into_owned())
    }
}

impl Told for CheckIn {
    const HOOK: &'static str = "no hook";
}
