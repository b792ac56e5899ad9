//! The spans of one trace, recorded flat: one row per span, all attributes in one buffer.
//!
//! The caller writes numbers, pointers and bytes; the worker makes [`SpanRecord`]s of them. A row is addressed by its position, so the
//! row of a span is found without a search.

use std::borrow::Cow;
use std::collections::HashSet;

use watchpost_protocol::{Map, SpanId, SpanLink, SpanRecord, SpanStatus, Timestamp, TraceId};

use crate::fields::{FieldValue, Fields};

/// How many spans a trace keeps besides its root (`protocol.md` §6.3).
pub const MAX_SPANS: usize = 1000;

/// So many later attributes are looked through for such that were set again since; then after so many as were left, and as many again.
const LATER_FIELDS: usize = 256;

/// The position of a span in its trace's buffer. The root is at [`Slot::ROOT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    pub(crate) const ROOT: Slot = Slot(0);
}

/// Where a span was made in the program, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Site {
    /// The source file.
    pub file: Option<&'static str>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The module path.
    pub module: Option<&'static str>,
}

/// What a span starts with.
#[derive(Debug, Clone)]
pub struct SpanInit {
    /// Its name; the description of a child, the name of a transaction.
    pub name: Cow<'static, str>,
    /// Its operation, as `db` (`protocol.md` §6.6).
    pub op: Option<Cow<'static, str>>,
    /// What made it, as `auto.http.axum`; `manual` by default.
    pub origin: &'static str,
    /// Where it was made.
    pub site: Site,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) span_id: SpanId,
    parent: Option<SpanId>,
    name: Cow<'static, str>,
    op: Option<Cow<'static, str>>,
    origin: &'static str,
    site: Site,
    start: u64,
    /// Zero while the span is open.
    end: u64,
    status: Option<SpanStatus>,
    /// Where the attributes that it started with are; what is added later stands in `Buffer::later`.
    attributes: (u32, u32),
    links: Vec<SpanLink>,
}

/// Everything that a recorded trace has collected.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    rows: Vec<Row>,
    fields: Fields,
    /// Attributes that were set after the start: whose, and where in `fields`.
    later: Vec<(u32, u32)>,
    /// When to look through `later` next; the default, zero, is `LATER_FIELDS`.
    tidy_at: usize,
    /// Children that found no room.
    pub(crate) overflow: u64,
}

impl Buffer {
    /// Starts a span; `None` if the trace is full, which is counted.
    pub(crate) fn open(
        &mut self,
        span_id: SpanId,
        parent: Option<SpanId>,
        init: SpanInit,
        fields: &Fields,
        start: u64,
    ) -> Option<Slot> {
        if self.rows.len() > MAX_SPANS {
            self.overflow += 1;
            return None;
        }
        let slot = self.rows.len() as u32;
        let from = self.fields.len() as u32;
        self.fields.extend(fields);
        self.rows.push(Row {
            span_id,
            parent,
            name: init.name,
            op: init.op,
            origin: init.origin,
            site: init.site,
            start,
            end: 0,
            status: None,
            attributes: (from, self.fields.len() as u32),
            links: Vec::new(),
        });
        Some(Slot(slot))
    }

    /// Ends a span. The first end counts (§6.3); a span that had no status by then is `ok` if `otherwise` says nothing else.
    pub(crate) fn close(&mut self, slot: Slot, end: u64, otherwise: Option<SpanStatus>) {
        if let Some(row) = self.row(slot).filter(|row| row.end == 0) {
            row.end = end.max(row.start).max(1);
            row.status = row.status.or(otherwise);
        }
    }

    /// Adds attributes to a span; nothing if the trace has ended, and with it the span.
    pub(crate) fn record(&mut self, slot: Slot, fields: &Fields) {
        if self.row(slot).is_none() {
            return;
        }
        for at in 0..fields.len() {
            self.later.push((slot.0, self.fields.len() as u32));
            self.fields.push_from(fields, at);
        }
        if self.later.len() > self.tidy_at.max(LATER_FIELDS) {
            self.tidy();
        }
    }

    /// Drops the later attributes that were set again since: a span that lives long and counts in an attribute does not grow.
    fn tidy(&mut self) {
        let old = std::mem::take(&mut self.fields);
        for row in &mut self.rows {
            let (from, to) = row.attributes;
            let start = self.fields.len() as u32;
            (from..to).for_each(|at| self.fields.push_from(&old, at as usize));
            row.attributes = (start, self.fields.len() as u32);
        }
        let mut seen = HashSet::new();
        self.later.reverse(); // the latest value of a key comes first, and stays
        self.later.retain(|&(slot, at)| {
            old.slice(at as usize, at as usize + 1).all(|(key, _)| seen.insert((slot, key)))
        });
        self.later.reverse();
        for (_, at) in &mut self.later {
            let moved = self.fields.len() as u32;
            self.fields.push_from(&old, *at as usize);
            *at = moved;
        }
        self.tidy_at = 2 * self.later.len();
    }

    pub(crate) fn set_status(&mut self, slot: Slot, status: SpanStatus) {
        if let Some(row) = self.row(slot) {
            row.status = Some(status);
        }
    }

    pub(crate) fn set_name(&mut self, slot: Slot, name: Cow<'static, str>) {
        if let Some(row) = self.row(slot) {
            row.name = name;
        }
    }

    pub(crate) fn set_op(&mut self, slot: Slot, op: Cow<'static, str>) {
        if let Some(row) = self.row(slot) {
            row.op = Some(op);
        }
    }

    pub(crate) fn add_link(&mut self, slot: Slot, link: SpanLink) {
        if let Some(row) = self.row(slot) {
            row.links.push(link);
        }
    }

    pub(crate) fn status(&self, slot: Slot) -> Option<SpanStatus> {
        self.rows.get(slot.0 as usize)?.status
    }

    fn row(&mut self, slot: Slot) -> Option<&mut Row> {
        self.rows.get_mut(slot.0 as usize)
    }

    /// How many spans would be lost with this trace, the root and those that found no room included (§4.2).
    pub(crate) fn span_count(&self) -> u64 {
        self.rows.len() as u64 + self.overflow
    }

    /// The root and its finished children, and how many children were not finished. `at` turns a monotonic time into the time of day.
    pub(crate) fn into_records(self, trace_id: TraceId, at: impl Fn(u64) -> Timestamp) -> Records {
        let mut records: Vec<Option<SpanRecord>> = Vec::with_capacity(self.rows.len());
        let mut unfinished = 0;
        for row in self.rows {
            if row.end == 0 {
                unfinished += u64::from(!records.is_empty());
                records.push(None);
                continue;
            }
            let mut data = site_data(row.site);
            write_fields(&mut data, self.fields.slice(row.attributes.0 as usize, row.attributes.1 as usize));
            records.push(Some(SpanRecord {
                trace_id,
                span_id: row.span_id,
                parent_span_id: row.parent,
                start_timestamp: at(row.start),
                timestamp: at(row.end),
                op: row.op.map(Cow::into_owned),
                description: Some(row.name.into_owned()),
                status: row.status,
                origin: Some(row.origin.to_owned()),
                data,
                links: row.links,
                ..SpanRecord::default()
            }));
        }
        for (slot, at) in self.later {
            if let Some(Some(record)) = records.get_mut(slot as usize) {
                write_fields(&mut record.data, self.fields.slice(at as usize, at as usize + 1));
            }
        }
        let mut records = records.into_iter();
        let root = records.next().flatten();
        Records { root, children: records.flatten().collect(), unfinished, overflow: self.overflow }
    }
}

/// A trace as protocol data.
pub(crate) struct Records {
    pub(crate) root: Option<SpanRecord>,
    pub(crate) children: Vec<SpanRecord>,
    pub(crate) unfinished: u64,
    pub(crate) overflow: u64,
}

fn write_fields<'a>(
    data: &mut Map<String, watchpost_protocol::Value>,
    fields: impl Iterator<Item = (&'a str, FieldValue<'a>)>,
) {
    for (key, value) in fields {
        data.insert(key.to_owned(), value.to_json());
    }
}

fn site_data(site: Site) -> Map<String, watchpost_protocol::Value> {
    let mut data = Map::new();
    if let Some(file) = site.file {
        data.insert("code.file.path".into(), file.into());
    }
    if let Some(line) = site.line {
        data.insert("code.line.number".into(), line.into());
    }
    if let Some(module) = site.module {
        data.insert("code.namespace".into(), module.into());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(name: &'static str) -> SpanInit {
        SpanInit { name: name.into(), op: None, origin: "manual", site: Site::default() }
    }

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_micros(nanos as i64)
    }

    #[test]
    fn later_attributes_win_and_unfinished_children_are_counted() {
        let mut buffer = Buffer::default();
        let mut fields = Fields::new();
        fields.push("rows", 1u64.into());
        let root = buffer.open(SpanId::from_bytes([1; 8]), None, init("root"), &Fields::new(), 10);
        assert_eq!(root, Some(Slot::ROOT));
        let child = buffer.open(SpanId::from_bytes([2; 8]), None, init("child"), &fields, 11).unwrap();
        buffer.open(SpanId::from_bytes([3; 8]), None, init("open for ever"), &fields, 11);
        fields.clear();
        fields.push("rows", 2u64.into());
        buffer.record(child, &fields);
        buffer.close(child, 12, Some(SpanStatus::Ok));
        buffer.close(child, 99, Some(SpanStatus::Cancelled));
        buffer.close(Slot::ROOT, 13, None);

        let records = buffer.into_records(TraceId::from_bytes([9; 16]), at);
        assert_eq!((records.children.len(), records.unfinished, records.overflow), (1, 1, 0));
        let child = &records.children[0];
        assert_eq!(child.data["rows"], 2);
        assert_eq!((child.timestamp, child.status), (at(12), Some(SpanStatus::Ok)), "the first end counts");
    }

    #[test]
    fn an_attribute_that_is_set_over_and_over_does_not_grow() {
        let mut buffer = Buffer::default();
        let mut fields = Fields::new();
        fields.push("bytes", 0u64.into());
        fields.push("first", true.into());
        buffer.open(SpanId::from_bytes([1; 8]), None, init("root"), &fields, 1);
        let child = buffer.open(SpanId::from_bytes([2; 8]), None, init("child"), &fields, 1).unwrap();
        for round in 1..=100_000u64 {
            fields.clear();
            fields.push("bytes", round.into());
            fields.push_owned_key("peer", if round % 2 == 0 { "a" } else { "b" }.into());
            buffer.record(child, &fields);
            assert!(buffer.later.len() <= LATER_FIELDS + 2 && buffer.fields.len() <= LATER_FIELDS + 6);
        }
        buffer.close(child, 2, None);
        buffer.close(Slot::ROOT, 2, None);
        let records = buffer.into_records(TraceId::from_bytes([9; 16]), at);
        let expected = serde_json::json!({"bytes": 100_000, "first": true, "peer": "a"});
        assert_eq!(serde_json::json!(records.children[0].data), expected);
        assert_eq!(records.root.unwrap().data["bytes"], 0);
    }

    #[test]
    fn a_trace_that_has_ended_keeps_nothing() {
        let mut ended = Buffer::default();
        let mut fields = Fields::new();
        fields.push("bytes", 1u64.into());
        ended.record(Slot(3), &fields);
        assert!(ended.fields.is_empty() && ended.later.is_empty());
    }

    #[test]
    fn a_full_trace_refuses_and_counts() {
        let mut buffer = Buffer::default();
        for _ in 0..MAX_SPANS + 1 {
            assert!(buffer.open(SpanId::from_bytes([1; 8]), None, init("s"), &Fields::new(), 1).is_some());
        }
        assert!(buffer.open(SpanId::from_bytes([1; 8]), None, init("s"), &Fields::new(), 1).is_none());
        assert_eq!((buffer.overflow, buffer.span_count()), (1, MAX_SPANS as u64 + 2), "all are lost with it");
    }
}
