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

use tracing_core::span::Id;
use tracing_subscriber::registry::{LookupSpan, SpanRef as RegistrySpan};

use crate::cache::{self, Key};
use crate::place::{Mark, Node, Place};

/// How many of the spans around one that is looked for are remembered with it.
const REMEMBERED: usize = 24;

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

    /// Gives a node with a current scope of its own to a span that is open already. If another thread was first, its node stays and
    /// is handed back: what was set in it must not be lost.
    pub(crate) fn insert_late(&self, key: Key, place: Place) -> Place {
        let mut shard = self.shard(key.1);
        if let Some(first) = shard.get(&key.1).filter(|place| place.node.own_current) {
            return first.clone();
        }
        let old = self.put(&mut shard, key.1, place.clone());
        drop(shard);
        // After the insertion: what was found before it is not remembered any more.
        cache::forget(key);
        cache::begin_anew();
        cache::found(key, (cache::look(key), cache::late()), &place, true);
        drop(old);
        place
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
        registered: impl FnOnce() -> Option<RegistrySpan<'a, R>>,
    ) -> Option<Place> {
        if let Some(place) = cache::get(key) {
            return Some(place);
        }
        self.look_for(key, registered()?)
    }

    /// Looks from a span outwards, for the nearest that has a node, and on the way for the nearest that is recorded in its trace. The thread
    /// remembers those of them that have one or are: of a thousand that are nested, not each is to cost a walk when they close.
    ///
    /// It remembers no other. A filter in front of this layer may hide a span from it, and then it is not told that the span closes, either:
    /// what was remembered of it would stay, for the next span of its id. That a span has a node or an open record says that it is told.
    pub(crate) fn look_for<'a, R: LookupSpan<'a> + 'a>(
        &self,
        key: Key,
        from: RegistrySpan<'a, R>,
    ) -> Option<Place> {
        let late = cache::late();
        let mut near = [((0, 0), (0, 0)); REMEMBERED];
        let mut found = None;
        for (distance, span) in from.scope().enumerate() {
            let key = (key.0, span.id().into_u64());
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
        // From the outermost to the span itself: who is not recorded is stood for by who is around it.
        let near = &near[..distance.min(REMEMBERED)];
        let far = from.scope().take(distance).skip(near.len());
        let outside = far.into_iter().find_map(|span| recorded((key.0, span.id().into_u64())));
        let mut mark = outside.unwrap_or(carried);
        for &(key, epoch) in near.iter().rev() {
            mark = match recorded(key) {
                Some(own) => {
                    cache::found(key, epoch, &Place { node: Arc::clone(&node), mark: own }, false);
                    own
                }
                None => mark.stood_for(),
            };
        }
        Some(Place { node, mark })
    }

    /// Whether the span itself has this node.
    pub(crate) fn is_own(&self, id: &Id, node: &Arc<Node>) -> bool {
        self.shard(id.into_u64()).get(&id.into_u64()).is_some_and(|own| Arc::ptr_eq(&own.node, node))
    }
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
