//! The spans of one trace, recorded flat: one row per span, all attributes in one buffer.
//!
//! The caller writes numbers, pointers and bytes; the worker makes [`SpanRecord`]s of them. A row is addressed by its position, so the
//! row of a span is found without a search.

use std::any::Any;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use watchpost_protocol::{
    Map, SpanId, SpanLink, SpanRecord, SpanStatus, Timestamp, TraceId, TransactionSource, Value,
};

use crate::fields::{self, Fields};
use crate::thread::Threads;

/// How many spans a trace keeps besides its root (`protocol.md` §6.3).
pub const MAX_SPANS: usize = 1000;

/// So many later attributes are looked through for such that were set again since; then after so many as were left, and as many again.
const LATER_FIELDS: usize = 256;

/// How many spans a request has, as a rule: room for so many is made at once, some 2.5 kB with their attributes. Growing step by step costs
/// more than all of their recording.
const FEW_SPANS: usize = 12;

/// The position of a span in its trace's buffer. The root is at [`Slot::ROOT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32);

impl Slot {
    /// Where the root is.
    pub const ROOT: Slot = Slot(0);
}

/// Identifies a span of a tracing subscriber in this process: the layer's serial and the span's id. No layer has the serial 0.
pub type SpanKey = (u32, u64);

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

/// What a span starts with that is made by hand.
#[derive(Debug, Clone)]
pub(crate) struct SpanInit {
    /// Its name; the description of a child, the name of a transaction.
    pub name: Cow<'static, str>,
    /// Its operation, as `db` (`protocol.md` §6.6).
    pub op: Option<Cow<'static, str>>,
    /// What made it, as `auto.http.axum`; `manual` by default.
    pub origin: &'static str,
    /// Where it was made.
    pub site: Site,
}

/// What a span starts with that is made by a layer: a pointer to what the layer knows about its place in the program, and how to read
/// it. The caller copies three words; what they mean is asked on the worker.
#[derive(Clone, Copy)]
pub struct Callsite {
    /// What the layer knows.
    pub data: &'static (dyn Any + Send + Sync),
    /// Writes it into a record that has its ids, times and attributes already: the description, the operation, the origin, the place,
    /// and what the attributes mean. What the program set by hand is set afterwards, and stays.
    ///
    /// It says what the description is, as the name of a transaction: of a root it becomes that. `None` leaves the name that the root
    /// started with.
    pub describe: fn(&'static (dyn Any + Send + Sync), &mut SpanRecord) -> Option<TransactionSource>,
}

impl fmt::Debug for Callsite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callsite").finish_non_exhaustive()
    }
}

/// What made a span.
#[derive(Debug)]
pub(crate) enum Origin {
    ByHand(Box<SpanInit>),
    Layer(Callsite),
}

/// How a span begins.
pub(crate) struct Opening<'a> {
    pub(crate) span_id: SpanId,
    /// A span of the same trace; the root is its own.
    pub(crate) parent: Slot,
    pub(crate) origin: Origin,
    pub(crate) key: SpanKey,
    pub(crate) start: Instant,
    pub(crate) fields: &'a Fields,
}

#[derive(Debug)]
struct Row {
    key: SpanKey,
    span_id: SpanId,
    parent: Slot,
    /// What the program said.
    status: Option<SpanStatus>,
    /// Whether something went wrong in it: how it ended if neither the program nor an attribute says.
    failed: bool,
    /// How it ended if nothing else is known.
    otherwise: SpanStatus,
    /// Which of `Buffer::threads`.
    thread: u16,
    origin: Origin,
    start: Instant,
    /// `None` while the span is open.
    end: Option<Instant>,
    /// Where the attributes that it started with are; what is added later stands in `Buffer::later`.
    attributes: (u32, u32),
    /// What few spans have.
    set: Option<Box<Set>>,
}

/// What the program set by hand.
#[derive(Debug, Default)]
struct Set {
    name: Option<Cow<'static, str>>,
    op: Option<Cow<'static, str>>,
    links: Vec<SpanLink>,
}

/// A span that was still open when its trace ended: what is captured in it later is still its.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outliving {
    pub(crate) slot: Slot,
    pub(crate) key: SpanKey,
    pub(crate) span_id: SpanId,
    pub(crate) parent: SpanId,
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
    /// The threads on which its spans were made: few, as a rule one.
    threads: Threads,
    /// What its rows have in boxes of their own, in bytes.
    boxed: usize,
    /// Children that found no room.
    pub(crate) overflow: u64,
    /// Where the keys of the first rows stand, for whoever looks for one: made as far as it is needed, when it is.
    index: BTreeMap<SpanKey, u32>,
    /// Of how many rows.
    indexed: usize,
}

impl Buffer {
    /// Starts a span; `None` if the trace is full, which is counted.
    pub(crate) fn open(&mut self, opening: Opening<'_>) -> Option<Slot> {
        if self.rows.len() > MAX_SPANS {
            self.overflow += 1;
            return None;
        }
        let slot = self.rows.len() as u32;
        if slot == 0 {
            self.rows.reserve(FEW_SPANS);
            self.fields.reserve(2 * FEW_SPANS, 20 * FEW_SPANS);
        }
        let attributes = self.fields.extend(opening.fields);
        let thread = self.threads.here();
        if let Origin::ByHand(init) = &opening.origin {
            self.boxed += size_of::<SpanInit>() + init.name.len();
        }
        self.rows.push(Row {
            key: opening.key,
            span_id: opening.span_id,
            parent: opening.parent,
            status: None,
            failed: false,
            otherwise: SpanStatus::Ok,
            thread,
            origin: opening.origin,
            start: opening.start,
            end: None,
            attributes,
            set: None,
        });
        Some(Slot(slot))
    }

    /// Ends a span. The first end counts (§6.3); one that nobody has given a status ends as `otherwise`.
    pub(crate) fn close(&mut self, slot: Slot, end: Instant, otherwise: SpanStatus) {
        if let Some(row) = self.row(slot).filter(|row| row.end.is_none()) {
            row.end = Some(end.max(row.start));
            row.otherwise = otherwise;
        }
    }

    /// Ends a span that was opened when it was over, as one that began before: not before its parent did.
    pub(crate) fn close_back_dated(&mut self, slot: Slot, took: Duration) {
        let Some(Row { parent, start: end, .. }) = self.rows.get(slot.0 as usize) else { return };
        let (end, parent) = (*end, self.rows.get(parent.0 as usize).map(|parent| parent.start));
        let start = end.checked_sub(took).max(parent).unwrap_or(end).min(end);
        if let Some(row) = self.row(slot) {
            (row.start, row.end) = (start, Some(end));
        }
    }

    /// Adds attributes to a span; nothing if the trace has ended, and with it the span.
    pub(crate) fn record(&mut self, slot: Slot, fields: &Fields) {
        if self.row(slot).is_none() {
            return;
        }
        let (from, to) = self.fields.extend(fields);
        self.later.extend((from..to).map(|at| (slot.0, at)));
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
        self.later.retain(|&(slot, at)| old.slice((at, at + 1)).all(|(key, _)| seen.insert((slot, key))));
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

    /// Something went wrong in a span.
    pub(crate) fn fail(&mut self, slot: Slot) {
        if let Some(row) = self.row(slot) {
            row.failed = true;
        }
    }

    pub(crate) fn set_name(&mut self, slot: Slot, name: Cow<'static, str>) {
        self.boxed += name.len();
        self.set(slot, |set| set.name = Some(name));
    }

    pub(crate) fn set_op(&mut self, slot: Slot, op: Cow<'static, str>) {
        self.set(slot, |set| set.op = Some(op));
    }

    pub(crate) fn add_link(&mut self, slot: Slot, link: SpanLink) {
        self.set(slot, |set| set.links.push(link));
    }

    fn set(&mut self, slot: Slot, change: impl FnOnce(&mut Set)) {
        if let Some(row) = self.row(slot) {
            change(row.set.get_or_insert_default());
            self.boxed += size_of::<Set>();
        }
    }

    pub(crate) fn status(&self, slot: Slot) -> Option<SpanStatus> {
        self.rows.get(slot.0 as usize)?.status
    }

    /// Gives back the room that was not needed, if it is much: there may be thousands that wait to be sent.
    pub(crate) fn fit(&mut self) {
        if self.rows.capacity() > self.rows.len() + FEW_SPANS {
            self.rows.shrink_to_fit();
            self.fields.shrink_to_fit();
        }
    }

    /// How much memory it has taken, in bytes: what was set by hand twice is counted twice.
    pub(crate) fn weight(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
            + self.fields.weight()
            + self.later.capacity() * size_of::<(u32, u32)>()
            + self.indexed * 2 * size_of::<(SpanKey, u32)>()
            + self.boxed
    }

    /// The id of a span.
    pub(crate) fn id(&self, slot: Slot) -> Option<SpanId> {
        self.rows.get(slot.0 as usize).map(|row| row.span_id)
    }

    /// The id of a child and of its parent.
    pub(crate) fn ids(&self, slot: Slot) -> Option<(SpanId, SpanId)> {
        let row = self.rows.get(slot.0 as usize)?;
        Some((row.span_id, self.id(row.parent)?))
    }

    /// The attributes of a span and of those around it, the root's first: of a key that several have, the innermost's value is the last.
    pub(crate) fn fields_around(&self, slot: Slot) -> Fields {
        let mut around = Vec::new();
        let mut next = Some(slot);
        while let Some((slot, row)) = next.and_then(|slot| Some((slot, self.rows.get(slot.0 as usize)?))) {
            around.push((slot, row));
            next = (slot != Slot::ROOT).then_some(row.parent); // a parent was there before its child: this ends
        }
        let mut fields = Fields::new();
        for (slot, row) in around.into_iter().rev() {
            self.positions(slot, row).for_each(|at| fields.push_from(&self.fields, at as usize));
        }
        fields
    }

    /// Whether a span has an attribute with such a name.
    pub(crate) fn has_field(&self, slot: Slot, named: impl Fn(&str) -> bool) -> bool {
        let Some(row) = self.rows.get(slot.0 as usize) else { return false };
        self.positions(slot, row).any(|at| self.fields.slice((at, at + 1)).any(|(key, _)| named(key)))
    }

    /// Where the attributes of a span are, those that it started with first.
    fn positions(&self, slot: Slot, row: &Row) -> impl Iterator<Item = u32> {
        let later = self.later.iter().filter(move |(whose, _)| *whose == slot.0).map(|(_, at)| *at);
        (row.attributes.0..row.attributes.1).chain(later)
    }

    /// The open span that a layer knows by this key: keys are given again, but not while a span is open.
    ///
    /// Who looks for a span deep down in a tree asks about one ancestor after the other.
    pub(crate) fn find(&mut self, key: SpanKey) -> Option<Slot> {
        for (at, row) in self.rows.iter().enumerate().skip(self.indexed) {
            self.index.insert(row.key, at as u32); // the later of two is the one that is open
        }
        self.indexed = self.rows.len();
        let at = *self.index.get(&key)?;
        self.rows.get(at as usize).filter(|row| row.end.is_none()).map(|_| Slot(at))
    }

    /// The spans besides the root that are still open.
    pub(crate) fn outliving(&self) -> Vec<Outliving> {
        let open = self.rows.iter().enumerate().skip(1).filter(|(_, row)| row.end.is_none());
        open.map(|(at, row)| Outliving {
            slot: Slot(at as u32),
            key: row.key,
            span_id: row.span_id,
            parent: self.id(row.parent).unwrap_or_default(),
        })
        .collect()
    }

    fn row(&mut self, slot: Slot) -> Option<&mut Row> {
        self.rows.get_mut(slot.0 as usize)
    }

    /// How many spans would be lost with this trace, the root and those that found no room included (§4.2).
    pub(crate) fn span_count(&self) -> u64 {
        self.rows.len() as u64 + self.overflow
    }

    /// The root and its finished children, and how many children were not finished. `at` turns a moment into the time of day.
    pub(crate) fn into_records(self, trace_id: TraceId, at: impl Fn(Instant) -> Timestamp) -> Records {
        let Buffer { rows, fields: attributes, mut later, threads, overflow, .. } = self;
        later.sort_by_key(|(slot, _)| *slot); // stable: of one span, the later value stays behind the earlier
        let mut later = later.into_iter().peekable();
        let ids: Vec<SpanId> = rows.iter().map(|row| row.span_id).collect();
        let mut records = Records {
            root: None,
            source: None,
            children: Vec::with_capacity(rows.len()),
            unfinished: 0,
            overflow,
        };
        for (slot, row) in rows.into_iter().enumerate() {
            let mine: Vec<_> =
                std::iter::from_fn(|| later.next_if(|(whose, _)| *whose as usize == slot)).collect();
            let Some(end) = row.end else {
                records.unfinished += u64::from(slot != 0);
                continue;
            };
            let mut record = SpanRecord {
                trace_id,
                span_id: row.span_id,
                // The root's is of another process, which the trace knows.
                parent_span_id: if slot == 0 { None } else { ids.get(row.parent.0 as usize).copied() },
                start_timestamp: at(row.start),
                timestamp: at(end),
                status: row.status,
                ..SpanRecord::default()
            };
            if let Some(thread) = threads.get(row.thread) {
                thread.write_to(&mut record.data);
            }
            fields::write(attributes.slice(row.attributes), &mut record.data);
            for (_, at) in mine {
                fields::write(attributes.slice((at, at + 1)), &mut record.data);
            }
            let source = describe(&mut record, row.origin, row.set);
            record.status.get_or_insert(if row.failed { SpanStatus::InternalError } else { row.otherwise });
            match slot {
                0 => (records.root, records.source) = (Some(record), source),
                _ => records.children.push(record),
            }
        }
        records
    }
}

/// Says what a span is: as its maker does, then as the program did. A layer says what the description is, too.
fn describe(record: &mut SpanRecord, origin: Origin, set: Option<Box<Set>>) -> Option<TransactionSource> {
    let source = match origin {
        Origin::ByHand(init) => {
            record.description = Some(init.name.into_owned());
            record.op = init.op.map(Cow::into_owned);
            record.origin = Some(init.origin.to_owned());
            init.site.write_to(&mut record.data);
            None
        }
        Origin::Layer(callsite) => (callsite.describe)(callsite.data, record),
    };
    if let Some(set) = set {
        record.description = set.name.map(Cow::into_owned).or(record.description.take());
        record.op = set.op.map(Cow::into_owned).or(record.op.take());
        record.links = set.links;
    }
    source
}

impl Site {
    /// Writes the place into attributes (`protocol.md` §6.8); what is there already stays.
    pub fn write_to(&self, data: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Option<Value>| {
            if let (Some(value), false) = (value, data.contains_key(key)) {
                data.insert(key.to_owned(), value);
            }
        };
        put("code.file.path", self.file.map(Value::from));
        put("code.line.number", self.line.map(Value::from));
        put("code.namespace", self.module.map(Value::from));
    }
}

/// A trace as protocol data.
pub(crate) struct Records {
    pub(crate) root: Option<SpanRecord>,
    /// What the root's description is, if a layer has described it.
    pub(crate) source: Option<TransactionSource>,
    pub(crate) children: Vec<SpanRecord>,
    pub(crate) unfinished: u64,
    pub(crate) overflow: u64,
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    fn opening<'a>(id: u8, fields: &'a Fields, start: Instant) -> Opening<'a> {
        let init = SpanInit { name: "span".into(), op: None, origin: "manual", site: Site::default() };
        Opening {
            span_id: SpanId::from_bytes([id; 8]),
            parent: Slot::ROOT,
            origin: Origin::ByHand(Box::new(init)),
            key: (1, id.into()),
            start,
            fields,
        }
    }

    fn after(micros: u64) -> Instant {
        static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);
        *ZERO + Duration::from_micros(micros)
    }

    fn at(moment: Instant) -> Timestamp {
        Timestamp::from_micros((moment - after(0)).as_micros() as i64)
    }

    fn trace_id() -> TraceId {
        TraceId::from_bytes([9; 16])
    }

    #[test]
    fn later_attributes_win_and_unfinished_children_are_counted() {
        let mut buffer = Buffer::default();
        let mut fields = Fields::new();
        fields.push("rows", 1u64.into());
        let root = buffer.open(opening(1, &Fields::new(), after(10)));
        assert_eq!(root, Some(Slot::ROOT));
        let child = buffer.open(opening(2, &fields, after(11))).unwrap();
        buffer.open(opening(3, &Fields::new(), after(11)));
        fields.clear();
        fields.push("rows", 2u64.into());
        buffer.record(child, &fields);
        buffer.close(child, after(12), SpanStatus::Ok);
        buffer.close(child, after(99), SpanStatus::Cancelled);
        buffer.close(Slot::ROOT, after(13), SpanStatus::Ok);

        let records = buffer.into_records(trace_id(), at);
        assert_eq!((records.children.len(), records.unfinished, records.overflow), (1, 1, 0));
        let child = &records.children[0];
        assert_eq!(child.data["rows"], 2);
        assert_eq!(
            (child.timestamp, child.status),
            (at(after(12)), Some(SpanStatus::Ok)),
            "the first end counts"
        );
    }

    #[test]
    fn a_span_is_found_by_its_key_while_it_is_open() {
        let mut buffer = Buffer::default();
        let none = Fields::new();
        let first = buffer.open(opening(1, &none, after(1))).unwrap();
        let child = buffer.open(opening(2, &none, after(1))).unwrap();
        buffer.close(child, after(2), SpanStatus::Ok);
        assert_eq!(
            (buffer.find((1, 1)), buffer.find((1, 2)), buffer.find((2, 1))),
            (Some(first), None, None)
        );
        let again = buffer.open(opening(2, &none, after(3))).unwrap();
        assert_eq!(buffer.find((1, 2)), Some(again), "ids are given again");
        let outliving: Vec<_> = buffer.outliving().into_iter().map(|span| span.slot).collect();
        assert_eq!(outliving, [again]);
    }

    #[test]
    fn what_is_set_by_hand_stays_and_the_rest_is_as_the_layer_says() {
        let described = Callsite {
            data: &"a callsite",
            describe: |data, span| {
                assert_eq!(span.data["rows"], 1, "attributes are there when it is asked");
                span.description = data.downcast_ref::<&str>().map(|&text| text.to_owned());
                (span.op, span.status) = (Some("db".into()), span.status.or(Some(SpanStatus::Aborted)));
                Some(TransactionSource::Task)
            },
        };
        let mut fields = Fields::new();
        fields.push("rows", 1u64.into());
        let mut buffer = Buffer::default();
        for id in [1, 2] {
            buffer.open(Opening { origin: Origin::Layer(described), ..opening(id, &fields, after(1)) });
        }
        buffer.set_op(Slot(1), "cache".into());
        buffer.set_status(Slot(1), SpanStatus::NotFound);
        buffer.close(Slot(1), after(2), SpanStatus::Ok);
        buffer.close(Slot::ROOT, after(2), SpanStatus::Ok);
        let records = buffer.into_records(trace_id(), at);
        assert_eq!(records.source, Some(TransactionSource::Task));
        let picture = |span: &SpanRecord| (span.description.clone(), span.op.clone(), span.status);
        let text = || Some("a callsite".to_owned());
        assert_eq!(picture(&records.root.unwrap()), (text(), Some("db".into()), Some(SpanStatus::Aborted)));
        assert_eq!(picture(&records.children[0]), (text(), Some("cache".into()), Some(SpanStatus::NotFound)));
    }

    #[test]
    fn a_span_that_is_told_of_afterwards_began_before_but_not_before_its_parent() {
        let mut buffer = Buffer::default();
        let none = Fields::new();
        buffer.open(opening(1, &none, after(100)));
        for took in [20, 90] {
            let slot = buffer.open(opening(2, &none, after(150))).unwrap();
            buffer.close_back_dated(slot, Duration::from_micros(took));
        }
        buffer.close(Slot::ROOT, after(200), SpanStatus::Ok);
        let records = buffer.into_records(trace_id(), at);
        let times = |span: &SpanRecord| (span.start_timestamp, span.timestamp);
        let times: Vec<_> = records.children.iter().map(times).collect();
        assert_eq!(times, [(at(after(130)), at(after(150))), (at(after(100)), at(after(150)))]);
    }

    #[test]
    fn a_failure_counts_unless_the_program_or_an_attribute_says_otherwise() {
        let mut buffer = Buffer::default();
        let none = Fields::new();
        let said = Callsite {
            data: &(),
            describe: |_, span| {
                span.status.get_or_insert(SpanStatus::NotFound);
                None
            },
        };
        buffer.open(opening(1, &none, after(1)));
        buffer.open(opening(2, &none, after(1)));
        buffer.open(Opening { origin: Origin::Layer(said), ..opening(3, &none, after(1)) });
        buffer.set_status(Slot(1), SpanStatus::Aborted);
        for slot in [Slot::ROOT, Slot(1), Slot(2)] {
            buffer.fail(slot);
            buffer.close(slot, after(2), SpanStatus::Ok);
        }
        let records = buffer.into_records(trace_id(), at);
        let statuses: Vec<_> = records.root.iter().chain(&records.children).map(|span| span.status).collect();
        let [root, by_hand, by_layer] =
            [SpanStatus::InternalError, SpanStatus::Aborted, SpanStatus::NotFound].map(Some);
        assert_eq!(statuses, [root, by_hand, by_layer]);
    }

    #[test]
    fn an_attribute_that_is_set_over_and_over_does_not_grow() {
        let mut buffer = Buffer::default();
        let mut fields = Fields::new();
        fields.push("bytes", 0u64.into());
        fields.push("first", true.into());
        buffer.open(opening(1, &fields, after(1)));
        let child = buffer.open(opening(2, &fields, after(1))).unwrap();
        for round in 1..=100_000u64 {
            fields.clear();
            fields.push("bytes", round.into());
            fields.push_owned_key("peer", if round % 2 == 0 { "a" } else { "b" }.into());
            buffer.record(child, &fields);
            assert!(buffer.later.len() <= LATER_FIELDS + 2 && buffer.fields.len() <= LATER_FIELDS + 6);
        }
        buffer.close(child, after(2), SpanStatus::Ok);
        buffer.close(Slot::ROOT, after(2), SpanStatus::Ok);
        let records = buffer.into_records(trace_id(), at);
        let data = &records.children[0].data;
        assert_eq!(
            (&data["bytes"], &data["first"], &data["peer"]),
            (&100_000.into(), &true.into(), &"a".into())
        );
        assert_eq!(records.root.unwrap().data["bytes"], 0);
    }

    #[test]
    fn a_span_says_on_which_thread_it_was_made() {
        let mut buffer = Buffer::default();
        buffer.open(opening(1, &Fields::new(), after(1)));
        let worker = std::thread::Builder::new().name("worker-7".into());
        std::thread::scope(|scope| {
            let open = || buffer.open(opening(2, &Fields::new(), after(1)));
            worker.spawn_scoped(scope, open).unwrap().join().unwrap();
        });
        buffer.close(Slot(1), after(2), SpanStatus::Ok);
        buffer.close(Slot::ROOT, after(2), SpanStatus::Ok);
        let records = buffer.into_records(trace_id(), at);
        let (root, child) = (records.root.unwrap(), &records.children[0]);
        assert_eq!(child.data["thread.name"], "worker-7");
        assert_ne!(child.data["thread.id"], root.data["thread.id"]);
    }

    #[test]
    fn the_fields_around_a_span_are_its_ancestors_and_its_own() {
        let mut buffer = Buffer::default();
        let fields = |key, value: u64| {
            let mut fields = Fields::new();
            fields.push(key, value.into());
            fields
        };
        buffer.open(opening(1, &fields("order", 1), after(1)));
        buffer.open(opening(2, &fields("beside", 2), after(1)));
        let inner = buffer.open(opening(3, &fields("step", 3), after(1))).unwrap();
        buffer.record(Slot::ROOT, &fields("order", 4));
        let picture: Vec<_> =
            buffer.fields_around(inner).iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(picture, ["order=1", "order=4", "step=3"]);
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
            assert!(buffer.open(opening(1, &Fields::new(), after(1))).is_some());
        }
        assert!(buffer.open(opening(1, &Fields::new(), after(1))).is_none());
        assert_eq!((buffer.overflow, buffer.span_count()), (1, MAX_SPANS as u64 + 2), "all are lost with it");
    }
}
