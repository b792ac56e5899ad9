//! What spans carry, and how it is found: a table beside the registry.
//!
//! A span that begins in other scopes than its parent's (a root always does) has a [`Node`]. Every other span is at a [`Place`] in the node
//! of its nearest ancestor that has one: where it is recorded in that node's trace, or what stands for it.
//!
//! The registry's own extensions are not used. Another layer may hold their lock while it formats a value of the program; if that value
//! captures something, or panics, whoever asks for the current span's extensions waits for ever. The locks here are held for a look-up and
//! never while anybody else's code runs.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::registry::{LookupSpan, SpanRef as RegistrySpan};

use crate::cache::{self, Key};
use crate::epoch::AsOf;
use crate::place::{Mark, Node, Place};

/// How many of the spans around one that is looked for are remembered with it.
const REMEMBERED: usize = 24;

/// Whether the layer is told of all that happens to the spans that are looked at. It is in its own methods, where nobody sees a span that a
/// filter in front of the layer hides from it. From outside, such a span is seen; and as the layer is not told that it closes, what was
/// remembered of it would stay, for the next span of its id. That a span carries a node, or an open record, says that it is told of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Told {
    Yes,
    Maybe,
}

/// The nodes of one layer, by the ids of their spans.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    shards: [Mutex<Shard>; 16],
    count: AtomicUsize,
}

type Shard = HashMap<u64, Place, BuildHasherDefault<IdHasher>>;

impl Nodes {
    fn shard(&self, id: u64) -> MutexGuard<'_, Shard> {
        let at = (cache::mix(id) >> 60) as usize;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no span has one: then no span that closes has anything to end.
    pub(crate) fn is_empty(&self) -> bool {
        // Whoever closes a span has been told of it by whoever made it, and so of its node.
        self.count.load(Ordering::Relaxed) == 0
    }

    fn put(&self, shard: &mut Shard, id: u64, place: Place) -> Option<Place> {
        let old = shard.insert(id, place);
        if old.is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        old
    }

    /// Gives a span its node.
    pub(crate) fn insert(&self, key: Key, place: Place) {
        cache::own(key, &place);
        let old = self.put(&mut self.shard(key.1), key.1, place);
        drop(old); // outside the lock: freeing scopes may free much
    }

    /// Gives a span that is open already a current scope of its own, unless it has one; says where it is then. If another thread is first,
    /// its node stays and is handed back: what was set in it must not be lost.
    pub(crate) fn own_current(&self, key: Key, place: Place) -> Place {
        if place.node.late_of == Some(key.1) {
            return place;
        }
        let carried = self.shard(key.1).get(&key.1).cloned();
        let is_carried = carried.is_some();
        let around = carried.unwrap_or(place);
        if is_carried && around.node.own_current {
            return around;
        }
        let node = around.node.with_own_current((!is_carried).then_some(key.1));
        let own = Place { node, mark: around.mark };
        let own =
            match if is_carried { self.replace(key.1, own) } else { around.node.late.insert(key.1, own) } {
                Some(own) => own,
                None => return around,
            };
        // After the insertion: what was found before it is not remembered any more.
        cache::forget(key);
        cache::begin_anew();
        own
    }

    /// Gives a span another node, unless another thread was first: then that one's. `None` if it has none any more.
    fn replace(&self, id: u64, own: Place) -> Option<Place> {
        let mut shard = self.shard(id);
        let carried = shard.get_mut(&id)?;
        if carried.node.own_current {
            return Some(carried.clone());
        }
        let old = std::mem::replace(carried, own.clone());
        drop(shard);
        drop(old); // outside the lock: freeing scopes may free much
        Some(own)
    }

    /// Takes the node of a span that closes; `None` for one that had none.
    pub(crate) fn remove(&self, key: Key) -> Option<Place> {
        let place = self.shard(key.1).remove(&key.1)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(place)
    }

    /// Where a span is. `registered` is asked only if this thread does not remember.
    pub(crate) fn find<'a, R: LookupSpan<'a> + 'a>(
        &self,
        key: Key,
        told: Told,
        registered: impl FnOnce() -> Option<RegistrySpan<'a, R>>,
    ) -> Option<Place> {
        if let Some(place) = cache::get(key) {
            return Some(place);
        }
        self.look_for(key.0, registered()?, told)
    }

    /// Takes what a span that closes has begun, of which this thread does not know where that is.
    pub(crate) fn close<'a, R: LookupSpan<'a> + 'a>(
        &self,
        key: Key,
        registered: impl FnOnce() -> Option<RegistrySpan<'a, R>>,
    ) -> Option<Place> {
        if let Some(place) = self.remove(key) {
            return Some(place);
        }
        let span = registered()?;
        let parent = span.parent();
        let place = self.look_for(key.0, span, Told::Yes)?;
        cache::forget(key);
        if place.node.late_of == Some(key.1) {
            let around = parent.and_then(|parent| self.look_for(key.0, parent, Told::Yes));
            drop(around.and_then(|around| around.node.late.remove(key.1)));
        }
        Some(place)
    }

    /// Looks from a span outwards, for the nearest that has a node, and on the way for the nearest that is recorded in its trace. The thread
    /// remembers them: of a thousand that are nested, not each is to cost a walk when they close.
    fn look_for<'a, R: LookupSpan<'a> + 'a>(
        &self,
        layer: u32,
        from: RegistrySpan<'a, R>,
        told: Told,
    ) -> Option<Place> {
        let late = cache::late();
        let mut near = [((0, 0), (AsOf::FIRST, 0)); REMEMBERED];
        let mut found = None;
        for (distance, span) in from.scope().enumerate() {
            let key = (layer, span.id().into_u64());
            if let Some(near) = near.get_mut(distance) {
                *near = (key, (cache::look(key), late)); // before it is looked up: what changes meanwhile is not remembered
            }
            if let Some(place) = self.shard(key.1).get(&key.1) {
                found = Some((distance, place.clone()));
                break;
            }
        }
        let (distance, place) = found?;
        if let Some(&(key, epoch)) = near.get(distance) {
            cache::found(key, epoch, &place, true);
        }
        let Place { node, mark: carried } = place;
        let recorded = |key| Some(Mark { slot: node.recorder()?.find(key)?, own: true });
        let ids = || from.scope().take(distance).map(|span| span.id().into_u64());
        // From the outermost to the span itself: who is not recorded is stood for by who is around it.
        let near = &near[..distance.min(REMEMBERED)];
        let outside = ids().skip(near.len()).find_map(|id| recorded((layer, id)));
        let mut mark = outside.unwrap_or(carried);
        for &(key, epoch) in near.iter().rev() {
            let own = recorded(key);
            mark = own.unwrap_or_else(|| mark.stood_for());
            if node.late.is_empty() && (own.is_some() || told == Told::Yes) {
                cache::found(key, epoch, &Place { node: Arc::clone(&node), mark }, false);
            }
        }
        if node.late.is_empty() {
            return Some(Place { node, mark });
        }
        let node = innermost(node, &ids().collect::<Vec<_>>());
        Some(Place { node, mark })
    }
}

/// The node of the innermost of these spans, the innermost first, that was given one late in `node`, or in the node of one that was.
fn innermost(mut node: Arc<Node>, mut ids: &[u64]) -> Arc<Node> {
    while let Some((at, late)) = ids.iter().enumerate().find_map(|(at, id)| Some((at, node.late.get(*id)?))) {
        (node, ids) = (late, &ids[..at]);
    }
    node
}

/// Span ids are numbers that are given out one by one: one multiplication spreads them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = cache::mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = cache::mix(id);
    }
}
