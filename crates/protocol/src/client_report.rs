//! Client reports: what was dropped before it could be sent, and why (`protocol.md` §4).

use serde::{Deserialize, Serialize};

use crate::category::Category;
use crate::timestamp::Timestamp;
use crate::wire::wire_names;

/// Why something was dropped. The server knows these and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DiscardReason {
    /// The queue was full.
    QueueOverflow,
    /// The offline cache was full.
    CacheOverflow,
    /// An internal buffer was full, such as the spans of a transaction.
    BufferOverflow,
    /// A rate limit was in force.
    RatelimitBackoff,
    /// There was no connection.
    NetworkError,
    /// The server answered with an error.
    SendError,
    /// The reporter itself failed.
    InternalSdkError,
    /// Sampling decided so.
    SampleRate,
    /// A `before_send…` hook dropped it, or failed.
    BeforeSend,
    /// An event processor or an integration dropped it, or failed.
    EventProcessor,
    /// There was too little of it, such as a profile with one sample.
    InsufficientData,
    /// The program was too busy.
    Backpressure,
    /// A deny list named it.
    Ignored,
    /// It was not valid.
    Invalid,
}

wire_names!(DiscardReason, ParseDiscardReasonError, "discard reason", {
    QueueOverflow = "queue_overflow",
    CacheOverflow = "cache_overflow",
    BufferOverflow = "buffer_overflow",
    RatelimitBackoff = "ratelimit_backoff",
    NetworkError = "network_error",
    SendError = "send_error",
    InternalSdkError = "internal_sdk_error",
    SampleRate = "sample_rate",
    BeforeSend = "before_send",
    EventProcessor = "event_processor",
    InsufficientData = "insufficient_data",
    Backpressure = "backpressure",
    Ignored = "ignored",
    Invalid = "invalid",
});

/// One line of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardedEvent {
    /// Why.
    pub reason: DiscardReason,
    /// What.
    pub category: Category,
    /// How many, or how many bytes.
    pub quantity: u64,
}

/// What was dropped since the last report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientReport {
    /// When the report was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timestamp: Option<Timestamp>,
    /// The losses.
    pub discarded_events: Vec<DiscardedEvent>,
}
