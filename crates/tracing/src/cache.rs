//! What a thread remembers of spans, so that a child finds its parent's place without a lock and without a walk.
//!
//! An entry says: the span of this id is at this place of this node. Nodes are held weakly, each once, however many entries mean it: a
//! thread that is idle keeps no scopes alive.
//!
//! An entry also says of which epoch it is, and of which generation all of them are: so it proves that it still means the span that it was made
//! for, though ids are used again. The rules are in [`epoch`](crate::epoch).

use std::cell::RefCell;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Weak};

use watchpost_core::Fields;
pub(crate) use watchpost_core::layer::SpanKey as Key;
use watchpost_core::layer::{LayerSpan, Recorder, Unrecorded};
use watchpost_protocol::SpanStatus;

use crate::epoch::{AsOf, Epoch, Generation};
use crate::place::{Children, Mark, Node, Place};

const ENTRIES: usize = 64;
const NODES: usize = 16;
const EPOCHS: usize = 1024;

/// How often a span that was open already was given a node. What was remembered of the spans in it may be over then: all threads begin anew.
static LATE: Generation = Generation(AtomicU32::new(0));

static EPOCH: [Epoch; EPOCHS] = [const { Epoch(AtomicU32::new(0)) }; EPOCHS];

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::EMPTY) };
}

struct Cache {
    entries: [Entry; ENTRIES],
    nodes: [Held; NODES],
    /// Where the next node goes.
    next: u8,
    stamps: u32,
    /// What `LATE` was when the entries began.
    late: u32,
}

struct Held {
    /// By which an entry knows that the node is still the one it meant.
    stamp: u32,
    node: Weak<Node>,
    /// Where its spans are recorded, if they are. Held, as it holds nothing of the program's.
    recorder: Option<Arc<Recorder>>,
}

/// Which of a thread's nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Handle {
    at: u8,
    stamp: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    epoch: AsOf,
    node: Handle,
    mark: Mark,
    kind: Kind,
    children: Children,
}

/// What is known of a span.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// It was not taken: there is nothing to end. What is around it may have a place all the same.
    NotTaken,
    /// It is in the node of an ancestor.
    Inside,
    /// It carries a node.
    Carries,
}

/// What there is to do when a span closes.
#[derive(Debug)]
pub(crate) enum Closing {
    /// Nothing, or nothing any more.
    Nothing,
    /// Its node goes, and with it what it began.
    Node,
    /// This thread does not know.
    Unknown,
}

impl Cache {
    const EMPTY: Cache = Cache {
        entries: [Entry::EMPTY; ENTRIES],
        nodes: [const { Held { stamp: 0, node: Weak::new(), recorder: None } }; NODES],
        next: 0,
        stamps: 0,
        late: 0,
    };

    fn entry(&mut self, key: Key) -> &mut Entry {
        &mut self.entries[(spread(key) >> 58) as usize % ENTRIES]
    }

    /// The entry of a span, if there is one and it still holds.
    fn get(&mut self, key: Key) -> Option<&mut Entry> {
        let entry = self.entry(key);
        if entry.key == key && epoch(key).is_still(entry.epoch) { Some(entry) } else { None }
    }

    fn place(&mut self, key: Key) -> Option<Place> {
        let Entry { node: handle, mark, kind, .. } = *self.get(key)?;
        if kind == Kind::NotTaken {
            return None;
        }
        Some(Place { node: self.held(handle)?.node.upgrade()?, mark })
    }

    fn held(&self, handle: Handle) -> Option<&Held> {
        self.nodes.get(usize::from(handle.at)).filter(|held| held.stamp == handle.stamp)
    }

    fn hold(&mut self, node: &Arc<Node>) -> Handle {
        let same = |held: &Held| std::ptr::eq(held.node.as_ptr(), &**node);
        let is_new = Arc::weak_count(node) == 0; // as that of each root: then no thread holds it
        if let Some(at) = if is_new { None } else { self.nodes.iter().position(same) } {
            return Handle { at: at as u8, stamp: self.nodes[at].stamp };
        }
        let at = usize::from(self.next) % NODES;
        self.next = self.next.wrapping_add(1);
        self.stamps = self.stamps.wrapping_add(1).max(1);
        // A weak handle frees memory at most, never scopes: nothing of the program runs here.
        let recorder = node.recorder().cloned();
        self.nodes[at] = Held { stamp: self.stamps, node: Arc::downgrade(node), recorder };
        Handle { at: at as u8, stamp: self.stamps }
    }
}

impl Entry {
    /// No layer has the serial 0.
    const EMPTY: Entry = Entry {
        key: (0, 0),
        epoch: AsOf::FIRST,
        node: Handle { at: 0, stamp: 0 },
        mark: Mark::NONE,
        kind: Kind::NotTaken,
        children: Children::Begin,
    };
}

/// Spreads the bits of an id.
pub(crate) fn mix(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn spread(key: Key) -> u64 {
    mix(key.1 ^ u64::from(key.0) << 48)
}

fn epoch(key: Key) -> &'static Epoch {
    &EPOCH[(spread(key) >> 40) as usize % EPOCHS]
}

fn with<T>(work: impl FnOnce(&mut Cache) -> Option<T>) -> Option<T> {
    let work = |cache: &RefCell<Cache>| {
        let mut cache = cache.try_borrow_mut().ok()?;
        let late = late();
        if cache.late != late {
            cache.entries = [Entry::EMPTY; ENTRIES];
            cache.late = late;
        }
        work(&mut cache)
    };
    CACHE.try_with(work).ok().flatten()
}

/// The place of a span, if this thread remembers.
pub(crate) fn get(key: Key) -> Option<Place> {
    with(|cache| cache.place(key))
}

/// What became of a child.
pub(crate) enum Child {
    /// It is remembered.
    Done,
    /// It has fields, and will be recorded: they are wanted.
    WithFields,
    /// It is not recorded, which is to be counted.
    Lost(Unrecorded),
    /// This thread does not know the parent, or not enough.
    Unknown,
}

/// Starts a span that is made here at the place of its parent, if this thread remembers that, and remembers it too. Without `fields` it is
/// started only if it will not be recorded, and so needs none.
pub(crate) fn open(span: &LayerSpan, parent: Key, fields: Option<&Fields>) -> Child {
    let child = with(|cache| {
        let around = *cache.get(parent).filter(|parent| parent.kind != Kind::NotTaken)?;
        let mut mark = around.mark.stood_for();
        if around.children == Children::Begin {
            return None;
        }
        if around.children == Children::AreRecorded {
            let Some(fields) = fields else { return Some(Child::WithFields) };
            match cache.held(around.node)?.recorder.as_ref()?.open(around.mark.slot, *span, fields) {
                Ok(slot) => mark = Mark { slot, own: true },
                Err(why) => return Some(Child::Lost(why)),
            }
        }
        let key = span.key;
        *cache.entry(key) = Entry { key, epoch: epoch(key).now(), mark, kind: Kind::Inside, ..around };
        Some(Child::Done)
    });
    child.unwrap_or(Child::Unknown)
}

/// Remembers a span that was made here and not taken.
pub(crate) fn not_taken(key: Key) {
    with(|cache| {
        *cache.entry(key) = Entry { key, epoch: epoch(key).now(), ..Entry::EMPTY };
        Some(())
    });
}

/// Remembers a span that was made here and carries a node.
pub(crate) fn own(key: Key, place: &Place) {
    found(key, (epoch(key).now(), late()), place, true);
}

/// Remembers a span that was made here in the node of an ancestor, which was found after [`late`]. True, so that it can be said last.
pub(crate) fn made(key: Key, late: u32, place: &Place) -> bool {
    found(key, (epoch(key).now(), late), place, false);
    true
}

/// Says that this thread looks for a span now; what it finds may be remembered as of the epoch.
pub(crate) fn look(key: Key) -> AsOf {
    epoch(key).look()
}

/// How often a span was given a node late; what a walk finds is remembered only if it is the same as before the walk.
pub(crate) fn late() -> u32 {
    LATE.now()
}

/// Says that a span that was open already has a node now.
pub(crate) fn begin_anew() {
    LATE.begin_next();
}

/// Remembers what a walk has found, which began after [`look`] and [`late`].
pub(crate) fn found(key: Key, (epoch, late): (AsOf, u32), place: &Place, carries: bool) {
    let kind = if carries { Kind::Carries } else { Kind::Inside };
    let children = place.node.children();
    with(|cache| {
        if cache.late == late {
            let node = cache.hold(&place.node);
            *cache.entry(key) = Entry { key, epoch, node, mark: place.mark, kind, children };
        }
        Some(())
    });
}

/// Ends the record of a span that closes, with a status unless it has one, if that is all there is to end; and forgets the span, on every
/// thread.
pub(crate) fn close(key: Key, otherwise: impl FnOnce() -> SpanStatus) -> Closing {
    let closing = with(|cache| {
        let entry = cache.get(key)?;
        entry.key = Entry::EMPTY.key;
        match entry.kind {
            Kind::Carries => Some(Closing::Node),
            Kind::Inside if entry.mark.own => {
                let (node, slot) = (entry.node, entry.mark.slot);
                cache.held(node)?.recorder.as_ref()?.close(slot, otherwise());
                Some(Closing::Nothing)
            }
            Kind::Inside | Kind::NotTaken => Some(Closing::Nothing),
        }
    });
    epoch(key).close(closing.is_some());
    closing.unwrap_or(Closing::Unknown)
}

/// Makes every thread forget a span.
pub(crate) fn forget(key: Key) {
    epoch(key).begin_next();
}

#[cfg(test)]
mod tests {
    use watchpost_core::Scopes;
    use watchpost_core::layer::{Callsite, Reader, Site};

    use std::sync::atomic::Ordering;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;

    /// One test makes all threads begin anew: the others would forget meanwhile.
    fn alone() -> MutexGuard<'static, ()> {
        static ONE: Mutex<()> = Mutex::new(());
        ONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place() -> Place {
        let scopes = Scopes::clone(&Scopes::base());
        let node = Node::new(scopes, None, true, false);
        Place { node, mark: Mark::NONE }
    }

    fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|threads| threads.spawn(work).join()).unwrap()
    }

    fn end(key: Key) -> Closing {
        close(key, || SpanStatus::Ok)
    }

    /// As a thread does that meets a span for the first time.
    fn walk(key: Key, place: &Place) {
        let as_of = (look(key), late());
        found(key, as_of, place, true);
    }

    fn knows(key: Key, place: &Place) -> bool {
        get(key).is_some_and(|found| Arc::ptr_eq(&found.node, &place.node))
    }

    #[test]
    fn a_span_that_closes_where_it_was_made_writes_nothing_that_others_see() {
        let _alone = alone();
        let (key, place) = ((u32::MAX, 7), place());
        own(key, &place);
        assert!(knows(key, &place));
        let count = || epoch(key).0.load(Ordering::Relaxed);
        let before = count();
        assert!(matches!(end(key), Closing::Node));
        assert_eq!(count(), before);
        assert!(get(key).is_none());
    }

    #[test]
    fn a_span_that_another_thread_has_met_is_forgotten_there_too() {
        let _alone = alone();
        let (key, place) = ((u32::MAX, 11), place());
        own(key, &place);
        let (met, close) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        std::thread::scope(|threads| {
            let other = threads.spawn(|| {
                walk(key, &place);
                let knew = knows(key, &place);
                met.wait();
                close.wait();
                (knew, get(key).is_none())
            });
            met.wait();
            assert!(knows(key, &place), "what was known here holds on");
            assert!(matches!(end(key), Closing::Node));
            close.wait();
            assert_eq!(other.join().unwrap(), (true, true));
        });
    }

    #[test]
    fn a_span_that_closes_elsewhere_is_forgotten_where_it_was_made() {
        let _alone = alone();
        let (key, place) = ((u32::MAX, 12), place());
        own(key, &place);
        assert!(matches!(elsewhere(|| end(key)), Closing::Unknown));
        assert!(get(key).is_none());
    }

    #[test]
    fn a_child_of_what_is_not_kept_wants_no_fields() {
        let _alone = alone();
        let child = |key| {
            static READER: Reader =
                Reader { site: |_| Site::default(), describe: |_, _| None, telling: |_| None };
            let callsite = Callsite { data: &(), reader: &READER };
            LayerSpan { callsite, key }
        };
        let (root, children, place) = ((u32::MAX, 20), [(u32::MAX, 21), (u32::MAX, 22)], place());
        assert!(matches!(open(&child(children[0]), root, None), Child::Unknown));
        own(root, &place);
        assert!(matches!(open(&child(children[0]), root, None), Child::Done));
        assert!(matches!(open(&child(children[1]), children[0], None), Child::Done));
        assert!(knows(children[1], &place));
        assert!(matches!(end(children[1]), Closing::Nothing));
        assert!(!knows(children[1], &place));
        assert!(matches!(end(root), Closing::Node), "the root's own node is its own to take");
    }

    #[test]
    fn what_was_found_out_before_a_change_is_not_remembered_after_it() {
        let _alone = alone();
        let (key, place) = ((u32::MAX, 10), place());
        let as_of = (look(key), late());
        elsewhere(|| forget(key));
        found(key, as_of, &place, false);
        assert!(get(key).is_none());

        own(key, &place);
        let as_of = (look(key), late());
        elsewhere(begin_anew);
        assert!(get(key).is_none(), "what is remembered of any span may be over");
        found(key, as_of, &place, false);
        assert!(get(key).is_none());

        let late = late();
        elsewhere(begin_anew);
        made(key, late, &place);
        assert!(get(key).is_none(), "where its parent is may be over");
    }

    #[test]
    fn a_thread_keeps_no_node_alive() {
        let _alone = alone();
        let (key, place) = ((u32::MAX, 8), place());
        own(key, &place);
        drop(place);
        assert!(get(key).is_none());
    }

    #[test]
    fn a_node_that_had_to_make_room_is_not_mistaken_for_its_successor() {
        let _alone = alone();
        let first = place();
        own((u32::MAX, 1000), &first);
        let others: Vec<_> = (0..NODES as u64).map(|n| (place(), (u32::MAX, 2000 + n))).collect();
        for (place, key) in &others {
            own(*key, place);
        }
        assert!(get((u32::MAX, 1000)).is_none());
    }

    #[test]
    fn ids_of_two_layers_are_two_spans() {
        let _alone = alone();
        let place = place();
        own((u32::MAX, 9), &place);
        assert!(get((u32::MAX - 1, 9)).is_none());
    }
}
