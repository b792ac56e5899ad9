//! Categories: what rate limits and client reports count by (`protocol.md` §3.3).

use crate::wire::wire_names;

/// What kind of data a rate limit or a loss concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is named as the protocol names it")]
pub enum Category {
    Default,
    Error,
    Transaction,
    Span,
    LogItem,
    LogByte,
    TraceMetric,
    TraceMetricByte,
    Session,
    Attachment,
    AttachmentItem,
    Profile,
    ProfileChunk,
    ProfileChunkUi,
    Monitor,
    Feedback,
    Security,
    Replay,
    MetricBucket,
    Internal,
}

wire_names!(Category, ParseCategoryError, "category", {
    Default = "default",
    Error = "error",
    Transaction = "transaction",
    Span = "span",
    LogItem = "log_item",
    LogByte = "log_byte",
    TraceMetric = "trace_metric",
    TraceMetricByte = "trace_metric_byte",
    Session = "session",
    Attachment = "attachment",
    AttachmentItem = "attachment_item",
    Profile = "profile",
    ProfileChunk = "profile_chunk",
    ProfileChunkUi = "profile_chunk_ui",
    Monitor = "monitor",
    Feedback = "feedback" | "user_report_v2",
    Security = "security",
    Replay = "replay",
    MetricBucket = "metric_bucket",
    Internal = "internal",
});
