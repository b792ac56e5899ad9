//! Bodies made smaller (`protocol.md` §2.7): which way, and whether this build has it.

#[cfg(feature = "brotli")]
mod brotli;
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use std::io;

use watchpost_core::CompressionAlgo;
use watchpost_protocol::{Envelope, Timestamp};

use super::error::HttpError;

/// Packs envelopes, one at a time: what a compressor needs is set up once, by the first.
///
/// Delivery threads take turns. That is no loss: packing takes microseconds where the wire takes milliseconds, and the lock is
/// not held while sending.
pub(super) trait Pack: Send + Sync {
    /// The envelope as it goes onto the wire.
    fn pack(&self, envelope: &Envelope, sent_at: Timestamp) -> io::Result<Vec<u8>>;

    /// How the server calls it.
    fn encoding(&self) -> &'static str;
}

/// What packs so; `None`: nothing does.
pub(super) fn packer(algo: CompressionAlgo) -> Result<Option<Box<dyn Pack>>, HttpError> {
    match algo {
        CompressionAlgo::None => Ok(None),
        #[cfg(feature = "brotli")]
        CompressionAlgo::Brotli => Ok(Some(Box::new(brotli::Brotli))),
        #[cfg(not(feature = "brotli"))]
        CompressionAlgo::Brotli => Err(HttpError::Compression { feature: "brotli" }),
        #[cfg(feature = "zstd")]
        CompressionAlgo::Zstd => Ok(Some(Box::new(zstd::Zstd::default()))),
        #[cfg(not(feature = "zstd"))]
        CompressionAlgo::Zstd => Err(HttpError::Compression { feature: "zstd" }),
        _ => Ok(Some(Box::new(gzip::Gzip::default()))),
    }
}
