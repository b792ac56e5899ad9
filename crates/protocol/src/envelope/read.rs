//! Reading an envelope, strictly (`protocol.md` §2.1): what is malformed is refused, what is unknown is kept.

use std::fmt;

use serde_json::Value;

use super::{Envelope, EnvelopeHeaders, Item, ItemHeader};

/// Why bytes are no envelope: where, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeError {
    /// The byte at which the wrong thing begins.
    pub offset: usize,
    /// The item, counted from 0; `None` for the envelope's own header.
    pub item: Option<usize>,
    /// What was expected, and what was there.
    pub problem: String,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed envelope at byte {}", self.offset)?;
        match self.item {
            Some(item) => write!(f, " (item {item}): {}", self.problem),
            None => write!(f, " (header): {}", self.problem),
        }
    }
}

impl std::error::Error for EnvelopeError {}

impl Envelope {
    /// Reads an envelope.
    ///
    /// ```
    /// # use watchpost_protocol as watchpost;
    /// use watchpost::Envelope;
    ///
    /// let error = Envelope::from_slice(b"{}\n{\"type\":\"attachment\",\"length\":9}\nabc").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "malformed envelope at byte 36 (item 0): expected a payload of 9 bytes, only 3 are left"
    /// );
    /// ```
    ///
    /// # Errors
    /// An [`EnvelopeError`] that names the item, the byte, and what was expected there.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let mut reader = Reader { bytes, at: 0, item: None };
        let headers = reader.header::<EnvelopeHeaders>()?;
        let mut items = Vec::new();
        while reader.at < bytes.len() {
            reader.item = Some(items.len());
            items.push(reader.read_item()?);
        }
        Ok(Envelope { headers, items })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    item: Option<usize>,
}

impl<'a> Reader<'a> {
    /// One line of JSON, without white space around it.
    fn header<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, EnvelopeError> {
        let start = self.at;
        let line = self.line();
        if line.is_empty() {
            return Err(
                self.error(start, "expected a header, a JSON object on one line; found nothing".into())
            );
        }
        if !line.starts_with(b"{") || !line.ends_with(b"}") {
            return Err(
                self.error(start, "expected a header, a JSON object without white space around it".into())
            );
        }
        serde_json::from_slice(line).map_err(|error| self.error(start, format!("expected a header: {error}")))
    }

    fn read_item(&mut self) -> Result<Item, EnvelopeError> {
        let start = self.at;
        let mut header: ItemHeader = self.header()?;
        let length = match header.other.remove("length") {
            None => None,
            Some(length) => Some(self.length(start, &length)?),
        };
        let payload = match length {
            None => self.line(),
            Some(length) => self.sized(length)?,
        };
        Ok(Item { header, payload: payload.to_vec() })
    }

    fn length(&self, start: usize, length: &Value) -> Result<usize, EnvelopeError> {
        length
            .as_u64()
            .and_then(|length| usize::try_from(length).ok())
            .ok_or_else(|| self.error(start, format!("expected a length in bytes, found {length}")))
    }

    /// Everything up to the next line break or the end, which is passed.
    fn line(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        self.at += (end + 1).min(rest.len());
        &rest[..end]
    }

    fn sized(&mut self, length: usize) -> Result<&'a [u8], EnvelopeError> {
        let rest = &self.bytes[self.at..];
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            let problem = format!("expected a payload of {length} bytes, only {} are left", rest.len());
            return Err(self.error(self.at, problem));
        };
        self.at += length;
        match rest.first() {
            None => {}
            Some(b'\n') => self.at += 1,
            Some(other) => {
                let problem = format!(
                    "expected a line break after the payload of {length} bytes, found {:?}",
                    char::from(*other)
                );
                return Err(self.error(self.at, problem));
            }
        }
        Ok(payload)
    }

    fn error(&self, offset: usize, problem: String) -> EnvelopeError {
        EnvelopeError { offset, item: self.item, problem }
    }
}
