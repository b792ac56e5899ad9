//! Bodies as data: the form that browsers send, and what must not be told of either kind.

use percent_encoding::percent_decode;
use watchpost_core::scrub;
use watchpost_protocol::{Map, Value};

/// `a=1&b=2&b=3` as `{"a": "1", "b": ["2", "3"]}`; `None` for what is not text.
pub(crate) fn parse(form: &[u8]) -> Option<Value> {
    let mut map = Map::new();
    for pair in std::str::from_utf8(form).ok()?.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Value::from(decode(value));
        match map.get_mut(&decode(name)) {
            None => {
                map.insert(decode(name), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Some(Value::Object(map))
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
}

/// The data with the values of secrets taken out, at any depth (§16.3); the keys stay.
pub(crate) fn without_secrets(data: Value) -> Value {
    match data {
        Value::Object(map) => Value::Object(map.into_iter().map(without_secret).collect()),
        Value::Array(values) => values.into_iter().map(without_secrets).collect(),
        other => other,
    }
}

fn without_secret((key, value): (String, Value)) -> (String, Value) {
    let value = if scrub::names_a_secret(&key) { scrub::FILTERED.into() } else { without_secrets(value) };
    (key, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_a_map_and_a_name_that_comes_again_a_list() {
        let form = parse(b"q=a+b%2B&tag=1&tag=2&tag=3&&empty").unwrap();
        assert_eq!(form, serde_json::json!({"q": "a b+", "tag": ["1", "2", "3"], "empty": ""}));
        assert_eq!(parse(&[b'a', b'=', 0xff]), None);
    }

    #[test]
    fn secrets_go_at_any_depth() {
        let data = serde_json::json!({"name": "ann", "cards": [{"api_key": {"value": 1}, "kind": "visa"}]});
        assert_eq!(
            without_secrets(data),
            serde_json::json!({"name": "ann", "cards": [{"api_key": "[Filtered]", "kind": "visa"}]})
        );
    }
}
