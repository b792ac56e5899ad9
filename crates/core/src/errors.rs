//! Errors: what can be captured as one, and what is read of it while it is at hand.
//!
//! ```text
//!   capture_error(&e) ─ AsError ─▶ View ─ read ─▶ exceptions, and notes ─▶ a Draft ─▶ the gates
//!                                   a tree: what it prints, its type, its causes
//! ```
//!
//! Where an error comes in its type is known; nothing behind [`View`] is generic, or every type of error would bring a program its own copy
//! of all this.

#[cfg(feature = "anyhow")]
mod anyhow;
mod chain;
mod draft;
#[cfg(feature = "error-stack")]
mod error_stack;
#[cfg(feature = "eyre")]
mod eyre;
mod group;
mod hooks;
mod names;
mod no_failure;
mod view;

pub(crate) use chain::read;
pub use chain::{ErrorRecord, ReadSpanFields, exceptions, set_read_span_fields};
pub use draft::Draft;
pub(crate) use draft::Identity;
pub use group::Group;
pub(crate) use hooks::ErrorHooks;
pub(crate) use names::is_unnamed;
pub(crate) use no_failure::{has_closed_pipe, is_a_closed_pipe};
pub use view::{AsError, View, kind};
