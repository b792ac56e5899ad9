//! How much of a conversation is sent (`protocol.md` §17.3).

use watchpost_protocol::{Map, Value, truncate, value};

/// For one attribute, in bytes.
const BUDGET: usize = 20_000;

/// For one text of a message, in bytes.
const MESSAGE: usize = 10_000;

/// What is a conversation, the newest message last.
const CONVERSATIONS: [&str; 2] = [INPUT, "gen_ai.output.messages"];
const INPUT: &str = "gen_ai.input.messages";

/// Everything else that is said.
const TEXTS: [&str; 4] = [
    "gen_ai.system_instructions",
    "gen_ai.embeddings.input",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
];

/// Cuts what is too long. The server has the rest of a conversation from the calls before.
pub(super) fn fit(data: &mut Map<String, Value>) {
    for key in CONVERSATIONS {
        if let Some(Value::String(text)) = data.get_mut(key) {
            match text.parse::<Value>() {
                Ok(Value::Array(messages)) => {
                    if let Some(newest) = newest(&messages, key == INPUT) {
                        *text = newest;
                    }
                }
                _ => drop(truncate(text, BUDGET)),
            }
        }
    }
    for key in TEXTS {
        if let Some(Value::String(text)) = data.get_mut(key) {
            truncate(text, BUDGET);
        }
    }
}

/// The newest messages that there is room for, as JSON: at least one, and of what goes in only what the model has not answered yet, with the
/// answer before it. `None` if those are all.
fn newest(messages: &[Value], input: bool) -> Option<String> {
    let last_answer = messages.iter().rposition(|message| message["role"] == "assistant");
    let first = last_answer.filter(|_| input).unwrap_or(0);
    let mut new = messages[first..].to_vec();
    new.iter_mut().for_each(shorten);
    let mut room = BUDGET.saturating_sub("[]".len());
    let mut kept: Vec<String> = Vec::new();
    for message in new.iter().rev() {
        let text = value::to_json_text(message);
        if text.len() + 1 > room && !kept.is_empty() {
            break;
        }
        room = room.saturating_sub(text.len() + 1);
        kept.push(text);
    }
    if kept.len() == messages.len() && new == messages {
        return None;
    }
    kept.reverse();
    Some(format!("[{}]", kept.join(",")))
}

/// Cuts the texts in a message, wherever its maker puts them.
fn shorten(message: &mut Value) {
    match message {
        Value::String(text) => drop(truncate(text, MESSAGE)),
        Value::Array(parts) => parts.iter_mut().for_each(shorten),
        Value::Object(map) => map.values_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fitted(key: &str, value: &Value) -> Value {
        let mut data = Map::new();
        data.insert(key.to_owned(), value.to_string().into());
        fit(&mut data);
        serde_json::from_str(data[key].as_str().unwrap()).unwrap()
    }

    fn message(role: &str, text: &str) -> Value {
        json!({ "role": role, "parts": [{ "type": "text", "content": text }] })
    }

    #[test]
    fn what_goes_in_is_what_is_new() {
        let conversation = json!([
            message("user", "1"),
            message("assistant", "2"),
            message("tool", "3"),
            message("user", "4")
        ]);
        assert_eq!(
            fitted(INPUT, &conversation),
            json!([message("assistant", "2"), message("tool", "3"), message("user", "4")])
        );
        let answers = json!([message("assistant", "a"), message("assistant", "b")]);
        assert_eq!(fitted("gen_ai.output.messages", &answers), answers);
    }

    #[test]
    fn the_oldest_go_first_and_one_message_stays() {
        let long = "x".repeat(9_000);
        let conversation = json!([message("user", &long), message("user", &long), message("user", &long)]);
        let fitted = fitted(INPUT, &conversation);
        assert_eq!(fitted.as_array().unwrap().len(), 2);

        let longest = json!([message("user", &"x".repeat(100_000))]);
        let text = super::newest(longest.as_array().unwrap(), true).unwrap();
        assert!(text.len() < 10_200, "{}", text.len());
    }

    #[test]
    fn what_is_no_list_is_cut() {
        let mut data = Map::new();
        data.insert(INPUT.to_owned(), "plain ".repeat(10_000).into());
        data.insert("gen_ai.tool.call.result".to_owned(), "x".repeat(30_000).into());
        fit(&mut data);
        assert!(data.values().all(|value| value.as_str().unwrap().len() <= BUDGET));
    }
}
