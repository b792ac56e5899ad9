//! How Watchpost sends: the wire and nothing else.
//!
//! ```
//! # mod watchpost { pub use watchpost_protocol::*; pub use watchpost_transport as transport; }
//! # #[cfg(feature = "http")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use watchpost::Dsn;
//! use watchpost::transport::{HttpOptions, HttpTransport};
//!
//! let dsn: Dsn = "http://k1@localhost:9000/5".parse()?;
//! let transport = HttpTransport::new(&dsn, HttpOptions::default())?;
//! # drop(transport);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "http"))]
//! # fn main() {}
//! ```
//!
//! - [`HttpTransport`] posts envelopes to a server. Feature `http`; `rustls` adds https.
//! - [`SpotlightTap`] posts a copy of them to a receiver on the developer's machine. Feature `http`.
//! - [`ConsoleTransport`] draws issues and traces in a terminal; it needs no account. Feature `console`.
//!
//! - [`FileSpool`] keeps in a directory what could not be sent. Feature `spool`.
//!
//! A transport makes one blocking attempt and says what came of it. It does not queue, retry, count or keep rate limits: all of that is
//! the outbox's in `watchpost-core`, written once for every transport.

#[cfg(feature = "console")]
mod console;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "spool")]
mod spool;
#[cfg(feature = "http")]
mod spotlight;

#[cfg(feature = "console")]
pub use console::ConsoleTransport;
#[cfg(feature = "http")]
pub use http::{CompressionAlgo, HttpError, HttpOptions, HttpTransport};
#[cfg(feature = "spool")]
pub use spool::FileSpool;
#[cfg(feature = "http")]
pub use spotlight::SpotlightTap;
