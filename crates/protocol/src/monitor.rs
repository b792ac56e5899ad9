//! Monitors: what the server knows of a job that has to run again and again (`protocol.md` §11).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::crontab::{Crontab, CrontabError};
use crate::wire;
use crate::wire::{read_error, wire_names};

/// The name of a monitor in URLs: 1 to 50 ASCII letters, digits, `-` and `_`. One that exists is valid.
///
/// The server would cut a longer one, and two monitors that begin alike would be one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MonitorSlug(Cow<'static, str>);

/// What is wrong with the slug of a monitor.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MonitorSlugError {
    /// It is empty.
    Empty,
    /// It has more than 50 characters.
    TooLong,
    /// It has a character that is neither an ASCII letter or digit, nor `-` or `_`.
    Character,
}

/// The most characters of a slug.
const MAX_SLUG: usize = 50;

impl MonitorSlug {
    /// The slug of a literal, checked when the program is compiled if it is a constant.
    ///
    /// # Panics
    /// If it is none; as [`Crontab::literal`].
    #[must_use]
    #[expect(clippy::panic, reason = "it is for constants: there, to panic is to fail to compile")]
    pub const fn literal(text: &'static str) -> Self {
        match MonitorSlug::check(text) {
            Ok(()) => MonitorSlug(Cow::Borrowed(text)),
            Err(error) => panic!("{}", error.as_str()),
        }
    }

    /// Says what is wrong with a text, if it is no slug. A constant may ask.
    ///
    /// # Errors
    /// The first mistake.
    pub const fn check(text: &str) -> Result<(), MonitorSlugError> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'-' | b'_')) {
                return Err(MonitorSlugError::Character);
            }
            at += 1;
        }
        match at {
            0 => Err(MonitorSlugError::Empty),
            1..=MAX_SLUG => Ok(()),
            _ => Err(MonitorSlugError::TooLong),
        }
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MonitorSlugError {
    /// What is wrong, in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            MonitorSlugError::Empty => "the slug of a monitor must not be empty",
            MonitorSlugError::TooLong => "the slug of a monitor has 50 characters at most",
            MonitorSlugError::Character => {
                "the slug of a monitor is made of ASCII letters, digits, `-` and `_`"
            }
        }
    }
}

impl fmt::Display for MonitorSlugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

read_error!(MonitorSlugError);

impl FromStr for MonitorSlug {
    type Err = MonitorSlugError;

    fn from_str(text: &str) -> Result<Self, MonitorSlugError> {
        MonitorSlug::check(text).map(|()| MonitorSlug(Cow::Owned(text.to_owned())))
    }
}

impl TryFrom<&str> for MonitorSlug {
    type Error = MonitorSlugError;

    fn try_from(text: &str) -> Result<Self, MonitorSlugError> {
        text.parse()
    }
}

impl fmt::Display for MonitorSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for MonitorSlug {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MonitorSlug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// When a job has to run, and what to make of it when it does not. Sent with a check-in, it creates the monitor or changes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorConfig {
    /// When it has to run.
    pub schedule: Schedule,
    /// How many minutes late it may be before it counts as missed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checkin_margin: Option<u64>,
    /// How many minutes it may take before it counts as timed out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_runtime: Option<u64>,
    /// The time zone of a crontab, by its name in the tz database; UTC if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timezone: Option<String>,
    /// How many failures in a row make an issue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure_issue_threshold: Option<u64>,
    /// How many successes in a row resolve it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovery_threshold: Option<u64>,
    /// Who is told: `user:<id>`, or `team:<id or slug>`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl From<Schedule> for MonitorConfig {
    fn from(schedule: Schedule) -> Self {
        MonitorConfig {
            schedule,
            checkin_margin: None,
            max_runtime: None,
            timezone: None,
            failure_issue_threshold: None,
            recovery_threshold: None,
            owner: None,
            other: Map::new(),
        }
    }
}

/// When a job has to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Schedule {
    /// At the times of a crontab.
    Crontab {
        /// The crontab.
        value: Crontab,
    },
    /// So long after it last ran.
    Interval {
        /// How many units; at least 1.
        value: u64,
        /// The unit.
        unit: IntervalUnit,
    },
}

/// What an interval is counted in. There are no seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the unit that it names")]
pub enum IntervalUnit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

wire_names!(IntervalUnit, ParseIntervalUnitError, "unit of an interval", {
    Minute = "minute",
    Hour = "hour",
    Day = "day",
    Week = "week",
    Month = "month",
    Year = "year",
});

/// What is wrong with a schedule.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The crontab is none.
    Crontab(CrontabError),
    /// The interval is of no length.
    NoInterval,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScheduleError::Crontab(error) => error.fmt(f),
            ScheduleError::NoInterval => f.write_str("the interval of a monitor is one unit at least"),
        }
    }
}

read_error!(ScheduleError);

impl From<Crontab> for Schedule {
    fn from(value: Crontab) -> Self {
        Schedule::Crontab { value }
    }
}

/// A crontab.
impl TryFrom<&str> for Schedule {
    type Error = ScheduleError;

    fn try_from(crontab: &str) -> Result<Self, ScheduleError> {
        crontab.parse().map(|value| Schedule::Crontab { value }).map_err(ScheduleError::Crontab)
    }
}

/// An interval: `(10, IntervalUnit::Minute)`.
impl TryFrom<(u64, IntervalUnit)> for Schedule {
    type Error = ScheduleError;

    fn try_from((value, unit): (u64, IntervalUnit)) -> Result<Self, ScheduleError> {
        if value == 0 { Err(ScheduleError::NoInterval) } else { Ok(Schedule::Interval { value, unit }) }
    }
}

/// For a schedule that is one already.
impl From<std::convert::Infallible> for ScheduleError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slug_is_what_the_server_takes_uncut() {
        for slug in ["a", "nightly-billing", "Job_7", &"x".repeat(50)] {
            assert_eq!(slug.parse::<MonitorSlug>().unwrap().as_str(), slug);
        }
        assert_eq!("".parse::<MonitorSlug>(), Err(MonitorSlugError::Empty));
        assert_eq!("x".repeat(51).parse::<MonitorSlug>(), Err(MonitorSlugError::TooLong));
        assert_eq!("nightly billing".parse::<MonitorSlug>(), Err(MonitorSlugError::Character));
        assert_eq!("nächtlich".parse::<MonitorSlug>(), Err(MonitorSlugError::Character));
        const SLUG: MonitorSlug = MonitorSlug::literal("nightly");
        assert_eq!(SLUG.to_string(), "nightly");
    }

    #[test]
    fn both_kinds_of_schedule_have_the_form_of_the_wire() {
        let crontab = Schedule::try_from("*/5 * * * *").unwrap();
        let wire = json!({"type": "crontab", "value": "*/5 * * * *"});
        assert_eq!(serde_json::to_value(&crontab).unwrap(), wire);
        assert_eq!(serde_json::from_value::<Schedule>(wire).unwrap(), crontab);

        let interval = Schedule::try_from((10, IntervalUnit::Minute)).unwrap();
        let wire = json!({"type": "interval", "value": 10, "unit": "minute"});
        assert_eq!(serde_json::to_value(&interval).unwrap(), wire);
        assert_eq!(serde_json::from_value::<Schedule>(wire).unwrap(), interval);

        assert_eq!(Schedule::try_from((0, IntervalUnit::Day)), Err(ScheduleError::NoInterval));
        assert!(Schedule::try_from("hourly").is_err());
    }
}
