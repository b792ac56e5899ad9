//! The spans of one trace, recorded flat: one row per span, all attributes in one buffer.
//!
//! The caller writes numbers, pointers and bytes; the worker makes [`FinishedSpan`]s of them. A row is addressed by its position, so the
//! row of a span is found without a search.

mod spare;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use watchpost_protocol::{SpanId, SpanLink, SpanStatus, Timestamp, TraceId, TransactionSource};

use crate::fields::Fields;
use crate::finished::FinishedSpan;
use crate::origin::{Origin, Set, SpanInit};
use crate::thread::{ThreadInfo, Threads};

pub(crate) use self::spare::{Lent, Spare};

/// How many spans a trace keeps besides its root.
pub const MAX_SPANS: usize = 1000;

/// So many later attributes are looked through for such that were set again since; then after so many as were left, and as many again.
const LATER_FIELDS: usize = 256;

/// How many attributes the spans of a trace have together, and how much text in them, in bytes: more than any server takes. What comes later
/// is not kept.
const MAX_FIELDS: usize = 65_536;
const MAX_TEXT: usize = 4 * 1024 * 1024;

/// How many links a span keeps.
const MAX_LINKS: usize = 1000;

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

/// The key of a span that no layer keeps.
pub const NO_KEY: SpanKey = (0, 0);

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
    /// Its key, in two: as a pair it would take four bytes more.
    layer: u32,
    id: u64,
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

impl Row {
    fn key(&self) -> SpanKey {
        (self.layer, self.id)
    }
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
    /// The time of day when the root began, and that moment: what turns one into the other.
    pub(crate) anchor: Option<(Timestamp, Instant)>,
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
        let attributes =
            if self.has_room_for(opening.fields) { self.fields.extend(opening.fields) } else { (0, 0) };
        let thread = self.threads.here();
        if let Origin::ByHand(init) = &opening.origin {
            self.boxed += size_of::<SpanInit>() + init.name.len();
        }
        self.rows.push(Row {
            layer: opening.key.0,
            id: opening.key.1,
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
        if !self.has_room_for(fields) {
            if self.is_tidy() {
                return;
            }
            self.tidy();
            if !self.has_room_for(fields) {
                return;
            }
        }
        let (from, to) = self.fields.extend(fields);
        self.later.extend((from..to).map(|at| (slot.0, at)));
        if self.later.len() > self.tidy_at.max(LATER_FIELDS) {
            self.tidy();
        }
    }

    fn has_room_for(&self, fields: &Fields) -> bool {
        self.fields.len() + fields.len() <= MAX_FIELDS
            && self.fields.text_len() + fields.text_len() <= MAX_TEXT
    }

    /// Whether nothing was added since the last time that it was tidied.
    fn is_tidy(&self) -> bool {
        2 * self.later.len() <= self.tidy_at
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
        self.boxed += size_of::<SpanLink>();
        self.set(slot, |set| {
            if set.links.len() < MAX_LINKS {
                set.links.push(link);
            }
        });
    }

    /// Says when a span began, whenever it was opened.
    pub(crate) fn set_start(&mut self, slot: Slot, start: Timestamp) {
        self.set(slot, |set| set.start = Some(start));
    }

    /// Says when a span ends that is about to be closed. The first end counts.
    pub(crate) fn set_end(&mut self, slot: Slot, end: Timestamp) {
        if self.row(slot).is_some_and(|row| row.end.is_none()) {
            self.set(slot, |set| set.end = Some(end));
        }
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
        let loose = self.rows.capacity() > self.rows.len() + FEW_SPANS;
        if loose {
            self.rows.shrink_to_fit();
        }
        // One that was used before fits already, and has the same texts again and again all the same.
        if loose || self.rows.len() > 2 * FEW_SPANS {
            self.fields.pack();
        }
    }

    /// Makes it as it was when it was new; the memory stays.
    fn clear(&mut self) {
        let Buffer { rows, fields, later, .. } = std::mem::take(self);
        (self.rows, self.fields, self.later) = (rows, fields, later);
        self.rows.clear();
        self.fields.clear();
        self.later.clear();
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
    pub(crate) fn has_field(&self, slot: Slot, mut named: impl FnMut(&str) -> bool) -> bool {
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
            self.index.insert(row.key(), at as u32); // the later of two is the one that is open
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
            key: row.key(),
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
    /// `describe` says what each is, once it has its attributes; of the root also what the description is.
    pub(crate) fn finished<'b>(
        &'b self,
        trace_id: TraceId,
        at: impl Fn(Instant) -> Timestamp,
        mut describe: impl FnMut(&mut FinishedSpan<'b>, Made<'b>) -> Option<TransactionSource>,
    ) -> Finished<'b> {
        let mut later = self.later.clone();
        later.sort_by_key(|(slot, _)| *slot); // stable: of one span, the later value stays behind the earlier
        let mut later = later.as_slice();
        let parents = sent_parents(&self.rows);
        let mut finished = Finished {
            root: None,
            source: None,
            children: Vec::with_capacity(self.rows.len()),
            unfinished: 0,
            overflow: self.overflow,
        };
        for (slot, row) in self.rows.iter().enumerate() {
            let mine = later.iter().take_while(|(whose, _)| *whose as usize == slot).count();
            let (mine, others) = later.split_at(mine);
            later = others;
            let Some(end) = row.end else {
                finished.unfinished += u64::from(slot != 0);
                continue;
            };
            let set = row.set.as_deref();
            let start = set.and_then(|set| set.start).unwrap_or_else(|| at(row.start));
            let end = set.and_then(|set| set.end).unwrap_or_else(|| at(end));
            let mut span = FinishedSpan {
                trace_id,
                span_id: row.span_id,
                // The root's is of another process, which the trace knows.
                parent_span_id: if slot == 0 { None } else { parents.get(slot).copied() },
                start_timestamp: start,
                timestamp: end.max(start), // §6.1
                status: row.status,
                ..FinishedSpan::default()
            };
            span.data.extend(self.fields.slice(row.attributes));
            if !mine.is_empty() {
                span.data.extend(mine.iter().flat_map(|(_, at)| self.fields.slice((*at, *at + 1))));
            }
            let thread = self.threads.get(row.thread);
            let source = describe(&mut span, Made { origin: &row.origin, set, thread });
            span.status.get_or_insert(if row.failed { SpanStatus::InternalError } else { row.otherwise });
            match slot {
                0 => (finished.root, finished.source) = (Some(span), source),
                _ => finished.children.push(span),
            }
        }
        finished
    }
}

/// Of each row, the span that it is sent as a child of: one that has not ended is not sent, and its own parent stands for it.
fn sent_parents(rows: &[Row]) -> Vec<SpanId> {
    // Parents come before their children: what is said of them is known.
    let mut sent: Vec<SpanId> = Vec::with_capacity(rows.len());
    let mut parents = Vec::with_capacity(rows.len());
    for (slot, row) in rows.iter().enumerate() {
        let parent = sent.get(row.parent.0 as usize).copied().unwrap_or(row.span_id);
        sent.push(if slot == 0 || row.end.is_some() { row.span_id } else { parent });
        parents.push(parent);
    }
    parents
}

/// What is known of how a span was made.
pub(crate) struct Made<'b> {
    pub(crate) origin: &'b Origin,
    /// What the program set by hand.
    pub(crate) set: Option<&'b Set>,
    pub(crate) thread: Option<&'b ThreadInfo>,
}

/// A trace that has ended.
pub(crate) struct Finished<'a> {
    pub(crate) root: Option<FinishedSpan<'a>>,
    /// What the root's description is, if a layer has described it.
    pub(crate) source: Option<TransactionSource>,
    pub(crate) children: Vec<FinishedSpan<'a>>,
    pub(crate) unfinished: u64,
    pub(crate) overflow: u64,
}

#[cfg(test)]
mod tests;
