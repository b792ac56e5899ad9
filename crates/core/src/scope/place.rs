//! Where scopes are kept.
//!
//! ```text
//!   isolation scope ──▶ ┌ Place ─────────┐
//!                       │ first: Cell    │
//!     current scope ──▶ │ beside: ─ ─ ─ ─┼─▶ Cell, once something is set in it
//!                       └────────────────┘
//! ```
//!
//! A unit of work begins with two scopes, and in most of them nothing is ever set in the second: until then it takes a few words of the first
//! one's place. Any other scope has a place to itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::data::{ScopeData, Set};
use super::live::Live;

pub(super) struct Place {
    pub(super) first: Cell,
    beside: OnceLock<Box<Cell>>,
}

/// What one scope holds.
pub(super) struct Cell {
    data: Mutex<ScopeData>,
    /// The address of what is set, to be compared without the lock.
    address: AtomicUsize,
    live: Mutex<Live>,
}

impl Place {
    pub(super) fn new(first: Cell, beside: Option<Cell>) -> Arc<Self> {
        let beside = beside.map(|cell| OnceLock::from(Box::new(cell))).unwrap_or_default();
        Arc::new(Place { first, beside })
    }

    /// The cell beside the first, for who looks: `None` if nothing was ever set there.
    pub(super) fn beside(&self) -> Option<&Cell> {
        self.beside.get().map(|cell| &**cell)
    }

    /// The cell beside the first, for who sets something.
    pub(super) fn make_beside(&self) -> &Cell {
        self.beside.get_or_init(Box::default)
    }
}

impl Default for Cell {
    fn default() -> Self {
        Cell::new(ScopeData::default(), Live::default())
    }
}

impl Cell {
    pub(super) fn new(data: ScopeData, live: Live) -> Self {
        let address = AtomicUsize::new(data.address());
        Cell { data: Mutex::new(data), address, live: Mutex::new(live) }
    }

    /// One that starts with all that this one holds.
    pub(super) fn fork(&self) -> Self {
        let data = self.data().clone();
        Cell::new(data, self.live().fork())
    }

    pub(super) fn data(&self) -> MutexGuard<'_, ScopeData> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is set is at this address.
    pub(super) fn is_at(&self, address: usize) -> bool {
        self.address.load(Ordering::Acquire) == address
    }

    /// Changes what is set; what a snapshot holds on to stays as it was.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Set) -> T) -> T {
        let mut data = self.data();
        let changed = data.set();
        self.address.store(std::ptr::from_mut(changed).addr(), Ordering::Release);
        change(changed)
    }

    /// Replaces all that is set. What it was is handed back, to be freed outside the lock.
    pub(super) fn replace(&self, new: impl FnOnce(&ScopeData) -> ScopeData) -> ScopeData {
        let mut data = self.data();
        let new = new(&data);
        self.address.store(new.address(), Ordering::Release);
        std::mem::replace(&mut *data, new)
    }
}
