//! Writing an envelope (`protocol.md` §2.1).

use std::io::{self, Write};

use serde::Serialize;

use super::{Envelope, EnvelopeHeaders, Item, ItemHeader};
use crate::timestamp::Timestamp;

impl Envelope {
    /// Writes the envelope. `sent_at` is the time of writing: take it as late as possible.
    ///
    /// # Errors
    /// The writer's own.
    pub fn write_to(&self, sent_at: Timestamp, out: &mut impl Write) -> io::Result<()> {
        let mut headers = EnvelopeHeaders { sent_at: Some(sent_at), ..self.headers.clone() };
        // A server refuses the whole envelope if this key is there twice (§2.2).
        headers.other.remove("sent_at");
        serde_json::to_writer(&mut *out, &headers)?;
        out.write_all(b"\n")?;
        self.items.iter().try_for_each(|item| item.write_to(out))
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
    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        #[derive(Serialize)]
        struct Header<'a> {
            #[serde(flatten)]
            header: &'a ItemHeader,
            length: usize,
        }
        let length = self.payload.len();
        if self.header.other.contains_key("length") {
            // The length is the payload's: another one in `other` would be a second key.
            let mut header = self.header.clone();
            header.other.remove("length");
            serde_json::to_writer(&mut *out, &Header { header: &header, length })?;
        } else {
            serde_json::to_writer(&mut *out, &Header { header: &self.header, length })?;
        }
        out.write_all(b"\n")?;
        out.write_all(&self.payload)?;
        out.write_all(b"\n")
    }
}
