//! A span that has ended, as the worker sees it: borrowed from where it was recorded, and only made into the protocol's record if somebody
//! asks for that.

use std::borrow::Cow;

use serde::Serialize;
use watchpost_protocol::{SpanId, SpanLink, SpanRecord, SpanStatus, Timestamp, TraceId};

use crate::span_data::SpanData;

/// A finished span. Its JSON is that of the [`SpanRecord`] that [`into_record`](Self::into_record) makes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FinishedSpan<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) start_timestamp: Timestamp,
    pub(crate) timestamp: Timestamp,
    /// Its operation, as `db` (`protocol.md` §6.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<Cow<'a, str>>,
    /// What it did, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
    /// How it ended, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SpanStatus>,
    /// What made it, as `auto.db.sqlx`; `manual` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'static str>,
    /// Its attributes (`protocol.md` §6.8).
    #[serde(skip_serializing_if = "SpanData::is_empty")]
    pub data: SpanData<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) links: Vec<SpanLink>,
}

impl FinishedSpan<'_> {
    /// The protocol's record of it, which owns all that it says.
    #[must_use]
    pub fn into_record(self) -> SpanRecord {
        SpanRecord {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent_span_id,
            start_timestamp: self.start_timestamp,
            timestamp: self.timestamp,
            op: self.op.map(Cow::into_owned),
            description: self.description.map(Cow::into_owned),
            status: self.status,
            origin: self.origin.map(str::to_owned),
            data: self.data.into_map(),
            links: self.links,
            ..SpanRecord::default()
        }
    }
}
