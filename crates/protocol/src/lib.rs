//! The Sentry ingest protocol as plain data.
//!
//! Everything that Watchpost sends, and everything it reads back, is a type of this crate: events and
//! transactions, envelopes (written *and* strictly read), the headers that carry a trace from one process to the
//! next, rate limits and client reports. There is no clock here, no randomness, no thread and no I/O: what is
//! needed of those is passed in.
//!
//! ```
//! # mod watchpost { pub use watchpost_protocol as protocol; }
//! use watchpost::protocol::{Dsn, Envelope, Event, Item, Level, Timestamp};
//!
//! let dsn: Dsn = "https://k1@o77.ingest.sentry.io/5".parse()?;
//! assert_eq!(dsn.envelope_url(), "https://o77.ingest.sentry.io/api/5/envelope/");
//!
//! let event = Event { level: Some(Level::Warning), ..Event::default() };
//! let mut envelope = Envelope::default();
//! envelope.headers.event_id = Some(event.event_id);
//! envelope.items.push(Item::event(&event)?);
//!
//! let bytes = envelope.to_vec(Timestamp::from_micros(1_790_000_000_250_000));
//! let read = Envelope::from_slice(&bytes)?;
//! assert_eq!(read.items[0].decode::<Event>()?.level, Some(Level::Warning));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Structs have public fields and a `Default`; build them with struct update. A field that the server does not
//! know is refused by nobody: unknown fields are kept in `other` and survive a round trip.
//!
//! # Sections
//! A `§` names a section of what the SDK follows; these are Sentry's own pages about it.
//!
//! | § | about | page |
//! |---|---|---|
//! | 1 | DSN and authentication | [authentication](https://develop.sentry.dev/sdk/foundations/transport/authentication/) |
//! | 2 | envelopes and their items | [envelopes](https://develop.sentry.dev/sdk/foundations/envelopes/) |
//! | 3 | rate limits | [rate limiting](https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/) |
//! | 4 | losses | [client reports](https://develop.sentry.dev/sdk/telemetry/client-reports/) |
//! | 5, 6 | events, transactions, spans | [event payloads](https://develop.sentry.dev/sdk/foundations/envelopes/event-payloads/) |
//! | 7 | typed attributes | [spans](https://develop.sentry.dev/sdk/telemetry/spans/) |
//! | 8 | traces from process to process | [trace propagation](https://develop.sentry.dev/sdk/foundations/trace-propagation/) |
//! | 9, 10 | logs, metrics | [logs](https://develop.sentry.dev/sdk/telemetry/logs/), [metrics](https://develop.sentry.dev/sdk/telemetry/metrics/) |
//! | 11, 12 | monitors, release health | [check-ins](https://develop.sentry.dev/sdk/telemetry/check-ins/), [sessions](https://develop.sentry.dev/sdk/telemetry/sessions/) |
//! | 14 | files, feedback | [attachments](https://develop.sentry.dev/sdk/telemetry/attachments/), [feedback](https://develop.sentry.dev/sdk/telemetry/feedbacks/) |
//! | 16 | what must not leave the process | [data scrubbing](https://develop.sentry.dev/sdk/foundations/data-scrubbing/) |

pub mod breadcrumb;
pub mod category;
pub mod check_in;
pub mod client_report;
pub mod contexts;
pub mod crontab;
pub mod dsn;
pub mod envelope;
pub mod event;
pub mod exception;
pub mod feedback;
pub mod id;
pub mod json;
pub mod level;
pub mod log;
pub mod meta;
pub mod metric;
pub mod monitor;
pub mod profile;
pub mod propagation;
pub mod rate_limit;
pub mod request;
pub mod sdk;
pub mod session;
pub mod span;
pub mod timestamp;
pub mod transaction;
pub mod truncate;
pub mod user;
pub mod value;
mod wire;

pub use breadcrumb::Breadcrumb;
pub use category::Category;
pub use check_in::{CheckIn, CheckInContexts, CheckInStatus, CheckInTrace};
pub use client_report::{ClientReport, DiscardReason, DiscardedEvent};
pub use contexts::{
    AppContext, Contexts, CultureContext, DeviceContext, OsContext, ResponseContext, RuntimeContext,
    TraceContext,
};
pub use crontab::{Crontab, CrontabError};
pub use dsn::{Dsn, DsnError, Scheme};
pub use envelope::{
    Contained, Container, Envelope, EnvelopeError, EnvelopeHeaders, Fit, Item, ItemHeader, ItemType,
};
pub use event::{Event, FINGERPRINT_DEFAULT, LogEntry, Values};
pub use exception::{Addr, DebugImage, DebugMeta, Exception, Frame, Mechanism, Stacktrace, Thread};
pub use feedback::Feedback;
pub use id::{CheckInId, EventId, ParseIdError, ProfileId, SessionId, SpanId, TraceId};
pub use level::{Level, LogLevel, ParseLevelError};
pub use log::{Attributes, Log};
pub use meta::{Annotation, Meta, ParseRemarkKindError, Remark, RemarkKind};
pub use metric::{Metric, MetricType, MetricValue};
pub use monitor::{IntervalUnit, MonitorConfig, MonitorSlug, MonitorSlugError, Schedule, ScheduleError};
pub use profile::{Profile, ProfileChunk};
pub use propagation::{Baggage, DynamicSamplingContext, SentryTrace};
pub use rate_limit::{RateLimit, RateLimitCategories};
pub use request::Request;
pub use sdk::{SdkInfo, SdkPackage};
pub use serde_json::{Map, Value};
pub use session::{SessionAggregate, SessionAggregates, SessionAttributes, SessionStatus, SessionUpdate};
pub use span::{SpanLink, SpanRecord, SpanStatus};
pub use timestamp::Timestamp;
pub use transaction::{Transaction, TransactionInfo, TransactionSource};
pub use truncate::truncate;
pub use user::{IpAddress, User};
pub use value::AttributeValue;
