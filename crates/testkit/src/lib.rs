//! Test your own instrumentation: what would have been sent, and traces drawn as text.
//!
//! ```
//! # use watchpost_core::api as watchpost;
//! use watchpost::{capture_message, set_tag};
//!
//! let captured = watchpost_testkit::capture(|| {
//!     set_tag("plan", "pro");
//!     capture_message("the cart is empty");
//! });
//! assert_eq!(captured.draw(), "info: the cart is empty\n  tags: plan=pro\n");
//! ```
//!
//! [`capture`] reports to a client of its own, so tests may run side by side. Work that moves to another thread takes it along only in a
//! tracing span or with its scopes; for a program that is tested as a whole there is [`install`], one per process.

mod capture;
mod captured;
mod draw;
mod recorder;

pub use capture::{capture, capture_with, install, options};
pub use captured::Captured;
pub use draw::{event, transaction};
pub use recorder::Recorder;
