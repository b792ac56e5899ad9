//! A value of a file, before and after it has a type.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use watchpost_protocol::Dsn;

use super::template;
use crate::error::InitError;
use crate::options::Spotlight;
use crate::valid::parse_bool;

/// What a file may say of an option.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
}

impl Value {
    /// With the values of variables in the place of their names.
    pub(super) fn expanded(
        &self,
        option: &'static str,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Value, InitError> {
        Ok(match self {
            Value::Text(text) => Value::Text(template::expand(option, text, lookup)?),
            Value::List(values) => {
                let expanded = values.iter().map(|value| value.expanded(option, lookup));
                Value::List(expanded.collect::<Result<_, _>>()?)
            }
            plain => plain.clone(),
        })
    }

    /// Whether it names variables, so that nobody knows yet what it is.
    pub(super) fn is_template(&self) -> bool {
        match self {
            Value::Text(text) => text.contains("${"),
            Value::List(values) => values.iter().any(Value::is_template),
            _ => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Float(value) => value.fmt(f),
            Value::Text(value) => value.fmt(f),
            Value::List(values) => f.debug_list().entries(values).finish(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(value) => fmt::Debug::fmt(value, f),
            other => fmt::Display::fmt(other, f),
        }
    }
}

/// A DSN for a log; one that is not known yet is shown as what will make it, unless that may hold a key.
pub(super) fn without_keys(dsn: &str) -> String {
    match dsn.parse::<Dsn>() {
        Ok(dsn) => format!("{dsn:?}"),
        Err(_) if dsn.is_empty() || template::is_variable(dsn) => dsn.to_owned(),
        Err(_) => "***".to_owned(),
    }
}

/// A value for an option, about to be given its type.
pub(crate) struct Given<'a> {
    pub(super) option: &'static str,
    pub(super) value: &'a Value,
}

impl Given<'_> {
    /// A text; a whole number is one too, as in `dist: 77`.
    pub(super) fn text(&self) -> Result<String, InitError> {
        match self.value {
            Value::Text(text) => Ok(text.clone()),
            Value::Int(number) => Ok(number.to_string()),
            _ => Err(self.is_not("a text")),
        }
    }

    pub(super) fn switch(&self) -> Result<bool, InitError> {
        let switch = match self.value {
            Value::Bool(switch) => Some(*switch),
            Value::Text(text) => parse_bool(Some(text.trim())),
            _ => None,
        };
        switch.ok_or_else(|| self.is_not("true or false"))
    }

    pub(super) fn text_or_switch(&self) -> Result<Spotlight, InitError> {
        match self.value {
            Value::Bool(switch) => Ok((*switch).into()),
            _ => Ok(self.text()?.into()),
        }
    }

    pub(super) fn number(&self) -> Result<f64, InitError> {
        let number = match self.value {
            #[expect(clippy::cast_precision_loss, reason = "no option is that large")]
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.is_not("a number"))
    }

    pub(super) fn count(&self) -> Result<usize, InitError> {
        self.whole(self.value).ok_or_else(|| self.is_not("a whole number"))
    }

    /// Several texts; one alone is a list of one.
    pub(super) fn texts(&self) -> Result<Vec<String>, InitError> {
        self.each(|value| Given { option: self.option, value }.text())
    }

    /// A list of two texts.
    pub(super) fn two(&self, expected: &'static str) -> Result<[String; 2], InitError> {
        self.texts()?.try_into().map_err(|_| self.is_not(expected))
    }

    pub(super) fn codes(&self) -> Result<Vec<u16>, InitError> {
        self.each(|value| self.whole(value).ok_or_else(|| self.is_not("a list of statuses")))
    }

    pub(super) fn seconds(&self) -> Result<Duration, InitError> {
        Duration::try_from_secs_f64(self.number()?).map_err(|_| self.is_not("a number of seconds"))
    }

    pub(super) fn parsed<T: FromStr>(&self, expected: &'static str) -> Result<T, InitError> {
        self.text()?.trim().parse().map_err(|_| self.is_not(expected))
    }

    /// The one of a few that is called so.
    pub(super) fn one_of<T: Copy, const N: usize>(
        &self,
        all: [T; N],
        name: fn(T) -> &'static str,
        expected: &'static str,
    ) -> Result<T, InitError> {
        let text = self.text()?;
        all.into_iter().find(|one| name(*one) == text.trim()).ok_or_else(|| self.is_not(expected))
    }

    fn each<T>(&self, read: impl Fn(&Value) -> Result<T, InitError>) -> Result<Vec<T>, InitError> {
        match self.value {
            Value::List(values) => values.iter().map(read).collect(),
            one => Ok(vec![read(one)?]),
        }
    }

    fn whole<N: FromStr + TryFrom<i64>>(&self, value: &Value) -> Option<N> {
        match value {
            Value::Int(number) => N::try_from(*number).ok(),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn is_not(&self, expected: &'static str) -> InitError {
        InitError::Setting { option: self.option, given: self.value.to_string(), expected }
    }
}
