//! The tracing layer of Watchpost: spans become transactions, ERROR events become issues, INFO and WARN events become breadcrumbs.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry().with(watchpost_tracing::layer()).init();
//! ```
//!
//! One layer does it all, and may be installed before or after `init`. A span carries the scopes it was created in: the user, the tags and the
//! breadcrumbs of a request follow it across `.await`, threads, `tokio::spawn(future.instrument(span))` and cancellation. For that
//! nothing of ours runs when a span is entered or left.
//!
//! `#[tracing::instrument]` is the decorator: `#[instrument(err)]` makes a span of a function, and an issue of an `Err` that it returns.
//!
//! # What becomes of what
//!
//! | from `tracing` | at level | becomes |
//! |---|---|---|
//! | event | ERROR | an issue; a field that is a `&dyn Error` is its exception chain |
//! | event | WARN, INFO | a breadcrumb |
//! | span without a parent | INFO and above | a transaction, in an isolation scope of its own unless a request has one already |
//! | span with a parent | INFO and above | a child span |
//!
//! Fields with a meaning: `otel.name` or `sentry.name` is the name of the span, `sentry.op` its operation, `otel.status_code` and
//! `otel.kind` what they say, `tags.*` of an event are tags of its issue. All others are attributes, with their types.
//!
//! # What it does not do
//!
//! It has no per-layer filter of its own, because each costs every span; it decides inside, by callsite. The names of the semantic
//! conventions (`http.*`, `db.*`, …) are sent as attributes and not interpreted yet.

mod cache;
mod event;
mod filter;
mod layer;
mod log_record;
mod nodes;
mod semantics;
mod source;
mod visit;

pub use filter::{EventFilter, Levels};
pub use layer::{CaptureLayer, layer};
