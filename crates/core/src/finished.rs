//! A span that has ended, as the worker sees it: borrowed from where it was recorded, and only made into the protocol's record if somebody
//! asks for that.

use std::borrow::Cow;

use watchpost_protocol::json::{JsonWriter, WriteJson};
use watchpost_protocol::{SpanId, SpanLink, SpanRecord, SpanStatus, Timestamp, TraceId};

use crate::span_data::SpanData;

/// A finished span. Its JSON is that of the [`SpanRecord`] that [`into_record`](Self::into_record) makes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FinishedSpan<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) start_timestamp: Timestamp,
    pub(crate) timestamp: Timestamp,
    /// Its operation, as `db`.
    pub op: Option<Cow<'a, str>>,
    /// What it did, for a reader.
    pub description: Option<Cow<'a, str>>,
    /// How it ended, if that is known.
    pub status: Option<SpanStatus>,
    /// What made it, as `auto.db.sqlx`; `manual` if absent.
    pub origin: Option<&'static str>,
    /// Its attributes.
    pub data: SpanData<'a>,
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
            data: self.data.to_map(),
            links: self.links,
            ..SpanRecord::default()
        }
    }
}

impl WriteJson for FinishedSpan<'_> {
    fn write_json(&self, json: &mut JsonWriter<'_>) {
        json.raw(r#"{"trace_id":"#);
        json.trace_id(self.trace_id);
        json.raw(r#","span_id":"#);
        json.span_id(self.span_id);
        if let Some(parent) = self.parent_span_id {
            json.raw(r#","parent_span_id":"#);
            json.span_id(parent);
        }
        json.raw(r#","start_timestamp":"#);
        json.timestamp(self.start_timestamp);
        json.raw(r#","timestamp":"#);
        json.timestamp(self.timestamp);
        let texts = [
            (r#","op":"#, self.op.as_deref()),
            (r#","description":"#, self.description.as_deref()),
            (r#","status":"#, self.status.map(SpanStatus::as_str)),
            (r#","origin":"#, self.origin),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                json.raw(name);
                json.text(text);
            }
        }
        if !self.data.is_empty() {
            json.raw(r#","data":"#);
            self.data.write_json(json);
        }
        if !self.links.is_empty() {
            json.raw(r#","links":"#);
            json.value(&self.links);
        }
        json.end();
    }
}
