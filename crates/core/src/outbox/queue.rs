//! What waits: bounded by count and by bytes, the most important first.
//!
//! A full queue makes room by dropping what is less important than the newcomer, the oldest of the least important first; where there is
//! nothing less important, the newcomer is refused. So the first errors of a failure stay, a crash always finds room, and who captures is
//! told at once. What is under way counts against the bounds until it is delivered or lost.

use std::collections::VecDeque;
use std::sync::Arc;

use watchpost_protocol::{Category, Envelope};

use super::health::Health;

/// How important a job is, the most important first: where many wait it is delivered before the others, and it is the last to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// What took the program down, or may have.
    Crash,
    /// Events and feedback.
    Error,
    /// Check-ins and sessions: small, and worth little when they are late.
    Status,
    /// Transactions.
    Trace,
    /// Logs and metrics: many, and each says little.
    Record,
}

const PRIORITIES: usize = Priority::Record as usize + 1;

/// No more than so many leave in the order in which they came; crashes are first even then.
const FEW: usize = 32;

/// Where more wait, every so many turns are the oldest job's, whatever its priority: a flood of errors must not starve the rest.
const OLDEST_EVERY: u32 = 4;

/// A class that has room for more gives it back when it is empty.
const KEPT_ROOM: usize = 256;

/// How many places a job takes in a queue that grows by doubling, at worst.
const PLACE: usize = 2;

/// What the outbox has to know of a job without looking into it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) priority: Priority,
    /// What a rate limit holds it back by.
    pub(crate) category: Category,
    /// Jobs of one key are delivered one after the other, as they came; `None`: beside any other.
    pub(crate) order: Option<u64>,
    /// About how much memory it holds, in bytes.
    pub(crate) weight: usize,
}

/// How much may wait and be under way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

/// A job in the queue.
pub(super) struct Entry<J> {
    /// How many were queued before it.
    pub(super) number: u64,
    pub(super) label: Label,
    /// How often its delivery has failed.
    pub(super) failures: u32,
    pub(super) load: Load<J>,
}

pub(super) enum Load<J> {
    Job(J),
    /// Prepared, and not delivered the last time: nobody prepares it, and calls hooks for it, twice.
    Sealed(Arc<Envelope>),
}

pub(super) struct Queue<J> {
    bounds: Bounds,
    /// Told whether there is room for traces.
    health: Arc<Health>,
    classes: [Class<J>; PRIORITIES],
    /// What was taken out and is neither delivered nor lost, by number.
    under_way: Vec<(u64, Label)>,
    /// What waits and what is under way.
    total: Bounds,
    pushed: u64,
    turns: u32,
}

struct Class<J> {
    entries: VecDeque<Entry<J>>,
    bytes: usize,
}

impl<J> Queue<J> {
    pub(super) fn new(bounds: Bounds, health: Arc<Health>) -> Self {
        health.drained();
        Queue {
            bounds,
            health,
            classes: std::array::from_fn(|_| Class { entries: VecDeque::new(), bytes: 0 }),
            under_way: Vec::new(),
            total: Bounds::default(),
            pushed: 0,
            turns: 0,
        }
    }

    /// The number of a job that will not be queued itself.
    pub(super) fn reserve(&mut self) -> u64 {
        self.pushed += 1;
        self.pushed - 1
    }

    /// Queues a job if there is room, and says whether; hands out what had to go for it, or the job itself.
    pub(super) fn take_in(&mut self, label: Label, job: J) -> (bool, Vec<Entry<J>>) {
        match self.push(label, job) {
            Ok(dropped) => (true, dropped),
            Err(job) => (false, vec![Entry { number: u64::MAX, label, failures: 0, load: Load::Job(job) }]),
        }
    }

    /// Queues a job, and hands out what had to go for it. Refused, and handed back, if there is not enough that is less important.
    fn push(&mut self, label: Label, job: J) -> Result<Vec<Entry<J>>, J> {
        let label = Label { weight: label.weight.saturating_add(PLACE * size_of::<Entry<J>>()), ..label };
        let mut dropped = Vec::new();
        if !self.fits(&label, self.total) {
            if !self.fits(&label, self.without_less_important(label.priority)) {
                if label.priority == Priority::Trace && !self.has_room() {
                    self.health.filled();
                }
                return Err(job);
            }
            while !self.fits(&label, self.total) {
                dropped.extend(self.pop_least_important());
            }
        }
        let entry = Entry { number: self.pushed, label, failures: 0, load: Load::Job(job) };
        self.pushed += 1;
        self.insert(usize::MAX, entry);
        Ok(dropped)
    }

    fn fits(&self, label: &Label, total: Bounds) -> bool {
        total.items < self.bounds.items && total.bytes.saturating_add(label.weight) <= self.bounds.bytes
    }

    fn without_less_important(&self, than: Priority) -> Bounds {
        let mut total = self.total;
        for class in &self.classes[than as usize + 1..] {
            total.items -= class.entries.len();
            total.bytes -= class.bytes;
        }
        total
    }

    fn pop_least_important(&mut self) -> Option<Entry<J>> {
        let class = self.classes.iter().rposition(|class| !class.entries.is_empty())?;
        let entry = self.remove(class, 0)?;
        self.subtract(&entry.label);
        Some(entry)
    }

    /// Takes out what is to be delivered next, of those first that a flush waits for (that came before `awaited`). It is under way until it is [put back](Self::put_back) or [released](Self::release).
    pub(super) fn take(&mut self, awaited: Option<u64>) -> Option<Entry<J>> {
        self.turns = self.turns.wrapping_add(1);
        let next = awaited.and_then(|before| self.next(before)).or_else(|| self.next(u64::MAX));
        let (class, at, number) = next?;
        let entry = self.remove(class, at)?;
        self.under_way.push((number, entry.label));
        Some(entry)
    }

    /// Class, position and number.
    fn next(&self, before: u64) -> Option<(usize, usize, u64)> {
        let mut ready = (0..PRIORITIES).filter_map(|class| self.ready(class, before));
        if self.waiting() > FEW && !self.turns.is_multiple_of(OLDEST_EVERY) {
            return ready.next();
        }
        ready.min_by_key(|(class, _, number)| (*class != Priority::Crash as usize, *number))
    }

    /// The first of a class that need not wait for another of its key.
    fn ready(&self, class: usize, before: u64) -> Option<(usize, usize, u64)> {
        let entries = self.classes[class].entries.iter().take_while(|entry| entry.number < before);
        let free = |entry: &Entry<J>| {
            let key = entry.label.order;
            key.is_none() || self.under_way.iter().all(|(_, label)| label.order != key)
        };
        let (at, entry) = entries.enumerate().find(|(_, entry)| free(entry))?;
        Some((class, at, entry.number))
    }

    /// Whether there is something to take.
    pub(super) fn is_ready(&self) -> bool {
        (0..PRIORITIES).any(|class| self.ready(class, u64::MAX).is_some())
    }

    /// Puts back what was taken, ready to be delivered: before all that came after it.
    pub(super) fn put_back(&mut self, mut entry: Entry<J>, envelope: Arc<Envelope>) {
        self.forget(entry.number);
        entry.label.weight = (PLACE * size_of::<Entry<J>>()).saturating_add(envelope.size_hint());
        entry.load = Load::Sealed(envelope);
        let entries = &self.classes[entry.label.priority as usize].entries;
        let at = entries.iter().take_while(|other| other.number < entry.number).count();
        self.insert(at, entry);
        self.note_room(); // as an envelope it may be smaller
    }

    /// What was taken is delivered or lost.
    pub(super) fn release(&mut self, number: u64) {
        self.forget(number);
        self.note_room();
    }

    fn forget(&mut self, number: u64) {
        if let Some(at) = self.under_way.iter().position(|(other, _)| *other == number) {
            let (_, label) = self.under_way.swap_remove(at);
            self.subtract(&label);
        }
    }

    /// Everything that waits.
    pub(super) fn drain(&mut self) -> Vec<Entry<J>> {
        let all = std::iter::from_fn(|| self.pop_least_important()).collect();
        self.note_room();
        all
    }

    fn insert(&mut self, at: usize, entry: Entry<J>) {
        self.total.items += 1;
        self.total.bytes += entry.label.weight;
        let class = &mut self.classes[entry.label.priority as usize];
        class.bytes += entry.label.weight;
        class.entries.insert(at.min(class.entries.len()), entry);
    }

    fn remove(&mut self, class: usize, at: usize) -> Option<Entry<J>> {
        let class = &mut self.classes[class];
        let entry = class.entries.remove(at)?;
        class.bytes -= entry.label.weight;
        if class.entries.is_empty() && class.entries.capacity() > KEPT_ROOM {
            class.entries = VecDeque::new();
        }
        Some(entry)
    }

    fn subtract(&mut self, label: &Label) {
        self.total.items -= 1;
        self.total.bytes -= label.weight;
    }

    /// Where something has gone for good.
    fn note_room(&self) {
        if self.has_room() {
            self.health.drained();
        }
    }

    /// Whether there is room for some more: a queue that takes one whenever one has left is full all the same.
    fn has_room(&self) -> bool {
        const SOME: usize = 64;
        self.total.items < self.bounds.items - self.bounds.items / SOME
            && self.total.bytes < self.bounds.bytes - self.bounds.bytes / SOME
    }

    /// How many were ever queued: what comes later has this number or a higher one.
    pub(super) fn pushed(&self) -> u64 {
        self.pushed
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.total.items - self.under_way.len()
    }

    /// What is under way.
    pub(super) fn under_way(&self) -> impl ExactSizeIterator<Item = &Label> {
        self.under_way.iter().map(|(_, label)| label)
    }

    /// How many wait or are under way.
    pub(super) fn len(&self) -> usize {
        self.total.items
    }

    /// Takes out what is worth least, to be kept elsewhere. It is under way until it is [put back](Self::put_back) or
    /// [released](Self::release).
    pub(super) fn take_least_important(&mut self) -> Option<Entry<J>> {
        let class = self.classes.iter().rposition(|class| !class.entries.is_empty())?;
        let entry = self.remove(class, 0)?;
        self.under_way.push((entry.number, entry.label));
        Some(entry)
    }

    /// Whether it is nearly full: what comes next may have to be dropped.
    pub(super) fn is_crowded(&self) -> bool {
        self.total.items >= self.bounds.items - self.bounds.items / 4
            || self.total.bytes >= self.bounds.bytes - self.bounds.bytes / 4
    }

    /// Whether it is time for somebody to look at it at once.
    pub(super) fn is_half_full(&self) -> bool {
        self.total.items >= self.bounds.items / 2 || self.total.bytes >= self.bounds.bytes / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(priority: Priority) -> Label {
        Label { priority, category: Category::Error, order: None, weight: 0 }
    }

    fn queue(items: usize) -> Queue<&'static str> {
        Queue::new(Bounds { items, bytes: usize::MAX }, Arc::new(Health::new(true)))
    }

    fn names(entries: impl IntoIterator<Item = Entry<&'static str>>) -> Vec<&'static str> {
        let name = |entry: Entry<&'static str>| match entry.load {
            Load::Job(job) => job,
            Load::Sealed(_) => "sealed",
        };
        entries.into_iter().map(name).collect()
    }

    /// Takes everything, each after the one before it is delivered.
    fn all(queue: &mut Queue<&'static str>) -> Vec<&'static str> {
        names(std::iter::from_fn(|| {
            let entry = queue.take(None)?;
            queue.release(entry.number);
            Some(entry)
        }))
    }

    #[test]
    fn the_oldest_of_the_least_important_makes_room() {
        let mut queue = queue(3);
        for (priority, job) in
            [(Priority::Trace, "trace 1"), (Priority::Record, "log 1"), (Priority::Trace, "trace 2")]
        {
            assert!(queue.push(label(priority), job).is_ok_and(|dropped| dropped.is_empty()));
        }
        assert_eq!(queue.push(label(Priority::Record), "log 2").err(), Some("log 2"));
        let mut push = |priority, job| queue.push(label(priority), job).map(names);
        assert_eq!(push(Priority::Error, "error 1"), Ok(vec!["log 1"]));
        assert_eq!(push(Priority::Status, "check-in"), Ok(vec!["trace 1"]));
        assert_eq!(push(Priority::Trace, "trace 3"), Err("trace 3"), "those that came first stay");
        assert_eq!(push(Priority::Crash, "crash"), Ok(vec!["trace 2"]));
        assert_eq!(push(Priority::Error, "error 2"), Ok(vec!["check-in"]));
        assert_eq!(push(Priority::Error, "error 3"), Err("error 3"));
        assert_eq!(all(&mut queue), ["crash", "error 1", "error 2"]);
        assert_eq!((queue.len(), queue.total.bytes), (0, 0));
    }

    #[test]
    fn bytes_bound_what_waits_and_what_is_under_way() {
        let place = PLACE * size_of::<Entry<&str>>();
        let mut queue: Queue<&str> =
            Queue::new(Bounds { items: 100, bytes: 1000 + 2 * place }, Arc::new(Health::new(true)));
        let heavy = |priority, weight| Label { weight, ..label(priority) };
        queue.push(heavy(Priority::Trace, 400), "taken").ok().unwrap();
        let taken = queue.take(None).unwrap();
        queue.push(heavy(Priority::Trace, 300), "waits").ok().unwrap();
        assert_eq!(queue.push(heavy(Priority::Trace, 301), "too much").err(), Some("too much"));
        assert_eq!(
            queue.push(heavy(Priority::Error, 601), "more than there is").err(),
            Some("more than there is"),
            "nothing is dropped in vain"
        );
        assert_eq!(queue.push(heavy(Priority::Error, 600), "fits").map(names), Ok(vec!["waits"]));
        queue.release(taken.number);
        assert!(queue.push(heavy(Priority::Trace, 400), "has room again").is_ok());
    }

    #[test]
    fn where_many_wait_the_most_important_comes_first_and_nobody_starves() {
        let mut queue = queue(100);
        queue.push(label(Priority::Record), "log").ok().unwrap();
        queue.push(label(Priority::Trace), "trace").ok().unwrap();
        for _ in 0..FEW {
            queue.push(label(Priority::Error), "error").ok().unwrap();
        }
        (0..8).for_each(|_| drop(queue.push(label(Priority::Status), "check-in")));
        let taken = all(&mut queue);
        assert_eq!(
            taken[..9],
            ["error", "error", "error", "log", "error", "error", "error", "trace", "error"]
        );
        assert_eq!(taken[9..].iter().filter(|job| **job == "error").count(), FEW - 7);
    }

    #[test]
    fn few_leave_in_the_order_in_which_they_came() {
        let mut queue = queue(100);
        for (priority, job) in [
            (Priority::Trace, "trace"),
            (Priority::Error, "error"),
            (Priority::Record, "log"),
            (Priority::Crash, "crash"),
            (Priority::Status, "check-in"),
        ] {
            queue.push(label(priority), job).ok().unwrap();
        }
        assert_eq!(all(&mut queue), ["crash", "trace", "error", "log", "check-in"]);
    }

    #[test]
    fn what_a_flush_waits_for_comes_before_what_came_later() {
        let mut queue = queue(100);
        queue.push(label(Priority::Record), "log").ok().unwrap();
        let before = queue.pushed();
        queue.push(label(Priority::Error), "later").ok().unwrap();
        assert_eq!(names(queue.take(Some(before))), ["log"]);
        assert_eq!(names(queue.take(Some(before))), ["later"]);
    }

    #[test]
    fn one_key_one_at_a_time() {
        let mut queue = queue(100);
        for (order, job) in [(Some(1), "1a"), (Some(1), "1b"), (None, "free"), (Some(2), "2a")] {
            queue.push(Label { order, ..label(Priority::Status) }, job).ok().unwrap();
        }
        let first = queue.take(None).unwrap();
        let beside: Vec<_> = std::iter::from_fn(|| queue.take(None)).collect();
        assert!(!queue.is_ready());
        assert_eq!(names(beside), ["free", "2a"]);
        queue.put_back(first, Arc::default());
        assert_eq!(names(queue.take(None)), ["sealed"], "one that is tried again is before its successor");
        assert!(queue.take(None).is_none());
    }

    #[test]
    fn a_flood_leaves_no_room_behind() {
        let mut queue = queue(10_000);
        (0..10_000).for_each(|_| drop(queue.push(label(Priority::Trace), "")));
        assert_eq!(all(&mut queue).len(), 10_000);
        assert_eq!(queue.classes[Priority::Trace as usize].entries.capacity(), 0);
    }
}
