//! brotli, as other reporters for this protocol use it.

use std::io;

use brotli::CompressorWriter;
use watchpost_protocol::{Envelope, Timestamp};

use super::Pack;

/// Of 0 to 11.
const QUALITY: u32 = 4;
/// The most that a server must be able to look back: 4 MB.
const WINDOW_BITS: u32 = 22;
const BUFFER: usize = 16 * 1024;

pub(super) struct Brotli;

impl Pack for Brotli {
    fn pack(&self, envelope: &Envelope, sent_at: Timestamp) -> io::Result<Vec<u8>> {
        let packed = Vec::with_capacity(envelope.size_hint() / 5 + 256);
        let mut writer = CompressorWriter::new(packed, BUFFER, QUALITY, WINDOW_BITS);
        envelope.write_to(sent_at, &mut writer)?;
        Ok(writer.into_inner())
    }

    fn encoding(&self) -> &'static str {
        "br"
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use watchpost_protocol::Item;

    use super::*;

    #[test]
    fn an_envelope_is_unpacked_as_it_was() {
        let at = Timestamp::from_micros(0);
        for bytes in [vec![], vec![b'x'; 1_000_000], b"short".to_vec()] {
            let mut envelope = Envelope::default();
            envelope.items.push(Item::attachment("a.bin", None, bytes));
            let (packed, mut plain) = (Brotli.pack(&envelope, at).unwrap(), Vec::new());
            brotli::Decompressor::new(&*packed, 4096).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, envelope.to_vec(at));
        }
    }
}
