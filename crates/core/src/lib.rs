//! Capture for Watchpost: scopes, spans, sampling, the pipeline and the outbox.
//!
//! This is the house behind the facade `watchpost`; use that one in a program. Leaf crates (transports, the tracing layer, the request
//! layer, the log bridge) stand on this one and never see each other.
//!
//! ```text
//!   caller                                     │ worker
//!   gates ▸ raw stack, snapshots of 3 scopes ──┼▸ merge ▸ integrations ▸ scrub ▸ before_send ▸ trim ▸ envelope ▸ Transport
//! ```
//!
//! Modules import in one direction only, in the order below.

#[doc(hidden)]
pub mod background;
pub mod clock;
pub mod diag;
mod entry;
mod home;
pub mod mute;
pub mod rng;
mod unharmed;

pub mod error;
mod valid;

pub mod hints;
mod limits;
pub mod losses;
mod outbox;
pub mod spool;
pub mod tap;
pub mod transport;

mod attachment;
mod heap;
mod session;

mod breadcrumbs;
pub mod fields;
mod finished;
pub mod flags;
mod known;
mod merge;
mod naming;
mod origin;
mod propagation_context;
mod record;
mod recorder;
pub mod scope;
pub mod scratch;
mod span_data;
mod tag;
mod thread;

mod filters;
pub mod integration;
mod message;
mod pattern;
pub mod profiler;
pub mod sampling;
pub mod scrub;

mod batch;
mod body_size;
mod config;
mod dsc;
mod environment;
pub mod errors;
mod last_error;
pub mod options;
mod personal;
mod pipeline;
mod profiling;
pub mod settings;

mod bound;
pub mod client;
pub mod flush;
mod sensitive;
mod targets;
mod trace;

mod span_ref;

pub mod span;

pub mod builder;
pub mod current;
pub mod future;
mod heard;
mod incoming;
pub mod metrics;
pub mod monitor;
mod outgoing;
mod unit;

pub mod api;
pub mod gen_ai;
pub mod layer;

pub use attachment::Attachment;
pub use body_size::{MaxRequestBodySize, ParseMaxRequestBodySizeError};
pub use builder::{EnteredSpan, SpanBuilder};
pub use client::{Client, Guard};
pub use clock::{Clock, SystemClock};
pub use config::SDK_NAME;
pub use current::{Scopes, ScopesGuard};
pub use error::InitError;
pub use errors::{AsError, exceptions};
pub use fields::{FieldValue, Fields};
pub use filters::SpanRule;
pub use flush::Flush;
pub use future::FutureExt;
pub use integration::{Integration, RawStack, StackSource};
pub use losses::Losses;
pub use options::{
    CompressionAlgo, DEFAULT_CONTEXT_LINES, DEFAULT_MAX_ATTACHMENT_SIZE, DEFAULT_MAX_BREADCRUMBS,
    DEFAULT_MAX_BREADTH, DEFAULT_MAX_DEPTH, DEFAULT_MAX_EVENT_SIZE, DEFAULT_MAX_IN_FLIGHT,
    DEFAULT_MAX_VALUE_LENGTH, DEFAULT_QUEUE_BYTES, DEFAULT_QUEUE_SIZE, DEFAULT_SHUTDOWN_TIMEOUT, MaybeDsn,
    Options, Source, Spotlight,
};
pub use origin::Site;
pub use pattern::Pattern;
pub use profiler::{Profiler, Recording, SampledThread, StackSample, Unavailable};
pub use profiling::ProfileLifecycle;
pub use record::MAX_SPANS;
pub use rng::{Rng, ThreadRng};
pub use sampling::{Decision, SampleRate, SamplingContext};
pub use scope::{EventProcessor, RequestSource, Scope};
pub use scrub::EventScrubber;
pub use sensitive::{Sensitive, sensitive};
pub use session::SessionMode;
pub use settings::{Config, Effective, EffectiveOption};
pub use span::Span;
pub use spool::{
    Claim, DEFAULT_SPOOL_AGE, DEFAULT_SPOOL_BYTES, DEFAULT_SPOOL_ENVELOPES, Rank, Refused, Room, Spool,
    SpoolOptions,
};
pub use tag::{MAX_TAG_KEY, MAX_TAG_VALUE};
pub use transport::{Delivery, Transport};
pub use unharmed::unharmed;
pub use unit::UnitInit;
pub use valid::parse_bool;
