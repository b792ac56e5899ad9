//! A scope: what is known about the work that is being done, to be put on whatever it reports.
//!
//! One kind of data, three owners (`protocol.md` §15.1): the *global* scope lives as long as the process, an *isolation* scope as long as
//! one request, job or task, a *current* scope as long as one block or span. A scope holds no client and no span.
//!
//! [`Scope`] is a handle: clones share one scope, and its methods take `&self`. The data behind it is immutable and shared; a change
//! replaces it. So a capture takes a snapshot by copying a pointer, and a fork costs no more, however much the scope holds.

mod course;
mod data;
mod live;
mod place;
pub(crate) mod setters;

use std::fmt;
use std::sync::{Arc, LazyLock};

use self::live::Live;
use self::place::{Cell, Place};
use crate::breadcrumbs::Trail;
use crate::propagation_context::PropagationContext;
use crate::session::Part;

pub use self::data::{EventProcessor, RequestSource};
pub(crate) use self::data::{ScopeData, Set};

/// A shared handle to one scope; see the [module documentation](self).
#[derive(Clone)]
pub struct Scope {
    place: Arc<Place>,
    /// Whether it is the one beside the first of its place.
    is_beside: bool,
}

/// The scopes that something happens in, the nearest first.
pub(crate) type NearestFirst<'a> = [&'a Scope; 3];

/// A scope as it was at one moment: two pointers.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) data: ScopeData,
    pub(crate) trail: Trail,
}

impl Default for Scope {
    fn default() -> Self {
        Scope::new()
    }
}

impl Scope {
    /// An empty scope.
    #[must_use]
    pub fn new() -> Self {
        Scope::alone(Cell::default())
    }

    /// An empty isolation scope, and an empty current scope for it.
    pub(crate) fn pair() -> (Self, Self) {
        Scope::with_beside(Cell::default(), None)
    }

    /// The scope of the whole process: what is set here is on everything that is reported, by every client.
    #[must_use]
    pub fn global() -> &'static Scope {
        static GLOBAL: LazyLock<Scope> = LazyLock::new(Scope::new);
        &GLOBAL
    }

    fn alone(cell: Cell) -> Self {
        Scope { place: Place::new(cell, None), is_beside: false }
    }

    fn with_beside(first: Cell, beside: Option<Cell>) -> (Self, Self) {
        let place = Place::new(first, beside);
        (Scope { place: Arc::clone(&place), is_beside: false }, Scope { place, is_beside: true })
    }

    /// What it holds, for who looks: `None` if nothing was ever set.
    #[inline]
    fn seen(&self) -> Option<&Cell> {
        if self.is_beside { self.place.beside() } else { Some(&self.place.first) }
    }

    /// What it holds, for who sets something.
    fn cell(&self) -> &Cell {
        if self.is_beside { self.place.make_beside() } else { &self.place.first }
    }

    /// A scope of its own that starts with all that this one holds. Later changes in one are not seen in the other.
    #[must_use]
    pub fn fork(&self) -> Self {
        Scope::alone(self.seen().map(Cell::fork).unwrap_or_default())
    }

    /// As [`fork`](Self::fork), of an isolation scope and a current one. Work that is not `traced` begins a trace of its own; one that another
    /// process began goes on in it.
    pub(crate) fn fork_with(&self, current: &Scope, traced: bool) -> (Self, Self) {
        let isolation = self.cell().fork();
        if !traced {
            isolation.live().propagation.take_if(|trace| !trace.of_process);
        }
        Scope::with_beside(isolation, current.seen().map(Cell::fork))
    }

    /// As [`fork_with`](Self::fork_with), in a trace of its own, and in a session of its own if there is one, changed before anybody else can see
    /// it, and without the breadcrumbs.
    pub(crate) fn begin(
        &self,
        current: &Scope,
        (trace, session): (Arc<PropagationContext>, Option<Part>),
        change: impl FnOnce(&mut ScopeData),
    ) -> (Self, Self) {
        let mut data = self.data();
        change(&mut data);
        let session = session.or_else(|| self.lock_live().forked_session());
        let isolation = Cell::new(data, Live::new(Some(trace), session));
        Scope::with_beside(isolation, current.seen().map(Cell::fork))
    }

    /// A fork in which all of `other` is set, too, and wins; its breadcrumbs are the latest. What `other` has of this scope or of the wider one around
    /// it, because it was forked of them, is not there twice.
    pub(crate) fn with_all_of(&self, other: &Scope, wider: &Scope) -> Self {
        let (fork, Snapshot { data, trail }) = (self.fork(), other.snapshot());
        let [known, around] = [self, wider].map(Scope::snapshot);
        fork.update(|set| set.extend(&data, &around.data));
        if data.request.is_some() {
            fork.set_request(data.request.clone());
        }
        if data.response_status.is_some() {
            fork.set_response_status(data.response_status);
        }
        let news = trail.since(&[&known.trail, &around.trail]);
        news.into_iter().for_each(|crumb| fork.push_breadcrumb(crumb, usize::MAX));
        fork
    }

    /// Whether both handles mean the same scope.
    #[must_use]
    pub fn is_same(&self, other: &Scope) -> bool {
        Arc::ptr_eq(&self.place, &other.place) && self.is_beside == other.is_beside
    }

    /// Resets everything but the event processors, the trace and the session.
    pub fn clear(&self) {
        {
            let mut live = self.lock_live();
            let (propagation, session) = (live.propagation.take(), live.session.take());
            *live = Live::new(propagation, session);
        }
        let old = self.cell().replace(|data| {
            let processors = data.processors.clone();
            ScopeData { set: Some(Arc::new(Set { processors, ..Set::default() })), ..ScopeData::default() }
        });
        drop(old); // the request's source may hold anything
    }

    /// What the scope holds, without its breadcrumbs.
    #[inline]
    pub(crate) fn data(&self) -> ScopeData {
        self.seen().map(|cell| cell.data().clone()).unwrap_or_default()
    }

    /// Whether what is set is what it was when `data` was taken. Who has that keeps it from being changed, and its address from being another's.
    pub(crate) fn is_still(&self, data: &ScopeData) -> bool {
        match self.seen() {
            Some(cell) => cell.is_at(data.address()),
            None => data.address() == 0,
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let trail = self.seen().map(|cell| cell.live().breadcrumbs.freeze()).unwrap_or_default();
        Snapshot { data: self.data(), trail }
    }

    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Set) -> T) -> T {
        self.cell().update(change)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { data, trail } = self.snapshot();
        f.debug_struct("Scope")
            .field("tags", &data.tags)
            .field("contexts", &data.contexts.keys())
            .field("has_user", &data.user.is_some())
            .field("breadcrumbs", &trail.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::{Breadcrumb, EventId, Request, User};

    use super::*;

    #[test]
    fn a_fork_starts_with_everything_and_then_goes_its_own_way() {
        let parent = Scope::new();
        parent.set_tag("plan", "pro");
        parent.push_breadcrumb(Breadcrumb::new("one"), 10);

        let child = parent.fork();
        child.set_tag("plan", "free");
        child.push_breadcrumb(Breadcrumb::new("two"), 10);
        parent.push_breadcrumb(Breadcrumb::new("three"), 10);

        assert_eq!(parent.snapshot().data.tags["plan"], "pro");
        assert_eq!(child.snapshot().data.tags["plan"], "free");
        assert_eq!(messages(&parent), ["one", "three"]);
        assert_eq!(messages(&child), ["one", "two"]);
    }

    #[test]
    fn a_snapshot_is_not_touched_by_later_changes() {
        let scope = Scope::new();
        scope.set_tag("a", 1);
        let before = scope.snapshot();
        scope.set_tag("a", 2);
        scope.push_breadcrumb(Breadcrumb::new("later"), 10);

        assert_eq!(before.data.tags["a"], "1");
        assert_eq!(before.trail.len(), 0);
    }

    #[test]
    fn clear_keeps_the_processors() {
        let scope = Scope::new();
        scope.set_user(User::id("42"));
        scope.set_reported(EventId::default(), None);
        scope.add_event_processor(Some);
        scope.clear();

        let data = scope.snapshot().data;
        assert!(data.user.is_none() && data.processors.len() == 1);
        assert_eq!(scope.last_event_id(), None);
    }

    #[test]
    fn what_a_scope_lets_go_may_ask_it() {
        struct Asks(Scope);
        impl Drop for Asks {
            fn drop(&mut self) {
                self.0.set_tag("dropped", true);
            }
        }
        let scope = Scope::new();
        for let_go in [|scope: &Scope| scope.set_request(None), Scope::clear] {
            let asks = Asks(scope.clone());
            scope.set_request(Some(Arc::new(move || {
                let _held = &asks;
                Request::default()
            })));
            let_go(&scope);
            assert_eq!(scope.snapshot().data.tags["dropped"], "true");
            scope.remove_tag("dropped");
        }
    }

    fn messages(scope: &Scope) -> Vec<String> {
        scope.snapshot().trail.newest(10).into_iter().filter_map(|crumb| crumb.message).collect()
    }
}
