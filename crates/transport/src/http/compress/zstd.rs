//! zstd at its first level: a quarter smaller than gzip at its fastest, and faster.

use std::io;
use std::sync::{Mutex, PoisonError};

use watchpost_protocol::{Envelope, Timestamp};
use zstd::bulk::Compressor;

use super::Pack;

const LEVEL: i32 = 1;

/// One compressor for all envelopes: to set one up takes longer than to pack with it.
#[derive(Default)]
pub(super) struct Zstd {
    compressor: Mutex<Option<Compressor<'static>>>,
}

impl Pack for Zstd {
    fn pack(&self, envelope: &Envelope, sent_at: Timestamp) -> io::Result<Vec<u8>> {
        let plain = envelope.to_vec(sent_at);
        let mut compressor = self.compressor.lock().unwrap_or_else(PoisonError::into_inner);
        let compressor = match &mut *compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(&plain)
    }

    fn encoding(&self) -> &'static str {
        "zstd"
    }
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Item;

    use super::*;

    #[test]
    fn many_envelopes_are_unpacked_as_they_were() {
        let (zstd, at) = (Zstd::default(), Timestamp::from_micros(0));
        for bytes in [vec![], vec![b'x'; 1_000_000], b"short".to_vec()] {
            let mut envelope = Envelope::default();
            envelope.items.push(Item::attachment("a.bin", None, bytes));
            let (packed, plain) = (zstd.pack(&envelope, at).unwrap(), envelope.to_vec(at));
            assert_eq!(zstd::bulk::decompress(&packed, plain.len()).unwrap(), plain);
        }
    }
}
