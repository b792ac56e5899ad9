//! Crontabs: when a job runs, as the server understands it (`protocol.md` §11).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wire::read_error;

/// Five fields: minute, hour, day of the month, month, day of the week. Each is `*`, a number, a range `a-b`, one of the latter two with a
/// `/step`, or a list of those; months and days of the week have names, too, which stand alone. A crontab that exists is valid.
///
/// What other crons know besides is refused, because the server does: seconds, `@daily`, `L`, `?`, 7 for Sunday.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol::{self as protocol, *}; }
/// use watchpost::Crontab;
/// use watchpost::protocol::CrontabError;
///
/// const NIGHTLY: Crontab = Crontab::literal("0 3 * * mon");
/// assert_eq!(NIGHTLY.as_str(), "0 3 * * mon");
/// assert_eq!("0 25 * * *".parse::<Crontab>(), Err(CrontabError::Hour));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crontab(Cow<'static, str>);

/// What is wrong with a crontab: the number of its fields, or the first that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the field that it names")]
#[non_exhaustive]
pub enum CrontabError {
    /// There are not five fields.
    FieldCount,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

/// What a field may hold.
struct Field {
    min: u32,
    max: u32,
    names: &'static [&'static str],
    error: CrontabError,
}

const FIELDS: [Field; 5] = [
    Field { min: 0, max: 59, names: &[], error: CrontabError::Minute },
    Field { min: 0, max: 23, names: &[], error: CrontabError::Hour },
    Field { min: 1, max: 31, names: &[], error: CrontabError::DayOfMonth },
    Field {
        min: 1,
        max: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        error: CrontabError::Month,
    },
    Field {
        min: 0,
        max: 6,
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        error: CrontabError::DayOfWeek,
    },
];

impl Crontab {
    /// The crontab of a literal, checked when the program is compiled if it is a constant.
    ///
    /// # Panics
    /// If it is none. As the value of a constant, which is what this is for, the program does not compile then; at run time, parse the text.
    #[must_use]
    #[expect(clippy::panic, reason = "it is for constants: there, to panic is to fail to compile")]
    pub const fn literal(text: &'static str) -> Self {
        match Crontab::check(text) {
            Ok(()) => Crontab(Cow::Borrowed(text)),
            Err(error) => panic!("{}", error.as_str()),
        }
    }

    /// With a field for the seconds in front, which is zero: for schedulers that want one, as `tokio-cron-scheduler` does.
    ///
    /// ```
    /// # use watchpost_protocol as watchpost;
    /// assert_eq!(watchpost::Crontab::literal("0 3 * * *").with_seconds(), "0 0 3 * * *");
    /// ```
    #[must_use]
    pub fn with_seconds(&self) -> String {
        format!("0 {self}")
    }

    /// Says what is wrong with a text, if it is no crontab. A constant may ask.
    ///
    /// # Errors
    /// The first mistake.
    pub const fn check(text: &str) -> Result<(), CrontabError> {
        let bytes = text.as_bytes();
        if !bytes.is_empty() && bytes[0] == b'@' {
            return Err(CrontabError::FieldCount); // `@daily` and its like
        }
        let (mut at, mut fields) = (0, 0);
        loop {
            while at < bytes.len() && bytes[at].is_ascii_whitespace() {
                at += 1;
            }
            if at == bytes.len() {
                return if fields == FIELDS.len() { Ok(()) } else { Err(CrontabError::FieldCount) };
            }
            if fields == FIELDS.len() {
                return Err(CrontabError::FieldCount);
            }
            let start = at;
            while at < bytes.len() && !bytes[at].is_ascii_whitespace() {
                at += 1;
            }
            let (before, _) = bytes.split_at(at);
            let (_, field) = before.split_at(start);
            if !FIELDS[fields].accepts(field) {
                return Err(FIELDS[fields].error);
            }
            fields += 1;
        }
    }

    /// The crontab as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field {
    /// Whether it is a list of what may stand in this field.
    const fn accepts(&self, field: &[u8]) -> bool {
        let mut rest = field;
        loop {
            let (element, others) = cut(rest, b',');
            if !self.accepts_element(element) {
                return false;
            }
            match others {
                Some(others) => rest = others,
                None => return true,
            }
        }
    }

    /// `*`, a number, a name, `a-b`, `*/step` or `a-b/step`.
    const fn accepts_element(&self, element: &[u8]) -> bool {
        let (range, step) = cut(element, b'/');
        let (low, high) = cut(range, b'-');
        let several = match high {
            Some(high) => match (self.number(low), self.number(high)) {
                (Some(low), Some(high)) => {
                    if low > high {
                        return false;
                    }
                    true
                }
                _ => return false,
            },
            None => {
                let star = matches!(low, b"*");
                if !star && self.number(low).is_none() && !self.is_name(low) {
                    return false;
                }
                star
            }
        };
        match step {
            None => true,
            Some(step) => several && matches!(number(step), Some(1..)),
        }
    }

    const fn number(&self, text: &[u8]) -> Option<u32> {
        match number(text) {
            Some(number) if number >= self.min && number <= self.max => Some(number),
            _ => None,
        }
    }

    const fn is_name(&self, text: &[u8]) -> bool {
        let mut name = 0;
        while name < self.names.len() {
            if is_word(text, self.names[name].as_bytes()) {
                return true;
            }
            name += 1;
        }
        false
    }
}

/// Whether a text is this word, which is in lower case.
const fn is_word(text: &[u8], word: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() && at < word.len() && text[at].to_ascii_lowercase() == word[at] {
        at += 1;
    }
    at == text.len() && at == word.len()
}

/// What stands before the first `mark`, and what after it.
const fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    let mut at = 0;
    while at < text.len() {
        if text[at] == mark {
            let (before, rest) = text.split_at(at);
            let (_, after) = rest.split_at(1);
            return (before, Some(after));
        }
        at += 1;
    }
    (text, None)
}

/// A number in digits alone; none that is longer than a crontab needs.
const fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    let (mut at, mut number) = (0, 0);
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            return None;
        }
        number = number * 10 + (text[at] - b'0') as u32;
        at += 1;
    }
    Some(number)
}

impl CrontabError {
    /// What is wrong, in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CrontabError::FieldCount => {
                "a crontab has five fields: minute, hour, day of the month, month, day of the week"
            }
            CrontabError::Minute => {
                "the minute of a crontab (1st field) is 0 to 59, a range, `*`, or one with a /step"
            }
            CrontabError::Hour => {
                "the hour of a crontab (2nd field) is 0 to 23, a range, `*`, or one with a /step"
            }
            CrontabError::DayOfMonth => {
                "the day of the month in a crontab (3rd field) is 1 to 31, a range, `*`, or one with a /step"
            }
            CrontabError::Month => {
                "the month of a crontab (4th field) is 1 to 12, jan to dec, a range of numbers, `*`, or one with a /step"
            }
            CrontabError::DayOfWeek => {
                "the day of the week in a crontab (5th field) is 0 to 6, sun to sat, a range of numbers, `*`, or one with a /step"
            }
        }
    }
}

impl fmt::Display for CrontabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

read_error!(CrontabError);

impl FromStr for Crontab {
    type Err = CrontabError;

    fn from_str(text: &str) -> Result<Self, CrontabError> {
        Crontab::check(text).map(|()| Crontab(Cow::Owned(text.to_owned())))
    }
}

impl fmt::Display for Crontab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Crontab {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Crontab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_takes_is_taken() {
        for crontab in [
            "* * * * *",
            "*/5 * * * *",
            "0 0,12 1-15/2 jan,JUN sun",
            "  59\t23 31  12 6 ",
            "1-1 0-23/1 * 1-12 0-6",
        ] {
            assert_eq!(crontab.parse::<Crontab>().unwrap().as_str(), crontab);
        }
    }

    #[test]
    fn what_it_refuses_is_refused_by_the_field_that_is_wrong() {
        let wrong = |crontab: &str| crontab.parse::<Crontab>().unwrap_err();
        for minute in
            ["60", "-1", "", ",", "1,", "5/2", "*/0", "*/", "**", "3-1", "1-2-3", "x", "+1", "00001", "?"]
        {
            if !minute.is_empty() {
                assert_eq!(wrong(&format!("{minute} * * * *")), CrontabError::Minute, "{minute}");
            }
        }
        assert_eq!(wrong("* 24 * * *"), CrontabError::Hour);
        assert_eq!(wrong("* * 0 * *"), CrontabError::DayOfMonth);
        assert_eq!(wrong("* * * 13 *"), CrontabError::Month);
        assert_eq!(wrong("* * * jan-mar *"), CrontabError::Month);
        assert_eq!(wrong("* * * * 7"), CrontabError::DayOfWeek);
        for count in ["", "* * * *", "0 * * * * *", "@daily"] {
            assert!(matches!(wrong(count), CrontabError::FieldCount | CrontabError::Minute), "{count}");
        }
    }
}
