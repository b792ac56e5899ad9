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
        serde_json::to_writer(
            &mut *out,
            &EnvelopeHeaders { sent_at: Some(sent_at), ..self.headers.clone() },
        )?;
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
        serde_json::to_writer(&mut *out, &Header { header: &self.header, length: self.payload.len() })?;
        out.write_all(b"\n")?;
        out.write_all(&self.payload)?;
        out.write_all(b"\n")
    }
}
