//! The breadcrumb ring: adding is a push, forking and reading copy a pointer.
//!
//! A ring is a list of frozen segments, shared and never changed, and the crumbs added since:
//!
//! ```text
//!   parent:  [1 2 3]◀─────[4 5]◀── own: 6 7         frozen segments are shared by whoever forked or took a snapshot
//!   child:       └──────────┘ ◀── own: 8
//! ```
//!
//! So the first crumb after a fork of a hundred costs what any other does, and an event that is captured takes the whole trail along
//! without a copy; the worker reads it.

use std::collections::VecDeque;
use std::sync::Arc;

use watchpost_protocol::Breadcrumb;

/// More segments than this are melted into one, so that a scope that is captured after every crumb does not grow a long chain.
const MAX_SEGMENTS: usize = 16;

/// The newest crumbs of one scope.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    frozen: Trail,
    own: VecDeque<Arc<Breadcrumb>>,
    /// The limit of the last push; what is melted keeps no more.
    limit: usize,
    /// How many were ever pushed, those before the fork included.
    total: u64,
}

/// Crumbs that do not change any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    last: Option<Arc<Segment>>,
    len: usize,
    segments: usize,
    total: u64,
}

#[derive(Debug)]
struct Segment {
    before: Trail,
    crumbs: Box<[Arc<Breadcrumb>]>,
}

impl From<Trail> for Ring {
    fn from(frozen: Trail) -> Self {
        Ring { limit: frozen.len, total: frozen.total, frozen, own: VecDeque::new() }
    }
}

impl Ring {
    /// Adds a crumb and keeps the `limit` newest. What has to go is handed back, to be freed outside the caller's lock.
    pub(crate) fn push(
        &mut self,
        crumb: Breadcrumb,
        limit: usize,
    ) -> Option<(Trail, Option<Arc<Breadcrumb>>)> {
        self.limit = limit;
        if limit == 0 {
            return None;
        }
        self.total += 1;
        let evicted = if self.own.len() >= limit { self.own.pop_front() } else { None };
        self.own.push_back(Arc::new(crumb));
        let trail = if self.own.len() >= limit { std::mem::take(&mut self.frozen) } else { Trail::default() };
        Some((trail, evicted))
    }

    /// Everything up to now, to be kept by somebody else; what is added later goes to a new segment.
    pub(crate) fn freeze(&mut self) -> Trail {
        self.frozen.total = self.total;
        if !self.own.is_empty() {
            let crumbs: Box<[_]> = std::mem::take(&mut self.own).into_iter().collect();
            let before = std::mem::take(&mut self.frozen);
            let (len, segments) = (before.len + crumbs.len(), before.segments + 1);
            self.frozen =
                Trail { last: Some(Arc::new(Segment { before, crumbs })), len, segments, total: self.total };
            if segments > MAX_SEGMENTS {
                self.frozen = self.frozen.melted(self.limit);
            }
        }
        self.frozen.clone()
    }
}

impl Trail {
    /// How many crumbs it holds, beyond any limit.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many crumbs there ever were, those that had to go included.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The newest `limit` crumbs, oldest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<Breadcrumb> {
        let mut newest: Vec<Breadcrumb> =
            self.backwards().take(limit).map(|crumb| (**crumb).clone()).collect();
        newest.reverse();
        newest
    }

    fn backwards(&self) -> impl Iterator<Item = &Arc<Breadcrumb>> {
        let mut segment = self.last.as_deref();
        std::iter::from_fn(move || {
            let this = segment?;
            segment = this.before.last.as_deref();
            Some(this.crumbs.iter().rev())
        })
        .flatten()
    }

    fn melted(&self, limit: usize) -> Trail {
        let mut crumbs: Vec<_> = self.backwards().take(limit).cloned().collect();
        crumbs.reverse();
        let len = crumbs.len();
        let segment = Segment { before: Trail::default(), crumbs: crumbs.into_boxed_slice() };
        Trail { last: Some(Arc::new(segment)), len, segments: 1, total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(ring: &mut Ring, range: std::ops::Range<usize>, limit: usize) {
        for number in range {
            ring.push(Breadcrumb::new(number.to_string()), limit);
        }
    }

    fn picture(trail: &Trail, limit: usize) -> String {
        let crumbs: Vec<_> = trail.newest(limit).into_iter().filter_map(|crumb| crumb.message).collect();
        crumbs.join(" ")
    }

    #[test]
    fn the_newest_stay_in_order_of_insertion() {
        let mut ring = Ring::default();
        pushed(&mut ring, 0..120, 100);
        let trail = ring.freeze();
        assert_eq!((trail.len(), trail.total()), (100, 120));
        assert!(picture(&trail, 100).starts_with("20 21 ") && picture(&trail, 3) == "117 118 119");

        let mut none = Ring::default();
        pushed(&mut none, 0..3, 0);
        assert_eq!(none.freeze().len(), 0);
    }

    #[test]
    fn frozen_crumbs_go_when_newer_ones_fill_the_limit() {
        let mut ring = Ring::default();
        pushed(&mut ring, 0..3, 3);
        let old = ring.freeze();
        pushed(&mut ring, 3..5, 3);
        assert_eq!(picture(&ring.freeze(), 3), "2 3 4");
        pushed(&mut ring, 5..8, 3);
        let trail = ring.freeze();
        assert_eq!(trail.len(), 3, "the older segments are let go");
        assert_eq!(picture(&old, 3), "0 1 2", "and stay with whoever holds them");
    }

    #[test]
    fn a_capture_after_every_crumb_does_not_grow_a_chain() {
        let mut ring = Ring::default();
        for number in 0..1000 {
            pushed(&mut ring, number..number + 1, 100);
            ring.freeze();
        }
        let trail = ring.freeze();
        assert!(trail.segments <= MAX_SEGMENTS && trail.len() <= 100 + MAX_SEGMENTS);
        assert_eq!(picture(&trail, 2), "998 999");
    }
}
