//! What spans carry, and how it is found: a table beside the registry.
//!
//! A span that begins in other scopes than its parent's (a root always does), or that is recorded, has a [`Node`]. An unsampled child has
//! none: it stands for its nearest ancestor that has one.
//!
//! The registry's own extensions are not used. Another layer may hold their lock while it formats a value of the program; if that value
//! captures something, or panics, whoever asks for the current span's extensions waits for ever. The locks here are held for a look-up and
//! never while anybody else's code runs.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_core::span::Id;
use tracing_subscriber::registry::{LookupSpan, SpanRef as RegistrySpan};
use watchpost_core::Scopes;
use watchpost_core::layer::SpanRef;

use crate::cache::{self, Key};

/// What a span carries.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) scopes: Arc<Scopes>,
    /// The record of the span, or of what stands for it; `None` while tracing is off.
    pub(crate) span: Option<SpanRef>,
    /// Whether the current scope is this span's own: what is set in it ends with the span.
    pub(crate) own_current: bool,
    /// Whether the record is this span's own, to be written to and ended by it, or that of a span that stands for it.
    pub(crate) own_span: bool,
}

impl Node {
    /// The scopes with the span as the open one.
    pub(crate) fn to_scopes(&self) -> Scopes {
        self.scopes.with_span_ref(self.span.clone())
    }

    /// Whether a child that begins nothing of its own has anything to keep.
    pub(crate) fn keeps_children(&self) -> bool {
        self.span.as_ref().is_some_and(SpanRef::is_recording_trace)
    }
}

/// The nodes of one layer, by the ids of their spans.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    shards: [Mutex<Shard>; 16],
}

type Shard = HashMap<u64, Arc<Node>, BuildHasherDefault<IdHasher>>;

impl Nodes {
    fn shard(&self, id: u64) -> MutexGuard<'_, Shard> {
        let at = (cache::mix(id) >> 60) as usize;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a span its node.
    pub(crate) fn insert(&self, key: Key, node: Arc<Node>) {
        cache::put(key, &node, true);
        let old = self.shard(key.1).insert(key.1, node);
        drop(old); // outside the lock: freeing scopes may free much
    }

    /// Gives a node with a current scope of its own to a span that is open already. If another thread was first, its node stays and
    /// is handed back: what was set in it must not be lost.
    pub(crate) fn insert_late(&self, key: Key, node: Arc<Node>) -> Arc<Node> {
        let mut shard = self.shard(key.1);
        if let Some(first) = shard.get(&key.1).filter(|node| node.own_current) {
            return Arc::clone(first);
        }
        let old = shard.insert(key.1, Arc::clone(&node));
        drop(shard);
        // After the insertion: who looked before it remembers an epoch that is over now.
        cache::forget(key);
        cache::put(key, &node, true);
        drop(old);
        node
    }

    /// Takes the node of a span that closes; `None` for one that had none.
    pub(crate) fn remove(&self, key: Key) -> Option<Arc<Node>> {
        let carried = cache::carried(key);
        cache::forget(key);
        if carried == Some(false) {
            return None; // this thread knows that there is nothing to take: no lock
        }
        self.shard(key.1).remove(&key.1)
    }

    /// The node of a span or of its nearest ancestor that has one. `registered` is asked only if this thread does not remember.
    pub(crate) fn find<'a, R: LookupSpan<'a> + 'a>(
        &self,
        key: Key,
        registered: impl FnOnce() -> Option<RegistrySpan<'a, R>>,
    ) -> Option<Arc<Node>> {
        if let Some(node) = cache::get(key) {
            return Some(node);
        }
        let epoch = cache::epoch_of(key); // before the walk: what changes meanwhile is not remembered
        for (distance, span) in registered()?.scope().enumerate() {
            let id = span.id().into_u64();
            let node = self.shard(id).get(&id).cloned();
            if let Some(node) = node {
                cache::put_as_of(key, epoch, &node, distance == 0);
                return Some(node);
            }
        }
        None
    }

    /// Whether the span itself has this node.
    pub(crate) fn is_own(&self, id: &Id, node: &Arc<Node>) -> bool {
        self.shard(id.into_u64()).get(&id.into_u64()).is_some_and(|own| Arc::ptr_eq(own, node))
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
