//! Writing an envelope (`protocol.md` §2.1).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Envelope, EnvelopeHeaders, Item, ItemHeader};
use crate::json;
use crate::timestamp::Timestamp;

impl Envelope {
    /// Writes the envelope. `sent_at` is the time of writing: take it as late as possible.
    ///
    /// # Errors
    /// The writer's own.
    pub fn write_to(&self, sent_at: Timestamp, out: &mut impl Write) -> io::Result<()> {
        self.write(Some(sent_at), out)
    }

    /// Writes the envelope without `sent_at`: to be kept for later, as on a disk (§2.2).
    ///
    /// # Errors
    /// The writer's own.
    pub fn write_unsent_to(&self, out: &mut impl Write) -> io::Result<()> {
        self.write(None, out)
    }

    fn write(&self, sent_at: Option<Timestamp>, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.header_line(sent_at)?)?;
        for item in &self.items {
            out.write_all(&item.header_line()?)?;
            out.write_all(&item.payload)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn header_line(&self, sent_at: Option<Timestamp>) -> io::Result<Vec<u8>> {
        let mut headers = EnvelopeHeaders { sent_at, ..self.headers.clone() };
        // A server refuses the whole envelope if this key is there twice (§2.2).
        if headers.other.contains_key("sent_at") {
            headers.other = without("sent_at", &headers.other);
        }
        line(&headers)
    }

    /// The envelope as bytes.
    #[must_use]
    pub fn to_vec(&self, sent_at: Timestamp) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size_hint());
        // A vector takes everything, and every header has only text for keys: there is nothing to fail.
        let _ = self.write_to(sent_at, &mut bytes);
        bytes
    }

    /// About how many bytes it will be: never less than its payloads.
    #[must_use]
    pub fn size_hint(&self) -> usize {
        512 + self.items.iter().map(|item| item.payload.len() + 128).sum::<usize>()
    }
}

impl Item {
    fn header_line(&self) -> io::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Header<'a> {
            #[serde(flatten)]
            header: &'a ItemHeader,
            length: usize,
        }
        let length = self.payload.len();
        if self.header.other.contains_key("length") {
            // The length is the payload's: another one in `other` would be a second key.
            let other = without("length", &self.header.other);
            line(&Header { header: &ItemHeader { other, ..self.header.clone() }, length })
        } else {
            line(&Header { header: &self.header, length })
        }
    }
}

fn without(key: &str, fields: &Map<String, Value>) -> Map<String, Value> {
    let mut others = Map::new();
    for (name, value) in fields.iter().filter(|(name, _)| *name != key) {
        others.insert(name.clone(), value.clone());
    }
    others
}

fn line<T: Serialize>(header: &T) -> io::Result<Vec<u8>> {
    let mut line = json::to_vec(header)?;
    line.push(b'\n');
    Ok(line)
}
