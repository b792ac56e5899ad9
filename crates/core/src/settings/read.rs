//! Reading a configuration: from any format that says by itself what kind its values are.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::value::{Given, Value};
use super::{Config, KEYS, Key, nearest};
use crate::options::Options;

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Section)
    }
}

struct Section;

impl<'de> Visitor<'de> for Section {
    type Value = Config;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("options of watchpost by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
        let mut values = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let key = KEYS.iter().find(|key| key.name == name).ok_or_else(|| unknown(&name))?;
            // A key without a value (`release:` in YAML) says nothing.
            let Some(value) = map.next_value::<Option<Value>>()? else { continue };
            check(key, &value).map_err(A::Error::custom)?;
            if values.insert(key.name, value).is_some() {
                return Err(A::Error::duplicate_field(key.name));
            }
        }
        Ok(Config { values })
    }

    /// A section with nothing in it, which YAML calls null.
    fn visit_unit<E: Error>(self) -> Result<Config, E> {
        Ok(Config::default())
    }
}

fn unknown<E: Error>(name: &str) -> E {
    match nearest::nearest(name, KEYS.iter().map(|key| key.name)) {
        Some(meant) => E::custom(format_args!("unknown option {name:?}: did you mean {meant:?}?")),
        None => E::custom(format_args!("unknown option {name:?}")),
    }
}

/// What can be checked here is: the format's error knows the line.
fn check(key: &Key, value: &Value) -> Result<(), crate::error::InitError> {
    if value.is_template() {
        return Ok(());
    }
    let value = value.expanded(key.name, &|_| None)?;
    (key.set)(Options::new(), &Given { option: key.name, value: &value }).map(drop)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Plain)
    }
}

struct Plain;

impl<'de> Visitor<'de> for Plain {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true, false, or a list of them")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(|_| E::custom(format_args!("{value} is too large")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        serde_json::from_str::<Config>(json).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_names_the_one_that_was_meant() {
        let error = error("{\n  \"traces_samplerate\": 0.1}");
        assert!(
            error.starts_with("unknown option \"traces_samplerate\": did you mean \"traces_sample_rate\"?"),
            "{error}"
        );
        assert!(error.contains("line 2"), "{error}");
        assert!(self::error(r#"{"colour": 1}"#).starts_with("unknown option \"colour\" at"));
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_where_it_stands() {
        for (json, expected) in [
            (r#"{"debug": "perhaps"}"#, "invalid option debug=\"perhaps\": expected true or false"),
            (r#"{"traces_sample_rate": 2}"#, "invalid sample rate: 2 is not a number between 0.0 and 1.0"),
            (r#"{"max_breadcrumbs": -1}"#, "invalid option max_breadcrumbs=\"-1\": expected a whole number"),
            (
                r#"{"shutdown_timeout": -1}"#,
                "invalid option shutdown_timeout=\"-1\": expected a number of seconds",
            ),
            (r#"{"max_request_body_size": "huge"}"#, "expected never, small, medium or always"),
            (r#"{"dsn": "https://k@h/<project>"}"#, "project"),
            (r#"{"dsn": {"key": 1}}"#, "a text, a number, true, false, or a list of them"),
            (r#"{"release": "a", "release": "b"}"#, "duplicate field `release`"),
            ("5", "options of watchpost by their names"),
        ] {
            let error = error(json);
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn a_value_that_is_not_known_yet_is_checked_when_it_is() {
        let config: Config = serde_json::from_str(r#"{"traces_sample_rate": "${RATE}"}"#).unwrap();
        let with = |rate: &str| {
            let rate = rate.to_owned();
            config.options_from(&move |name| (name == "RATE").then(|| rate.clone()))
        };
        assert_eq!(with("0.5").unwrap().effective().get("traces_sample_rate").unwrap().value, "0.5");
        assert_eq!(
            with("half").unwrap_err().to_string(),
            "invalid option traces_sample_rate=\"half\": expected a number"
        );
    }

    #[test]
    fn nothing_is_said_by_a_key_without_a_value() {
        let config: Config = serde_json::from_str(r#"{"release": null, "dsn": ""}"#).unwrap();
        assert_eq!(format!("{config:?}"), r#"{"dsn": ""}"#);
    }
}
