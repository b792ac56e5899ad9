//! The breadcrumb ring: adding is a push, forking and reading copy a pointer.
//!
//! A ring is a list of frozen segments, shared and never changed, and the segment that is being written:
//!
//! ```text
//!   parent:  [1 2 3]◀─────[4 5]◀── own: 6 7         frozen segments are shared by whoever forked or took a snapshot
//!   child:       └──────────┘ ◀── own: 8
//! ```
//!
//! So the first crumb after a fork of a hundred costs what any other does, and an event that is captured takes the whole trail along
//! without a copy; the worker reads it. When the own segment is full, it is frozen and all before it is let go: between one and two times
//! the limit is held. A segment is full, too, when its crumbs are long: a ring never holds much more than a megabyte.
//!
//! What a layer adds is kept as it came, in flat buffers: a [`Breadcrumb`] is made of it on the worker, if an event takes it along.

use std::borrow::Cow;
use std::sync::Arc;

use watchpost_protocol::{Breadcrumb, Level, Timestamp};

use crate::fields::{FieldValue, Fields};
use crate::heap;

/// More segments than this are melted into one, so that a scope that is captured after every crumb does not grow a long chain.
const MAX_SEGMENTS: usize = 16;

/// A segment with more text than this is full, in bytes, however few its crumbs are: an event of more than a megabyte is not accepted anyway.
const MAX_SEGMENT_TEXT: usize = 512 * 1024;

/// How many crumbs there is room for when the first one comes.
const FIRST: usize = 8;

/// The field that is the message of a crumb, and not data.
const MESSAGE: &str = "message";

/// A crumb of a layer, to be written down as it is; its fields are given beside it, the message under the key `message`.
#[derive(Debug, Clone)]
pub(crate) struct FlatCrumb {
    pub(crate) timestamp: Timestamp,
    pub(crate) level: Level,
    pub(crate) category: Cow<'static, str>,
}

/// The newest crumbs of one scope. Most scopes never have any, and a request makes two scopes: without crumbs, a ring is a word.
#[derive(Debug, Default)]
pub(crate) struct Ring(Option<Box<Crumbs>>);

#[derive(Debug, Default)]
struct Crumbs {
    frozen: Trail,
    own: Segment,
    /// The limit of the last push; what is melted keeps no more.
    limit: usize,
    /// How many were ever pushed, those before the fork included.
    total: u64,
}

/// Crumbs that do not change any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    last: Option<Arc<Frozen>>,
    len: usize,
    segments: usize,
    total: u64,
    /// How much memory the crumbs have taken, in bytes.
    weight: usize,
}

#[derive(Debug)]
struct Frozen {
    before: Trail,
    segment: Segment,
}

#[derive(Debug, Default)]
struct Segment {
    crumbs: Vec<Crumb>,
    /// The fields of the flat ones, all together.
    fields: Fields,
    /// How much memory the others have taken, about, in bytes.
    made: usize,
}

#[derive(Debug, Clone)]
enum Crumb {
    Flat { crumb: FlatCrumb, fields: (u32, u32) },
    Made(Arc<Breadcrumb>),
}

impl From<Trail> for Ring {
    fn from(frozen: Trail) -> Self {
        let crumbs = Crumbs { limit: frozen.len, total: frozen.total, frozen, own: Segment::default() };
        Ring(Some(Box::new(crumbs)))
    }
}

impl Ring {
    /// Adds a crumb; the `limit` newest are kept. What has to go is handed back, to be freed outside the caller's lock.
    pub(crate) fn push(&mut self, crumb: Breadcrumb, limit: usize) -> Option<Trail> {
        self.add(limit, |own| {
            own.made += weight(&crumb);
            own.crumbs.push(Crumb::Made(Arc::new(crumb)));
        })
    }

    /// As [`push`](Self::push), for a crumb that nobody has made a [`Breadcrumb`] of yet.
    pub(crate) fn push_flat(&mut self, crumb: FlatCrumb, fields: &Fields, limit: usize) -> Option<Trail> {
        self.add(limit, |own| {
            if own.fields.text_capacity() == 0 {
                own.fields.reserve(limit.min(FIRST) * 3, 256);
            }
            let fields = own.fields.extend(fields);
            own.crumbs.push(Crumb::Flat { crumb, fields });
        })
    }

    fn add(&mut self, limit: usize, push: impl FnOnce(&mut Segment)) -> Option<Trail> {
        if limit == 0 { None } else { self.0.get_or_insert_default().add(limit, push) }
    }

    /// A ring of its own that starts with all that this one holds.
    pub(crate) fn fork(&mut self) -> Ring {
        self.0.as_mut().map(|crumbs| Ring::from(crumbs.freeze())).unwrap_or_default()
    }

    /// Everything up to now, to be kept by somebody else; what is added later goes to a new segment.
    pub(crate) fn freeze(&mut self) -> Trail {
        self.0.as_mut().map(|crumbs| crumbs.freeze()).unwrap_or_default()
    }
}

impl Crumbs {
    fn add(&mut self, limit: usize, push: impl FnOnce(&mut Segment)) -> Option<Trail> {
        self.limit = limit;
        self.total += 1;
        let mut gone = None;
        if self.own.crumbs.len() >= limit || self.own.text_len() > MAX_SEGMENT_TEXT {
            let next = self.own.next();
            let full = std::mem::replace(&mut self.own, next);
            gone = Some(std::mem::take(&mut self.frozen));
            self.frozen = full.freeze(Trail::default(), self.total);
        } else if self.own.crumbs.capacity() == 0 {
            self.own.crumbs.reserve(limit.min(FIRST));
        }
        push(&mut self.own);
        gone
    }

    fn freeze(&mut self) -> Trail {
        self.frozen.total = self.total;
        if !self.own.crumbs.is_empty() {
            let own = std::mem::take(&mut self.own);
            self.frozen = own.freeze(std::mem::take(&mut self.frozen), self.total);
            if self.frozen.segments > MAX_SEGMENTS {
                self.frozen = self.frozen.melted(self.limit);
            }
        }
        self.frozen.clone()
    }
}

impl Segment {
    fn freeze(self, before: Trail, total: u64) -> Trail {
        let (len, segments) = (before.len + self.crumbs.len(), before.segments + 1);
        let weight = before.weight + size_of::<Frozen>() + self.weight();
        Trail { last: Some(Arc::new(Frozen { before, segment: self })), len, segments, total, weight }
    }

    fn weight(&self) -> usize {
        self.crumbs.capacity() * size_of::<Crumb>() + self.fields.weight() + self.made
    }

    /// About how many bytes of text the crumbs hold.
    fn text_len(&self) -> usize {
        self.fields.text_len() + self.made
    }

    /// An empty one with room for what this one holds: the crumbs to come will be like those that came.
    fn next(&self) -> Segment {
        let mut next = Segment::default();
        next.crumbs.reserve(self.crumbs.len());
        next.fields.reserve(self.fields.len(), self.fields.text_len());
        next
    }

    fn copy(&mut self, crumb: &Crumb, from: &Segment) {
        match crumb {
            Crumb::Made(made) => {
                self.made += weight(made);
                self.crumbs.push(crumb.clone());
            }
            Crumb::Flat { crumb, fields: (start, end) } => {
                let moved = self.fields.len() as u32;
                (*start..*end).for_each(|at| self.fields.push_from(&from.fields, at as usize));
                let fields = (moved, self.fields.len() as u32);
                self.crumbs.push(Crumb::Flat { crumb: crumb.clone(), fields });
            }
        }
    }

    fn read(&self, crumb: &Crumb) -> Breadcrumb {
        match crumb {
            Crumb::Made(crumb) => (**crumb).clone(),
            Crumb::Flat { crumb, fields } => make(crumb.clone(), self.fields.slice(*fields)),
        }
    }
}

/// About how much memory a crumb has taken that somebody has made.
fn weight(crumb: &Breadcrumb) -> usize {
    let message = crumb.message.as_deref().map_or(0, heap::text);
    size_of::<Breadcrumb>() + heap::ALLOCATION + message + heap::map(&crumb.data) + heap::map(&crumb.other)
}

/// Makes a breadcrumb of a flat one.
pub(crate) fn make<'a>(
    crumb: FlatCrumb,
    fields: impl Iterator<Item = (&'a str, FieldValue<'a>)>,
) -> Breadcrumb {
    let mut made = Breadcrumb {
        timestamp: Some(crumb.timestamp),
        level: crumb.level,
        category: Some(crumb.category),
        ..Breadcrumb::default()
    };
    for (key, value) in fields {
        match value {
            FieldValue::Str(text) if key == MESSAGE => made.message = Some(text.to_owned()),
            FieldValue::Str("") => {}
            value => {
                made.data.insert(key.to_owned(), value.to_json());
            }
        }
    }
    made
}

impl Trail {
    /// How many crumbs it holds, beyond any limit.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How much memory its crumbs have taken, in bytes, though others may hold them too.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// How many crumbs there ever were, those that had to go included.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The newest `limit` crumbs, oldest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<Breadcrumb> {
        let mut newest: Vec<Breadcrumb> =
            self.backwards().take(limit).map(|(segment, crumb)| segment.read(crumb)).collect();
        newest.reverse();
        newest
    }

    /// The crumbs that came after what these hold, if it began with one of them; else all.
    pub(crate) fn since(&self, known: &[&Trail]) -> Vec<Breadcrumb> {
        let is_known = |frozen: &Frozen| {
            known.iter().any(|trail| trail.last.as_deref().is_some_and(|last| std::ptr::eq(last, frozen)))
        };
        let mut news: Vec<Breadcrumb> =
            self.backwards_until(is_known).map(|(segment, crumb)| segment.read(crumb)).collect();
        news.reverse();
        news
    }

    fn backwards(&self) -> impl Iterator<Item = (&Segment, &Crumb)> {
        self.backwards_until(|_| false)
    }

    fn backwards_until(&self, end: impl Fn(&Frozen) -> bool) -> impl Iterator<Item = (&Segment, &Crumb)> {
        let mut next = self.last.as_deref();
        std::iter::from_fn(move || {
            let Frozen { before, segment } = next.filter(|frozen| !end(frozen))?;
            next = before.last.as_deref();
            Some(segment.crumbs.iter().rev().map(move |crumb| (segment, crumb)))
        })
        .flatten()
    }

    fn melted(&self, limit: usize) -> Trail {
        let kept: Vec<_> = self.backwards().take(limit).collect();
        let mut melted = Segment::default();
        for (segment, crumb) in kept.into_iter().rev() {
            melted.copy(crumb, segment);
        }
        melted.freeze(Trail::default(), self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(ring: &mut Ring, range: std::ops::Range<usize>, limit: usize) {
        for number in range {
            if number % 2 == 0 {
                ring.push(Breadcrumb::new(number.to_string()), limit);
            } else {
                let mut fields = Fields::new();
                fields.push("message", number.to_string().as_str().into());
                ring.push_flat(flat("odd"), &fields, limit);
            }
        }
    }

    fn flat(category: &'static str) -> FlatCrumb {
        FlatCrumb { timestamp: Timestamp::from_micros(7), level: Level::Warning, category: category.into() }
    }

    fn picture(trail: &Trail, limit: usize) -> String {
        let crumbs: Vec<_> = trail.newest(limit).into_iter().filter_map(|crumb| crumb.message).collect();
        crumbs.join(" ")
    }

    #[test]
    fn a_flat_crumb_is_made_of_its_fields_when_it_is_read() {
        let mut fields = Fields::new();
        fields.push("items", 3u64.into());
        fields.push("message", "cart loaded".into());
        fields.push("coupon", "".into());
        let mut ring = Ring::default();
        ring.push_flat(flat("shop::cart"), &fields, 10);
        let expected = Breadcrumb {
            timestamp: Some(Timestamp::from_micros(7)),
            level: Level::Warning,
            category: Some("shop::cart".into()),
            ..Breadcrumb::new("cart loaded")
        };
        assert_eq!(ring.freeze().newest(10), [expected.data("items", 3)]);
    }

    #[test]
    fn the_newest_stay_in_order_of_insertion() {
        let mut ring = Ring::default();
        pushed(&mut ring, 0..120, 100);
        let trail = ring.freeze();
        assert_eq!(trail.total(), 120);
        let (newest, all) = (picture(&trail, 100), picture(&trail, usize::MAX));
        assert!(newest.starts_with("20 21 ") && newest.ends_with(" 118 119"));
        assert!(all.ends_with(&newest) && picture(&trail, 3) == "117 118 119");

        let mut none = Ring::default();
        pushed(&mut none, 0..3, 0);
        assert_eq!(none.freeze().len(), 0);
    }

    #[test]
    fn no_more_than_twice_the_limit_is_held() {
        let mut ring = Ring::default();
        for number in 0..1000 {
            pushed(&mut ring, number..number + 1, 10);
            let crumbs = ring.0.as_ref().unwrap();
            assert!(crumbs.frozen.len() + crumbs.own.crumbs.len() <= 20 && crumbs.frozen.segments <= 1);
        }
        assert_eq!(picture(&ring.freeze(), 2), "998 999");
    }

    #[test]
    fn frozen_crumbs_stay_with_whoever_holds_them() {
        let mut ring = Ring::default();
        pushed(&mut ring, 0..3, 3);
        let old = ring.freeze();
        pushed(&mut ring, 3..5, 3);
        assert_eq!(picture(&ring.freeze(), 3), "2 3 4");
        pushed(&mut ring, 5..12, 3);
        assert_eq!(picture(&ring.freeze(), 3), "9 10 11");
        assert_eq!(picture(&old, 3), "0 1 2");
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

    #[test]
    fn a_ring_of_long_crumbs_holds_few() {
        let mut ring = Ring::default();
        for _ in 0..200 {
            ring.push(Breadcrumb::new("x".repeat(MAX_SEGMENT_TEXT / 4)), 100);
        }
        let trail = ring.freeze();
        assert!(trail.weight() < 3 * MAX_SEGMENT_TEXT, "{} bytes", trail.weight());
        assert!(trail.len > 4, "and yet some");
    }
}
