//! What threads remember of spans (`epoch.rs` of the tracing layer): nobody takes what it remembers of a span that has closed for the next span of
//! that id, or what it found before a change for what is there after it.

use loom::model;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::epoch::{AsOf, Epoch, Generation};

const FIRST: u32 = 1;
const SECOND: u32 = 2;

/// One id, which two spans have, one after the other.
struct Id {
    epoch: Epoch,
    /// Which of them has it now. Whoever comes to know a span that it did not make learns it from here: so it is all that may order them.
    span: AtomicU32,
    /// As in the registry: who drops the last one closes the span.
    handles: AtomicU32,
}

/// What one thread remembers of it.
#[derive(Clone, Copy)]
struct Memory {
    as_of: AsOf,
    span: u32,
}

impl Id {
    fn of_a_span_with(handles: u32) -> Arc<Id> {
        let [span, handles] = [FIRST, handles].map(AtomicU32::new);
        Arc::new(Id { epoch: Epoch(AtomicU32::new(0)), span, handles })
    }

    /// On the thread that makes the span.
    fn made(&self, span: u32) -> Memory {
        Memory { as_of: self.epoch.now(), span }
    }

    /// On another one.
    fn met(&self) -> Memory {
        let as_of = self.epoch.look();
        Memory { as_of, span: self.span.load(Ordering::Relaxed) }
    }

    /// A thread drops its handle. If it was the last one, the span closes here, and this thread makes the next.
    fn drop_handle(&self, mut memory: Option<Memory>) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            let given_up = memory.take().is_some_and(|memory| self.epoch.is_still(memory.as_of));
            self.epoch.close(given_up);
            memory = Some(self.made(SECOND));
            self.span.store(SECOND, Ordering::Release);
        }
        if self.span.load(Ordering::Acquire) == SECOND
            && let Some(memory) = memory.filter(|memory| self.epoch.is_still(memory.as_of))
        {
            assert_eq!(memory.span, SECOND);
        }
    }
}

/// It finds a thread that looks without setting the last bit or sets it too late, a close that does not ask for it, a next epoch that is not told from
/// the one before, and an order of memory that is too weak for any of these.
#[test]
fn what_is_remembered_of_a_closed_span_is_not_taken_for_the_next() {
    closes_beside(|id| Some(id.met()));
}

/// The same with a thread that only drops a handle: it finds a close by a thread that does not remember the span, and tells nobody.
#[test]
fn nor_when_it_closes_where_nobody_looked_for_it() {
    closes_beside(|_| None);
}

/// A span is made here, and closes here or on another thread, which remembers of it what `look` says.
fn closes_beside(look: fn(&Id) -> Option<Memory>) {
    model(move || {
        let id = Id::of_a_span_with(2);
        let maker = id.made(FIRST);
        let other = {
            let id = Arc::clone(&id);
            thread::spawn(move || id.drop_handle(look(&id)))
        };
        id.drop_handle(Some(maker));
        other.join().unwrap();
    });
}

/// The same while a span of another id in the same epoch is looked for and closes, on a thread that does not remember it.
#[test]
fn nor_when_another_id_of_the_epoch_comes_in_between() {
    model(|| {
        let id = Id::of_a_span_with(2);
        let maker = id.made(FIRST);
        let (one, two) = (Arc::clone(&id), Arc::clone(&id));
        let other = thread::spawn(move || one.drop_handle(Some(one.met())));
        let neighbour = thread::spawn(move || {
            two.epoch.look();
            two.epoch.close(false);
        });
        id.drop_handle(Some(maker));
        other.join().unwrap();
        neighbour.join().unwrap();
    });
}

/// Where spans are, while one that is open is given another node.
struct Place {
    epoch: Epoch,
    generation: Generation,
    node: AtomicU32,
    /// Whoever sees it knows that there is another node.
    told: AtomicU32,
}

impl Place {
    fn new() -> Arc<Place> {
        let [epoch, generation, node, told] = [0, 0, FIRST, 0].map(AtomicU32::new);
        Arc::new(Place { epoch: Epoch(epoch), generation: Generation(generation), node, told })
    }

    /// One thread gives the span another node, and makes what is remembered over; a second one looks for it meanwhile, remembers what it finds with
    /// `remember`, which says what of it holds, and is told.
    fn changes<M: 'static>(
        over: fn(&Place),
        remember: fn(&Place) -> Option<M>,
        holds: fn(&Place, M) -> Option<u32>,
    ) {
        model(move || {
            let place = Place::new();
            let here = Arc::clone(&place);
            let other = thread::spawn(move || {
                let memory = remember(&here);
                if here.told.load(Ordering::Acquire) == 1
                    && let Some(node) = memory.and_then(|memory| holds(&here, memory))
                {
                    assert_eq!(node, SECOND);
                }
            });
            place.node.store(SECOND, Ordering::Relaxed);
            over(&place);
            place.told.store(1, Ordering::Release);
            other.join().unwrap();
        });
    }
}

/// It finds a next epoch that begins before the change, a thread that says that it looks only after it has, and weaker orders of memory.
#[test]
fn what_was_found_before_a_change_is_not_remembered_after_it() {
    Place::changes(
        |place| place.epoch.begin_next(),
        |place| {
            let as_of = place.epoch.look();
            Some((as_of, place.node.load(Ordering::Relaxed)))
        },
        |place, (as_of, node)| place.epoch.is_still(as_of).then_some(node),
    );
}

/// The same for what is remembered of the spans in it, which have ids of their own: it finds a generation that is asked for after the look, or
/// not again before it is remembered.
#[test]
fn nor_is_what_was_found_of_the_spans_in_it() {
    Place::changes(
        |place| place.generation.begin_next(),
        |place| {
            let before = place.generation.now();
            let node = place.node.load(Ordering::Relaxed);
            // Each thread's memories are all of one generation.
            (place.generation.now() == before).then_some((before, node))
        },
        |place, (generation, node)| (place.generation.now() == generation).then_some(node),
    );
}
