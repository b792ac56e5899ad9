//! Ids: of events, traces and spans (`protocol.md` §5.1, §6.2).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError {
    what: &'static str,
    digits: usize,
    given: String,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid {} {:?}: expected {} hexadecimal digits, not all zero",
            self.what, self.given, self.digits
        )
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal, zero: $zero:literal, dashes: $dashes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The id of these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                $name(bytes)
            }

            /// The bytes of the id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Its digits, written into a place of their length.
            pub(crate) fn digits<'a>(&self, digits: &'a mut [u8; 2 * $bytes]) -> &'a str {
                text(digits, &self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.digits(&mut [0; 2 * $bytes]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse(text, $dashes)
                    .filter(|bytes| $zero || *bytes != [0; $bytes])
                    .map($name)
                    .ok_or_else(|| ParseIdError { what: $what, digits: 2 * $bytes, given: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.digits(&mut [0; 2 * $bytes]))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id! {
    /// Identifies an event or a transaction: a version 4 UUID, written without dashes. The default is the nil id, which stands for "none yet".
    ///
    /// ```
    /// # use watchpost_protocol as watchpost;
    /// use watchpost::EventId;
    ///
    /// let id: EventId = "9b1c3e5a-7d9f-4b2d-8c6e-0a1b2c3d4e5f".parse()?;
    /// assert_eq!(id.to_string(), "9b1c3e5a7d9f4b2d8c6e0a1b2c3d4e5f");
    /// # Ok::<(), watchpost_protocol::ParseIdError>(())
    /// ```
    EventId, 16, "event id", zero: true, dashes: true
}

id! {
    /// Identifies a trace across all processes that take part in it. All zero is no trace.
    TraceId, 16, "trace id", zero: false, dashes: true
}

id! {
    /// Identifies a span within its trace. All zero is no span.
    SpanId, 8, "span id", zero: false, dashes: false
}

id! {
    /// Identifies one run of a monitored job: a version 4 UUID. The default is the nil id, which means the latest run that is in progress.
    CheckInId, 16, "check-in id", zero: true, dashes: true
}

id! {
    /// Identifies a session of release health: a version 4 UUID, written without dashes.
    SessionId, 16, "session id", zero: true, dashes: true
}

id! {
    /// Identifies a run of a profiler, a chunk of what it saw, or the profile of a transaction: a version 4 UUID, written without dashes.
    ProfileId, 16, "profile id", zero: true, dashes: true
}

impl EventId {
    /// A version 4 UUID of random bytes.
    #[must_use]
    pub const fn from_random_bytes(bytes: [u8; 16]) -> Self {
        EventId(uuid(bytes))
    }
}

impl CheckInId {
    /// A version 4 UUID of random bytes.
    #[must_use]
    pub const fn from_random_bytes(bytes: [u8; 16]) -> Self {
        CheckInId(uuid(bytes))
    }
}

impl ProfileId {
    /// A version 4 UUID of random bytes.
    #[must_use]
    pub const fn from_random_bytes(bytes: [u8; 16]) -> Self {
        ProfileId(uuid(bytes))
    }
}

impl SessionId {
    /// A version 4 UUID of random bytes.
    #[must_use]
    pub const fn from_random_bytes(bytes: [u8; 16]) -> Self {
        SessionId(uuid(bytes))
    }
}

const fn uuid(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Writes two digits for each byte: of four bytes at once, since every span has three ids. All ids have a multiple of four.
fn text<'a>(text: &'a mut [u8], bytes: &[u8]) -> &'a str {
    let (digits, _) = text.as_chunks_mut::<8>();
    let (words, _) = bytes.as_chunks::<4>();
    for (digits, word) in digits.iter_mut().zip(words) {
        *digits = eight_digits(u32::from_be_bytes(*word));
    }
    std::str::from_utf8(text).unwrap_or_default()
}

/// The digits of a word, each made in a byte of its own.
fn eight_digits(word: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from(word);
    let halves = (word | (word << 16)) & 0x0000_FFFF_0000_FFFF;
    let bytes = (halves | (halves << 8)) & 0x00FF_00FF_00FF_00FF;
    let nibbles = (bytes | (bytes << 4)) & 0x0F0F_0F0F_0F0F_0F0F;
    let letters = ((nibbles + 6 * EACH) >> 4) & EACH; // 1 for what is above 9
    let to_letters = u64::from(b'a' - b'9' - 1);
    (nibbles + u64::from(b'0') * EACH + to_letters * letters).to_be_bytes()
}

/// Reads exactly `2 * N` digits, in either case; a UUID may have its dashes.
fn parse<const N: usize>(text: &str, dashes: bool) -> Option<[u8; N]> {
    let dashed = dashes && text.len() == 36;
    let mut digits = text.bytes().enumerate().filter_map(|(at, byte)| {
        let skip = dashed && byte == b'-' && matches!(at, 8 | 13 | 18 | 23);
        (!skip).then(|| char::from(byte).to_digit(16))
    });
    let mut bytes = [0; N];
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = (high * 16 + low) as u8;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_what_it_writes() {
        for seed in 1..=255u8 {
            let trace =
                TraceId::from_bytes(std::array::from_fn(|at| seed.wrapping_mul(31).wrapping_add(at as u8)));
            assert_eq!(trace.to_string().parse(), Ok(trace));
            assert_eq!(trace.to_string().to_uppercase().parse(), Ok(trace));
            let span = SpanId::from_bytes([seed; 8]);
            assert_eq!(serde_json::from_str::<SpanId>(&serde_json::to_string(&span).unwrap()).unwrap(), span);
        }
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for bad in ["", "0", &"0".repeat(32), &"g".repeat(32), &"a".repeat(31), &"a".repeat(33), "é"] {
            assert!(bad.parse::<TraceId>().is_err(), "{bad:?}");
        }
        let error = "xyz".parse::<SpanId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid span id \"xyz\": expected 16 hexadecimal digits, not all zero"
        );
    }

    #[test]
    fn random_bytes_become_a_version_4_uuid() {
        let id = EventId::from_random_bytes([0xff; 16]).to_string();
        assert_eq!((&id[12..13], &id[16..17]), ("4", "b"));
    }
}
