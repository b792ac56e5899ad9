//! The dynamic sampling context (`protocol.md` §8.4): what the head of a trace says about it, for everybody who samples it later.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::number;

/// What need not be encoded in a value: the unreserved characters of RFC 3986.
const ENCODE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// About how many entries there are in one.
const USUAL: usize = 8;

/// Keys and values, in the order in which they came; all values are text. Unknown keys are kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DynamicSamplingContext {
    entries: Vec<(Cow<'static, str>, String)>,
}

impl DynamicSamplingContext {
    /// The `sentry-` members of a `baggage` header, decoded.
    #[must_use]
    pub fn from_baggage(header: &str) -> Self {
        let mut dsc = DynamicSamplingContext::default();
        for member in header.split(',') {
            let Some((key, value)) = member.split_once('=') else { continue };
            if let Some(key) = key.trim().strip_prefix("sentry-") {
                let decode = |text: &str| percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
                dsc.set(decode(key), decode(value));
            }
        }
        dsc
    }

    /// The members for a `baggage` header.
    #[must_use]
    pub fn to_baggage(&self) -> String {
        let members: Vec<String> = self
            .entries
            .iter()
            .map(|(key, value)| {
                format!("sentry-{}={}", utf8_percent_encode(key, ENCODE), utf8_percent_encode(value, ENCODE))
            })
            .collect();
        members.join(",")
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Sets a value; a key that is there keeps its place.
    pub fn set(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => {
                if self.entries.is_empty() {
                    self.entries.reserve_exact(USUAL);
                }
                self.entries.push((key, value));
            }
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|(known, _)| known != key);
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (&**key, value.as_str()))
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The trace that it is about.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.get("trace_id")
    }

    /// The key of the project at the head of the trace.
    #[must_use]
    pub fn public_key(&self) -> Option<&str> {
        self.get("public_key")
    }

    /// The rate that the head used, between 0 and 1.
    #[must_use]
    pub fn sample_rate(&self) -> Option<f64> {
        number(self.get("sample_rate")?).filter(|rate| (0.0..=1.0).contains(rate))
    }

    /// The roll of the dice of this trace, in `[0, 1)`.
    #[must_use]
    pub fn sample_rand(&self) -> Option<f64> {
        number(self.get("sample_rand")?).filter(|rand| (0.0..1.0).contains(rand))
    }

    /// The decision of the head.
    #[must_use]
    pub fn sampled(&self) -> Option<bool> {
        match self.get("sampled")? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The organization of the head.
    #[must_use]
    pub fn org_id(&self) -> Option<&str> {
        self.get("org_id")
    }
}

/// A rate as text, always with a point: `1.0`, `0.25`.
#[must_use]
pub fn format_rate(rate: f64) -> String {
    format!("{rate:?}")
}

/// A `sample_rand` as text: six decimals, cut and never rounded up to 1.
#[must_use]
pub fn format_sample_rand(rand: f64) -> String {
    // The nearest double of 0.123456 may lie a hair below it: add less than a millionth of the last digit before cutting.
    let millionths = ((rand.clamp(0.0, 1.0) * 1e6 + 1e-6) as u32).min(999_999);
    let mut text = (1_000_000 + millionths).to_string(); // with all of its zeros
    text.replace_range(..1, "0.");
    text
}

impl Serialize for DynamicSamplingContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for DynamicSamplingContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = DynamicSamplingContext;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DynamicSamplingContext, A::Error> {
                let mut dsc = DynamicSamplingContext::default();
                while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
                    match value {
                        serde_json::Value::Null => {}
                        serde_json::Value::String(text) => dsc.set(key, text),
                        other => dsc.set(key, other.to_string()),
                    }
                }
                Ok(dsc)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl fmt::Debug for DynamicSamplingContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baggage_and_json_round_trip_whatever_the_text() {
        let mut dsc = DynamicSamplingContext::default();
        for (key, value) in [("transaction", "GET /a b,c=d;é%"), ("made-up", ""), ("trace_id", "0af7")] {
            dsc.set(key, value);
        }
        assert_eq!(DynamicSamplingContext::from_baggage(&dsc.to_baggage()), dsc);
        let json = serde_json::to_string(&dsc).unwrap();
        assert_eq!(serde_json::from_str::<DynamicSamplingContext>(&json).unwrap(), dsc);
        assert!(dsc.to_baggage().starts_with("sentry-transaction=GET%20%2Fa%20b%2Cc%3Dd%3B%C3%A9%25,"));
    }

    #[test]
    fn any_text_survives_the_header() {
        let alphabet: Vec<char> = "aZ9-_.~ ,;=%/@\"\\\r\n\t\0é日🦀".chars().collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for _ in 0..2_000 {
            let mut dsc = DynamicSamplingContext::default();
            for _ in 0..next(5) {
                let mut text =
                    |length: usize| (0..length).map(|_| alphabet[next(alphabet.len())]).collect::<String>();
                let (key, value) = (text(4), text(9));
                dsc.set(key, value);
            }
            let header = dsc.to_baggage();
            assert!(header.bytes().all(|byte| byte.is_ascii_graphic()), "{header:?} is no header");
            assert_eq!(DynamicSamplingContext::from_baggage(&header), dsc, "{header}");
        }
    }

    #[test]
    fn what_cannot_be_a_number_of_sampling_is_not_read_as_one() {
        let read = |text: &str| {
            let dsc = DynamicSamplingContext::from_baggage(&format!(
                "sentry-sample_rand={text},sentry-sample_rate={text}"
            ));
            (dsc.sample_rand(), dsc.sample_rate())
        };
        assert_eq!(read("0.5"), (Some(0.5), Some(0.5)));
        assert_eq!(read("1.0"), (None, Some(1.0)));
        for odd in ["-0.1", "abc", "NaN", "inf", "1.1", ""] {
            assert_eq!(read(odd), (None, None), "{odd:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_the_protocol_does() {
        assert_eq!((format_rate(1.0), format_rate(0.25)), ("1.0".into(), "0.25".into()));
        assert_eq!(format_sample_rand(0.999_999_9), "0.999999");
        for millionth in (0..1_000_000).step_by(37) {
            let text = format!("0.{millionth:06}");
            assert_eq!(format_sample_rand(text.parse().unwrap()), text);
        }
    }
}
