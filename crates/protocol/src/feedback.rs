//! Feedback: what a user says about the program (`protocol.md` §14.2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::EventId;
use crate::wire;

/// What a user says. On the wire it is the context `feedback` of an event of its own.
///
/// ```
/// # use watchpost_protocol as watchpost;
/// use watchpost::Feedback;
///
/// let feedback = Feedback { name: Some("Sam".into()), ..Feedback::new("The checkout button does nothing") };
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feedback {
    /// What they say; required, and cut after 4096 characters.
    pub message: String,
    /// How to reach them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_email: Option<String>,
    /// Who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The error that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub associated_event_id: Option<EventId>,
    /// The replay that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<EventId>,
    /// What they said it with, as `cli` or `widget`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl Feedback {
    /// How many characters of a message the server takes.
    pub const MAX_MESSAGE: usize = 4096;

    /// Feedback that is a message alone.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Feedback { message: message.into(), ..Feedback::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_and_read_back() {
        let json = serde_json::json!({
            "message": "Nothing happens", "contact_email": "sam@example.org",
            "associated_event_id": "9b1c3e5a7d9f4b2d8c6e0a1b2c3d4e5f", "mood": "bad",
        });
        let feedback: Feedback = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(feedback.message, "Nothing happens");
        assert_eq!(serde_json::to_value(&feedback).unwrap(), json);
    }
}
