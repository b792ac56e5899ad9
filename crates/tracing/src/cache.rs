//! What a thread remembers of spans, so that a child finds its parent's node without a lock and without a walk.
//!
//! An entry says: the span of this id stands for this node. Ids are used again after a span has closed, so an entry has to prove that it
//! still means the span that it was made for. Each id falls into one of many epochs, which closing a span of it advances; an entry holds
//! only as long as the epoch is the one it was made in. Another span of the same epoch that closes costs one walk, and nothing else.
//!
//! Nodes are held weakly: a thread that is idle keeps no scopes alive.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

pub(crate) use watchpost_core::layer::SpanKey as Key;

use crate::nodes::Node;

const ENTRIES: usize = 64;
const EPOCHS: usize = 1024;

static EPOCH: [AtomicU32; EPOCHS] = [const { AtomicU32::new(0) }; EPOCHS];

thread_local! {
    static CACHE: RefCell<[Entry; ENTRIES]> = const { RefCell::new([const { Entry::EMPTY }; ENTRIES]) };
}

struct Entry {
    key: Key,
    epoch: u32,
    /// Whether the span itself has the node.
    carried: bool,
    node: Weak<Node>,
}

impl Entry {
    /// No layer has the serial 0.
    const EMPTY: Entry = Entry { key: (0, 0), epoch: 0, carried: false, node: Weak::new() };
}

/// Spreads the bits of an id.
pub(crate) fn mix(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn spread(key: Key) -> u64 {
    mix(key.1 ^ u64::from(key.0) << 48)
}

fn epoch(key: Key) -> &'static AtomicU32 {
    &EPOCH[(spread(key) >> 40) as usize % EPOCHS]
}

fn with_entry<T>(key: Key, look: impl FnOnce(&mut Entry) -> T) -> Option<T> {
    CACHE
        .try_with(|cache| {
            let mut cache = cache.try_borrow_mut().ok()?;
            Some(look(&mut cache[(spread(key) >> 58) as usize % ENTRIES]))
        })
        .ok()
        .flatten()
}

fn holds(entry: &Entry, key: Key) -> bool {
    entry.key == key && entry.epoch == epoch_of(key)
}

/// The node that a span stands for, if this thread remembers.
pub(crate) fn get(key: Key) -> Option<Arc<Node>> {
    with_entry(key, |entry| holds(entry, key).then(|| entry.node.upgrade()).flatten()).flatten()
}

/// Whether a span has a node of its own, if this thread remembers.
pub(crate) fn carried(key: Key) -> Option<bool> {
    with_entry(key, |entry| holds(entry, key).then_some(entry.carried)).flatten()
}

/// The epoch of a span now; what is found out after this may be remembered as of it.
pub(crate) fn epoch_of(key: Key) -> u32 {
    epoch(key).load(Ordering::Acquire)
}

/// Remembers which node a span stands for.
pub(crate) fn put(key: Key, node: &Arc<Node>, carried: bool) {
    put_as_of(key, epoch_of(key), node, carried);
}

/// As [`put`], of what was found out after `epoch` was read.
pub(crate) fn put_as_of(key: Key, epoch: u32, node: &Arc<Node>, carried: bool) {
    let new = Entry { key, epoch, carried, node: Arc::downgrade(node) };
    // A weak handle frees memory at most, never scopes: nothing of the program runs here.
    with_entry(key, |entry| *entry = new);
}

/// Makes every thread forget a span.
pub(crate) fn forget(key: Key) {
    epoch(key).fetch_add(1, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use watchpost_core::Scopes;

    use super::*;

    fn node() -> Arc<Node> {
        Arc::new(Node { scopes: Scopes::base(), span: None, own_current: true, own_span: true })
    }

    #[test]
    fn an_entry_is_forgotten_by_every_thread_when_its_span_closes() {
        let (key, node) = ((u32::MAX, 7), node());
        put(key, &node, true);
        assert!(get(key).is_some_and(|found| Arc::ptr_eq(&found, &node)));
        assert_eq!(carried(key), Some(true));
        std::thread::scope(|threads| threads.spawn(|| forget(key)).join()).unwrap();
        assert!(get(key).is_none() && carried(key).is_none());
    }

    #[test]
    fn what_was_found_out_before_a_change_is_not_remembered_after_it() {
        let (key, node) = ((u32::MAX, 10), node());
        let epoch = epoch_of(key);
        std::thread::scope(|threads| threads.spawn(|| forget(key)).join()).unwrap();
        put_as_of(key, epoch, &node, false);
        assert!(get(key).is_none() && carried(key).is_none());
    }

    #[test]
    fn a_thread_keeps_no_node_alive() {
        let (key, node) = ((u32::MAX, 8), node());
        put(key, &node, false);
        drop(node);
        assert!(get(key).is_none());
    }

    #[test]
    fn ids_of_two_layers_are_two_spans() {
        let node = node();
        put((u32::MAX, 9), &node, false);
        assert!(get((u32::MAX - 1, 9)).is_none());
    }
}
