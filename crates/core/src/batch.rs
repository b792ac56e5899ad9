//! The batcher: what is too small to be sent alone, such as a log, waits here until there are enough of it, or for long enough.
//!
//! ```text
//!   caller ── add ──▶ [ records │ one buffer of fields │ the scopes they share ] ── full ──▶ a job for the outbox
//!                                                  └── taken: every few seconds by a worker, at flush, at close ──▶ the same
//! ```
//!
//! A record is copied into buffers that are there already: the caller allocates for a batch, not for a record. It is made of the kind's own
//! few words, of its fields as bytes, and of a number that names the scopes, which as a rule are those of the record before it. Strings
//! and maps are made of it on the worker.
//!
//! Full is what the protocol says (§9.4, §10.3: a hundred), or what a batch may weigh. How old one may grow is the outbox's to watch. What the
//! outbox has no room for, it counts as lost.
//!
//! A child that was forked has a copy of what its parent has gathered, and leaves it to the parent: of the records that it cannot tell from
//! its own, which are those of the last moment before it asked, both send some twice rather than none at all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use watchpost_protocol::{SpanId, Timestamp, TraceId};

use crate::fields::{FieldValue, Fields};
use crate::home::Home;
use crate::merge;
use crate::scope::{NearestFirst, ScopeData};

/// As many records as an envelope may hold.
pub(crate) const MAX_RECORDS: usize = 100;

/// So many bytes of fields make a batch full, whatever its count: an envelope is to stay below a megabyte.
const MAX_BYTES: usize = 256 * 1024;

/// So many bytes that its scopes hold make a batch full, too: nobody else may need them any more.
const MAX_HELD: usize = 1024 * 1024;

/// Records of one kind `R`, of which jobs `J` are made.
pub(crate) struct Batcher<R, J> {
    state: Mutex<State<R, J>>,
}

struct State<R, J> {
    open: Batch<R>,
    /// Makes the job of a batch. It comes with the first record: a program without any does not have it linked in.
    seal: Option<fn(Batch<R>) -> J>,
    closed: bool,
    home: Home,
    /// How many of the records are known to be of that process.
    at_home: usize,
}

/// What came of adding a record.
pub(crate) enum Added<J> {
    /// It waits with others.
    Waits,
    /// It is the first: somebody has to remember it.
    First,
    /// The batch is full, and is to be queued.
    Full(J),
    /// Nothing is taken any more.
    Refused,
}

/// Records that go together.
pub(crate) struct Batch<R> {
    records: Vec<Record<R>>,
    /// The fields of all of them.
    fields: Fields,
    /// The scopes that they were made in.
    scopes: Vec<Snapshots>,
    /// About how much memory those hold.
    held: usize,
}

struct Record<R> {
    said: R,
    moment: Moment,
    fields: (u32, u32),
    scopes: u32,
}

/// When and where in its trace something was recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) timestamp: Timestamp,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: Option<SpanId>,
}

/// What the scopes hold that a record was made in, the nearest first.
pub(crate) type Snapshots = [ScopeData; 3];

/// A record, to be made into what is sent.
pub(crate) struct Entry<'a, R> {
    pub(crate) said: &'a R,
    pub(crate) moment: Moment,
    pub(crate) scopes: &'a Snapshots,
    fields: &'a Fields,
    range: (u32, u32),
}

impl<R, J> Batcher<R, J> {
    pub(crate) fn new() -> Self {
        let (open, home) = (Batch::new(), Home::here());
        Batcher { state: Mutex::new(State { open, seal: None, closed: false, home, at_home: 0 }) }
    }

    /// Adds a record. `seal` makes the job when there are enough.
    pub(crate) fn add(
        &self,
        said: R,
        moment: Moment,
        scopes: NearestFirst<'_>,
        fields: &Fields,
        seal: fn(Batch<R>) -> J,
    ) -> Added<J> {
        let mut state = self.lock();
        if state.closed {
            return Added::Refused;
        }
        let ask = state.home.is_to_be_asked(moment.timestamp);
        let parents = if ask { state.leave_parent() } else { None };
        let first = state.open.records.is_empty();
        if first {
            state.seal = Some(seal);
        }
        state.open.push(said, moment, scopes, fields);
        state.at_home += usize::from(ask);
        if !state.open.is_full() {
            drop(state);
            return if first || parents.is_some() { Added::First } else { Added::Waits };
        }
        let next = state.open.next();
        let full = state.replace(next);
        drop(state);
        Added::Full(seal(full))
    }

    /// Forgets what another process has gathered, if this one is its child.
    pub(crate) fn leave_parent(&self) {
        let parents = self.lock().leave_parent();
        drop(parents); // not under the lock
    }

    /// Takes what there is, to be queued.
    pub(crate) fn take(&self) -> Option<J> {
        Self::take_from(self.lock())
    }

    /// As [`take`](Self::take), and takes nothing any more.
    pub(crate) fn close(&self) -> Option<J> {
        let mut state = self.lock();
        state.closed = true;
        Self::take_from(state)
    }

    fn take_from(mut state: MutexGuard<'_, State<R, J>>) -> Option<J> {
        let parents = state.leave_parent();
        let seal = state.seal.filter(|_| !state.open.records.is_empty());
        let taken = state.replace(Batch::new());
        drop(state);
        drop(parents);
        Some(seal?(taken))
    }

    fn lock(&self) -> MutexGuard<'_, State<R, J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R, J> State<R, J> {
    fn replace(&mut self, next: Batch<R>) -> Batch<R> {
        self.at_home = 0;
        std::mem::replace(&mut self.open, next)
    }

    /// Asks whose the records are; if this is another process than before, hands out what is its parent's, to be freed outside the lock.
    fn leave_parent(&mut self) -> Option<Batch<R>> {
        let left = self.home.left();
        let theirs = std::mem::replace(&mut self.at_home, self.open.len());
        if !left {
            return None;
        }
        if theirs == self.open.len() {
            return Some(self.replace(Batch::new()));
        }
        let records = self.open.records.drain(..theirs).collect();
        self.at_home = self.open.len();
        Some(Batch { records, ..Batch::new() })
    }
}

impl<R> Batch<R> {
    fn new() -> Self {
        Batch { records: Vec::new(), fields: Fields::new(), scopes: Vec::new(), held: 0 }
    }

    /// An empty one with room for what this one holds: the records to come will be like those that came.
    fn next(&self) -> Self {
        let mut next = Batch::new();
        next.records.reserve(self.records.len());
        next.fields.reserve(self.fields.len(), self.fields.text_len());
        next.scopes.reserve(self.scopes.len());
        next
    }

    fn push(&mut self, said: R, moment: Moment, scopes: NearestFirst<'_>, fields: &Fields) {
        let is_same = |known: &Snapshots| scopes.iter().zip(known).all(|(scope, data)| scope.is_still(data));
        if !self.scopes.last().is_some_and(is_same) {
            let snapshots = scopes.map(|scope| scope.data().without_attachments());
            self.held += merge::weight(snapshots.each_ref());
            self.scopes.push(snapshots);
        }
        let scopes = (self.scopes.len() - 1) as u32;
        let fields = self.fields.extend(fields);
        self.records.push(Record { said, moment, fields, scopes });
    }

    fn is_full(&self) -> bool {
        self.records.len() >= MAX_RECORDS || self.fields.text_len() >= MAX_BYTES || self.held >= MAX_HELD
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// About how many bytes they will be counted as, should they be lost before they are made (§4.2).
    pub(crate) fn bytes(&self) -> usize {
        self.fields.text_len() + 8 * self.fields.len()
    }

    /// About how much memory they hold.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>()
            + self.records.capacity() * size_of::<Record<R>>()
            + self.scopes.capacity() * size_of::<Snapshots>()
            + self.held
            + self.fields.weight()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_, R>> {
        self.records.iter().filter_map(|record| {
            let scopes = self.scopes.get(record.scopes as usize)?;
            let Record { said, moment, fields: range, .. } = record;
            Some(Entry { said, moment: *moment, scopes, fields: &self.fields, range: *range })
        })
    }
}

impl<'a, R> Entry<'a, R> {
    /// The fields, in the order in which they were given.
    pub(crate) fn fields(&self) -> impl DoubleEndedIterator<Item = (&'a str, FieldValue<'a>)> + use<'a, R> {
        self.fields.slice(self.range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::Attachment;
    use crate::scope::Scope;

    fn add(batcher: &Batcher<usize, Batch<usize>>, number: usize, text: &str) -> Added<Batch<usize>> {
        let moment = Moment {
            timestamp: Timestamp::from_micros(1),
            trace_id: TraceId::from_bytes([1; 16]),
            span_id: None,
        };
        let mut fields = Fields::new();
        fields.push("text", text.into());
        let scope = Scope::global();
        batcher.add(number, moment, [scope; 3], &fields, |batch| batch)
    }

    fn picture(batch: &Batch<usize>) -> Vec<String> {
        let one = |entry: Entry<'_, usize>| {
            let fields: Vec<_> = entry.fields().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{} {}", entry.said, fields.join(" "))
        };
        batch.entries().map(one).collect()
    }

    #[test]
    fn a_batch_is_full_by_count_and_the_next_one_begins_empty() {
        let batcher = Batcher::new();
        assert!(matches!(add(&batcher, 0, "a"), Added::First));
        for number in 1..MAX_RECORDS - 1 {
            assert!(matches!(add(&batcher, number, "b"), Added::Waits));
        }
        let Added::Full(full) = add(&batcher, 99, "c") else { panic!("it is full") };
        let lines = picture(&full);
        assert_eq!((lines.len(), &*lines[0], &*lines[99]), (100, "0 text=a", "99 text=c"));
        assert_eq!(full.scopes.len(), 1, "all were made in the same scopes");
        assert!(batcher.take().is_none());
        assert!(matches!(add(&batcher, 100, "d"), Added::First));
    }

    #[test]
    fn and_by_bytes() {
        let batcher = Batcher::new();
        let text = "x".repeat(MAX_BYTES / 2);
        assert!(matches!(add(&batcher, 0, &text), Added::First));
        assert!(matches!(add(&batcher, 1, &text), Added::Full(batch) if batch.len() == 2));
    }

    #[test]
    fn and_by_what_its_scopes_hold() {
        let batcher: Batcher<usize, Batch<usize>> = Batcher::new();
        let moment = Moment {
            timestamp: Timestamp::from_micros(1),
            trace_id: TraceId::from_bytes([1; 16]),
            span_id: None,
        };
        let add = |number| {
            let isolation = Scope::new();
            isolation.add_attachment(Attachment::bytes("picture.png", vec![0; MAX_HELD])); // which nobody takes along
            for context in 0..MAX_HELD / 2 / 1024 {
                isolation.set_context(context.to_string(), [("items", 3)]);
            }
            let scopes = [&Scope::new(), &isolation, Scope::global()];
            batcher.add(number, moment, scopes, &Fields::new(), |batch| batch)
        };
        assert!(matches!(add(0), Added::First));
        assert!(matches!(add(1), Added::Full(batch) if batch.weight() >= MAX_HELD));
    }

    #[test]
    fn a_child_leaves_what_is_known_to_be_its_parents() {
        let batcher = Batcher::new();
        (0..20).for_each(|number| _ = add(&batcher, number, "a"));
        batcher.lock().home.be_elsewhere();
        (20..31).for_each(|number| assert!(matches!(add(&batcher, number, "b"), Added::Waits)));
        assert!(matches!(add(&batcher, 31, "b"), Added::First), "somebody has to be reminded");
        let Some(left) = batcher.take() else { panic!("there is something") };
        assert_eq!(picture(&left)[0], "16 text=a", "nobody knows whose these are");
        assert_eq!(left.len(), 16);

        (0..16).for_each(|number| _ = add(&batcher, number, "a"));
        batcher.lock().home.be_elsewhere();
        assert!(batcher.take().is_none());
    }

    #[test]
    fn what_is_closed_hands_out_what_it_has_and_takes_nothing() {
        let batcher = Batcher::new();
        add(&batcher, 0, "a");
        assert_eq!(batcher.close().map(|batch| picture(&batch)), Some(vec!["0 text=a".to_owned()]));
        assert!(matches!(add(&batcher, 1, "b"), Added::Refused));
        assert!(batcher.take().is_none() && batcher.close().is_none());
    }
}
