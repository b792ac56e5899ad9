//! The spans of one trace, recorded flat: one row per span, all attributes in one buffer.
//!
//! The caller writes numbers, pointers and bytes; the worker makes [`SpanRecord`]s of them. A row is addressed by its position, so the
//! row of a span is found without a search.

use std::borrow::Cow;

use watchpost_protocol::{Map, SpanId, SpanLink, SpanRecord, SpanStatus, Timestamp, TraceId};

use crate::fields::{FieldValue, Fields};

/// How many spans a trace keeps besides its root (`protocol.md` §6.3).
pub const MAX_SPANS: usize = 1000;

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
    /// Attributes that were set after the start: whose, and which part of `fields`.
    later: Vec<(u32, u32, u32)>,
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

    pub(crate) fn record(&mut self, slot: Slot, fields: &Fields) {
        let from = self.fields.len() as u32;
        self.fields.extend(fields);
        self.later.push((slot.0, from, self.fields.len() as u32));
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

    /// How many spans would be lost with this trace, the root included (§4.2).
    pub(crate) fn span_count(&self) -> u64 {
        self.rows.iter().filter(|row| row.end != 0).count() as u64
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
        for (slot, from, to) in self.later {
            if let Some(Some(record)) = records.get_mut(slot as usize) {
                write_fields(&mut record.data, self.fields.slice(from as usize, to as usize));
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
    fn a_full_trace_refuses_and_counts() {
        let mut buffer = Buffer::default();
        for _ in 0..MAX_SPANS + 1 {
            assert!(buffer.open(SpanId::from_bytes([1; 8]), None, init("s"), &Fields::new(), 1).is_some());
        }
        assert!(buffer.open(SpanId::from_bytes([1; 8]), None, init("s"), &Fields::new(), 1).is_none());
        assert_eq!(buffer.overflow, 1);
    }
}
