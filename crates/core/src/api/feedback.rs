//! What users say (`protocol.md` §14.2), and which features they had (§14.3).

use watchpost_protocol::{Category, DiscardReason, Event, EventId, Feedback, Level, Value};

use crate::client::{self, Client};
use crate::current::Scopes;
use crate::mute;
use crate::pipeline::{EventJob, Job};

/// Sends what a user says about the program, with what the scopes know. Its id, or `None` if it was not queued: no client, rate limited, or the
/// queue is full. What a user says is never sampled, and `before_send` does not see it.
///
/// ```
/// # mod watchpost { pub use watchpost_core::api::*; pub use watchpost_protocol::*; }
/// use watchpost::{Feedback, capture_feedback, last_event_id};
///
/// capture_feedback(Feedback {
///     contact_email: Some("sam@example.org".into()),
///     associated_event_id: last_event_id(), // the error that they were shown
///     ..Feedback::new("The checkout button does nothing")
/// });
/// ```
pub fn capture_feedback(feedback: Feedback) -> Option<EventId> {
    if !client::any_active() || mute::is_muted() {
        return None;
    }
    let scopes = Scopes::at_hand();
    let client = scopes.client()?;
    let limited = client.is_limited(Category::Feedback);
    if limited {
        client.ledger().record(DiscardReason::RatelimitBackoff, Category::Feedback, 1);
        client.options().tap.as_ref()?;
    }
    send(&client, &scopes, feedback, limited)
}

/// Queues it; `only_copied`: for the developer's own receiver alone.
fn send(client: &Client, scopes: &Scopes, mut feedback: Feedback, only_copied: bool) -> Option<EventId> {
    if let Some((end, _)) = feedback.message.char_indices().nth(Feedback::MAX_MESSAGE) {
        feedback.message.truncate(end);
    }
    let mut event = Event { level: Some(Level::Info), ..client.stamped() };
    let id = event.event_id;
    event.contexts.other.insert("feedback".into(), serde_json::to_value(feedback).ok()?);
    let trace = scopes.event_trace(client);
    let (layers, default_level) = (scopes.layers().without_attachments(), Level::Info);
    let job = EventJob::of(event.into(), layers, trace, default_level);
    if only_copied {
        client.push(Job::copied_feedback(job));
        return None;
    }
    client.push(Job::feedback(job)).then_some(id)
}

/// Notes that a feature flag was evaluated, as `true`, a text or a number: the last 100 of the isolation scope are on its error events, and the first ten
/// within a span are on that span, as `flag.evaluation.<name>`. To be called where flags are evaluated: in the `after` of a hook of OpenFeature, say.
///
/// ```
/// # use watchpost_core::api::add_feature_flag;
/// add_feature_flag("checkout_v2", true);
/// add_feature_flag("theme", "dark");
/// ```
pub fn add_feature_flag(name: impl Into<String>, value: impl Into<Value>) {
    if !client::any_active() {
        return;
    }
    let (name, value, scopes) = (name.into(), value.into(), Scopes::current());
    if let Some(span) = &scopes.span {
        span.add_feature_flag(&name, &value);
    }
    scopes.isolation().add_feature_flag(name, value);
}
