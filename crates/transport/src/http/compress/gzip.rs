//! One compressor for all envelopes.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, FlushCompress, Status};
use watchpost_protocol::{Envelope, Timestamp};

use super::Pack;

/// 32 kB of history, the most that gzip has.
const WINDOW_BITS: u8 = 15;

/// gzip. The compressor's 300 kB are set up once.
#[derive(Default)]
pub(super) struct Gzip {
    stream: Mutex<Option<Compress>>,
}

impl Pack for Gzip {
    /// Written into the compressor without a copy in between.
    fn pack(&self, envelope: &Envelope, sent_at: Timestamp) -> io::Result<Vec<u8>> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = stream.get_or_insert_with(|| Compress::new_gzip(Compression::fast(), WINDOW_BITS));
        // Before, not after: whoever was last may have stopped halfway.
        stream.reset();
        // A guess at the ratio; the vector grows if it is wrong.
        let packed = Vec::with_capacity(envelope.size_hint() / 4 + 256);
        let mut packing = Packing { stream, packed };
        envelope.write_to(sent_at, &mut packing)?;
        packing.finish()
    }

    fn encoding(&self) -> &'static str {
        "gzip"
    }
}

struct Packing<'a> {
    stream: &'a mut Compress,
    packed: Vec<u8>,
}

impl Packing<'_> {
    fn finish(mut self) -> io::Result<Vec<u8>> {
        self.push(&[], FlushCompress::Finish)?;
        Ok(self.packed)
    }

    fn push(&mut self, mut input: &[u8], flush: FlushCompress) -> io::Result<()> {
        let finishing = matches!(flush, FlushCompress::Finish);
        loop {
            // The compressor only fills what is reserved.
            if self.packed.len() == self.packed.capacity() {
                self.packed.reserve(4096);
            }
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let status =
                self.stream.compress_vec(input, &mut self.packed, flush).map_err(io::Error::other)?;
            let read = usize::try_from(self.stream.total_in() - read).map_err(io::Error::other)?;
            input = input.get(read..).unwrap_or_default();
            let done = if finishing { status == Status::StreamEnd } else { input.is_empty() };
            if done {
                return Ok(());
            }
            if read == 0 && self.stream.total_out() == written {
                return Err(io::Error::other("the compressor does not get on"));
            }
        }
    }
}

impl Write for Packing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes, FlushCompress::None)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use watchpost_protocol::Item;

    use super::*;

    fn envelope(bytes: Vec<u8>) -> Envelope {
        let mut envelope = Envelope::default();
        envelope.items.push(Item::attachment("a.bin", Some("application/octet-stream".to_owned()), bytes));
        envelope
    }

    fn unpack(packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
        plain
    }

    #[test]
    fn one_compressor_packs_many_envelopes_of_any_size() {
        let gzip = Gzip::default();
        let at = Timestamp::from_micros(1_790_000_000_250_000);
        let mut random = 1u32;
        let noise = std::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 24) as u8
        });
        for bytes in [vec![], vec![b'x'; 1_000_000], noise.take(1_000_000).collect(), b"short".to_vec()] {
            let envelope = envelope(bytes);
            assert_eq!(unpack(&gzip.pack(&envelope, at).unwrap()), envelope.to_vec(at));
        }
    }

    #[test]
    fn an_envelope_left_halfway_does_not_reach_the_next() {
        let gzip = Gzip::default();
        let at = Timestamp::from_micros(0);
        gzip.pack(&envelope(vec![]), at).unwrap();
        if let Some(stream) = gzip.stream.lock().unwrap().as_mut() {
            stream.reset();
            stream.compress_vec(b"half", &mut Vec::with_capacity(100), FlushCompress::None).unwrap();
        }
        let next = envelope(b"next".to_vec());
        assert_eq!(unpack(&gzip.pack(&next, at).unwrap()), next.to_vec(at));
    }
}
