//! What is said to a model, and what it says (`protocol.md` §17.2).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One message of a conversation, in parts.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::gen_ai::Message;
///
/// let asked = Message::user("Where is my order?");
/// let calls = Message::tool_call("call-1", "find_order", serde_json::json!({ "id": 7 }));
/// let found = Message::tool_response("call-1", "shipped");
/// let answer = Message::assistant("On its way.");
/// # drop((asked, calls, found, answer));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it: `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub parts: Vec<Value>,
}

impl Message {
    /// What a person says.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Message::text("user", text.into())
    }

    /// What the model says.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Message::text("assistant", text.into())
    }

    /// The model calls a tool.
    #[must_use]
    pub fn tool_call(id: &str, name: &str, arguments: impl Into<Value>) -> Self {
        let call = json!({ "type": "tool_call", "id": id, "name": name, "arguments": arguments.into() });
        Message { role: "assistant".into(), parts: vec![call] }
    }

    /// The tool answers.
    #[must_use]
    pub fn tool_response(id: &str, result: impl Into<Value>) -> Self {
        let response = json!({ "type": "tool_call_response", "id": id, "result": result.into() });
        Message { role: "tool".into(), parts: vec![response] }
    }

    /// A picture, a sound, a film or a document: `modality` is `image`, `audio`, `video` or `document`. What is in it is not sent.
    #[must_use]
    pub fn blob(role: &str, modality: &str, mime_type: &str) -> Self {
        let part = json!({
            "type": "blob", "modality": modality, "mime_type": mime_type, "content": "[Blob substitute]",
        });
        Message { role: role.to_owned(), parts: vec![part] }
    }

    fn text(role: &str, content: String) -> Self {
        Message { role: role.to_owned(), parts: vec![json!({ "type": "text", "content": content })] }
    }

    /// Adds the parts of another message.
    #[must_use]
    pub fn and(mut self, other: Message) -> Self {
        self.parts.extend(other.parts);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_form_of_the_protocol() {
        let conversation = [
            Message::user("hello").and(Message::blob("user", "image", "image/png")),
            Message::tool_call("1", "find", json!({ "id": 7 })),
            Message::tool_response("1", "shipped"),
        ];
        assert_eq!(
            serde_json::to_value(conversation).unwrap(),
            json!([
                { "role": "user", "parts": [
                    { "type": "text", "content": "hello" },
                    { "type": "blob", "modality": "image", "mime_type": "image/png", "content": "[Blob substitute]" },
                ] },
                { "role": "assistant", "parts": [
                    { "type": "tool_call", "id": "1", "name": "find", "arguments": { "id": 7 } },
                ] },
                { "role": "tool", "parts": [{ "type": "tool_call_response", "id": "1", "result": "shipped" }] },
            ])
        );
    }
}
