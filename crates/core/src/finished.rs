//! A span that has ended, as the worker sees it: borrowed from where it was recorded, and only made into the protocol's record if somebody
//! asks for that.

use std::borrow::Cow;
use std::sync::Arc;

use watchpost_protocol::json::{JsonWriter, WriteJson};
use watchpost_protocol::{
    Map, SpanId, SpanLink, SpanRecord, SpanStatus, Timestamp, TraceContext, TraceId, Value,
};

use crate::known::{Known, Likeness, write_texts};
use crate::span_data::SpanData;
use crate::thread::ThreadInfo;

/// A finished span. Its JSON is that of the [`SpanRecord`] that [`into_record`](Self::into_record) makes.
#[derive(Debug, Clone, Default)]
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
    /// The thread that it was made on, if that is not among the attributes already.
    pub(crate) thread: Option<&'a ThreadInfo>,
    pub(crate) links: Vec<SpanLink>,
    /// What is known of its callsite, if that is not among the attributes already.
    pub(crate) known: Option<Arc<Known>>,
    /// Whether it says what all of its callsite say, as far as their attributes mean nothing.
    pub(crate) is_like_others: bool,
}

impl FinishedSpan<'_> {
    /// What it says as all of its like, if it does.
    pub(crate) fn likeness(&self) -> Option<&Likeness> {
        self.known.as_ref().filter(|_| self.is_like_others)?.likeness.as_ref()
    }

    /// Its attributes as JSON: its own, where its callsite is, and the thread; of a key that comes again, the first stays.
    fn all_data(&self) -> Map<String, Value> {
        let mut map = self.data.to_map();
        let place = self.known.iter().flat_map(|known| known.place.iter());
        let thread = self.thread.iter().flat_map(|thread| thread.attributes());
        for (key, value) in place.chain(thread) {
            map.entry(key).or_insert_with(|| value.to_json());
        }
        map
    }

    /// The protocol's record of it, which owns all that it says.
    #[must_use]
    pub fn into_record(self) -> SpanRecord {
        let data = self.all_data();
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
            data,
            links: self.links,
            ..SpanRecord::default()
        }
    }
}

impl WriteJson for FinishedSpan<'_> {
    fn write_json(&self, json: &mut JsonWriter<'_>) {
        self.write_ids(json);
        json.raw(r#","start_timestamp":"#);
        json.timestamp(self.start_timestamp);
        json.raw(r#","timestamp":"#);
        json.timestamp(self.timestamp);
        match self.likeness() {
            Some(likeness) => json.printed(&likeness.printed),
            None => write_texts([self.op.as_deref(), self.description.as_deref(), self.origin], json),
        }
        self.write_rest(json);
    }
}

/// A root, written as the [`TraceContext`] of its transaction, which has its times and its description.
pub(crate) struct AsTraceContext<'s, 'a>(pub(crate) &'s FinishedSpan<'a>);

impl WriteJson for AsTraceContext<'_, '_> {
    fn write_json(&self, json: &mut JsonWriter<'_>) {
        self.0.write_ids(json);
        write_texts([self.0.op.as_deref(), None, self.0.origin], json);
        self.0.write_rest(json);
    }
}

/// The same, made of a record.
pub(crate) fn trace_context(root: SpanRecord) -> TraceContext {
    TraceContext {
        trace_id: root.trace_id,
        span_id: root.span_id,
        parent_span_id: root.parent_span_id,
        op: root.op,
        status: root.status,
        origin: root.origin,
        data: root.data,
        links: root.links,
        ..TraceContext::default()
    }
}

impl FinishedSpan<'_> {
    fn write_ids(&self, json: &mut JsonWriter<'_>) {
        json.raw(r#"{"trace_id":"#);
        json.trace_id(self.trace_id);
        json.raw(r#","span_id":"#);
        json.span_id(self.span_id);
        if let Some(parent) = self.parent_span_id {
            json.raw(r#","parent_span_id":"#);
            json.span_id(parent);
        }
    }

    fn write_rest(&self, json: &mut JsonWriter<'_>) {
        if let Some(status) = self.status {
            json.raw(r#","status":"#);
            json.text(status.as_str());
        }
        json.raw(r#","data":{"#);
        if let Some(known) = &self.known {
            known.write_beside(&self.data, json);
        }
        self.data.write_members(json);
        if let Some(thread) = self.thread {
            thread.write_beside(&self.data, json);
        }
        json.end();
        if !self.links.is_empty() {
            json.raw(r#","links":"#);
            json.value(&self.links);
        }
        json.end();
    }
}
