use super::*;
use crate::losses::Losses;
use crate::spool::{Claim, Rank, Refused, Room};

/// A disk that the test can look at, and break.
#[derive(Default)]
struct Shelf {
    kept: Mutex<Vec<(Rank, Envelope)>>,
    places: Option<usize>,
    broken: std::sync::atomic::AtomicBool,
}

struct Claimed {
    shelf: Arc<Shelf>,
    entry: Option<(Rank, Envelope)>,
}

impl Spool for Arc<Shelf> {
    fn keep(&self, envelope: &Envelope, rank: Rank, _: Room, _: &Losses) -> Result<Box<dyn Claim>, Refused> {
        if self.broken.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Refused::Failed("no space left".into()));
        }
        if self.places.is_some_and(|places| self.kept.lock().unwrap().len() >= places) {
            return Err(Refused::Full);
        }
        Ok(Box::new(Claimed { shelf: Arc::clone(self), entry: Some((rank, envelope.clone())) }))
    }

    fn next(&self, may_go: &dyn Fn(Category) -> bool, _: &Losses) -> Option<(Envelope, Box<dyn Claim>)> {
        let mut kept = self.kept.lock().unwrap();
        let at = (0..kept.len()).filter(|at| may_go(kept[*at].0.category)).min_by_key(|at| kept[*at].0)?;
        let (rank, envelope) = kept.remove(at);
        let claim = Claimed { shelf: Arc::clone(self), entry: Some((rank, envelope.clone())) };
        Some((envelope, Box::new(claim)))
    }
}

impl Claim for Claimed {
    fn settle(mut self: Box<Self>) {
        self.entry = None;
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.shelf.kept.lock().unwrap().extend(self.entry.take());
    }
}

impl Shelf {
    fn texts(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        let mut texts: Vec<_> = kept.iter().map(|(_, envelope)| picture(&envelope.items[0])).collect();
        texts.sort();
        texts
    }

    fn put(&self, level: u8, text: &str) {
        let mut envelope = Envelope::default();
        envelope.items.extend(Item::json(ItemType::Event, &text));
        self.kept.lock().unwrap().push((Rank { level, category: Category::Error }, envelope));
    }

    fn put_log(&self, text: &str) {
        self.put(9, text);
        self.kept.lock().unwrap().last_mut().unwrap().0.category = Category::LogItem;
    }
}

/// An outbox that begins to work with this on its disk.
fn spooled(items: usize, max_in_flight: usize, shelf: &Arc<Shelf>) -> Scene {
    with_spool(items, max_in_flight, Some(Arc::new(Arc::clone(shelf))))
}

#[test]
fn what_an_earlier_process_has_left_is_sent_the_most_important_first_and_one_at_a_time() {
    let shelf = Arc::new(Shelf::default());
    for (level, text) in [(3, "trace"), (1, "error"), (0, "crash")] {
        shelf.put(level, text);
    }
    let scene = spooled(10, 8, &shelf);
    assert_eq!(scene.next(), "crash");
    scene.outbox.retire(); // in no hurry for the test to wait for
    scene.answer(accepted());
    assert_eq!(scene.next(), "error");
    assert!(scene.arrived().is_empty());
    (0..2).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG));
    assert_eq!((scene.arrived(), shelf.texts().len()), (vec!["trace".to_owned()], 0));
}

#[test]
fn what_had_no_answer_at_the_end_is_kept() {
    let shelf = Arc::default();
    let mut scene = spooled(10, 1, &shelf);
    scene.outbox.push("one");
    assert_eq!(scene.next(), "one");
    scene.outbox.push("two");
    scene.never_again();
    assert!(scene.outbox.close(LONG), "nothing is lost");
    assert_eq!(shelf.texts(), ["one", "two"]);
    assert!(scene.lost().is_empty());
}

#[test]
fn what_waits_or_is_under_way_at_the_deadline_is_kept_and_sent_once() {
    let shelf = Arc::default();
    let scene = spooled(100, 2, &shelf);
    for job in ["stuck", "stuck too", "waits", "drop", "waits too"] {
        scene.outbox.push(job);
    }
    (0..2).for_each(|_| drop(scene.next()));
    assert!(!scene.outbox.close(Duration::from_secs(2)), "what is under way cannot be waited for");
    assert_eq!(scene.lost(), [""; 0]);
    // The process lives on, and two answers come after all: what they are about is not kept any longer.
    scene.answer(accepted());
    scene.answer(unreachable());
    assert!(scene.outbox.close(LONG));
    let kept = shelf.texts();
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert_eq!(kept[1..], ["waits", "waits too"]);
}

#[test]
fn a_crash_is_kept_before_it_is_sent_and_no_longer_than_that() {
    let shelf = Arc::default();
    let scene = spooled(10, 8, &shelf);
    scene.outbox.push("crash");
    assert_eq!(scene.next(), "crash");
    scene.outbox.push("crash again");
    while shelf.texts() != ["crash again"] {
        std::thread::yield_now(); // the first is claimed, and nothing else of the disk is sent beside it
    }
    assert!(scene.arrived().is_empty());
    scene.answer(unreachable());
    (0..2).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG));
    let mut left = scene.arrived();
    left.extend(shelf.texts());
    left.sort();
    assert_eq!(left, ["crash", "crash again"]);
}

#[test]
fn a_queue_that_is_nearly_full_is_kept_before_something_is_lost() {
    let shelf: Arc<Shelf> = Arc::default();
    let scene = spooled(8, 1, &shelf);
    scene.outbox.push("stuck");
    assert_eq!(scene.next(), "stuck");
    for _ in 0..100 {
        while scene.outbox.pending() >= 7 {
            std::thread::yield_now(); // until the disk has taken some
        }
        assert!(scene.outbox.push("trace"));
    }
    assert!(scene.lost().is_empty());
    assert!(shelf.texts().len() >= 90);
    (0..101).for_each(|_| scene.answer(accepted()));
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.arrived().len() + shelf.texts().len(), 100);
    assert!(shelf.texts().is_empty());
}

#[test]
fn while_the_server_is_gone_for_long_nothing_waits_in_memory() {
    let shelf: Arc<Shelf> = Arc::default();
    let scene = spooled(100, 1, &shelf);
    scene.outbox.push("one");
    for _ in 0..2 {
        assert_eq!(scene.next(), "one");
        scene.answer(unreachable());
        drop(scene.outbox.flush()); // which shortens the pause, if it has begun
    }
    assert_eq!(scene.next(), "one");
    scene.answer(unreachable());
    while shelf.texts() != ["one"] {
        std::thread::yield_now(); // until the server is known to be gone
    }
    scene.outbox.push("two");
    while shelf.texts() != ["one", "two"] {
        std::thread::yield_now();
    }
    assert_eq!(scene.outbox.pending(), 0);
}

#[test]
fn a_disk_that_fails_is_as_good_as_none() {
    let shelf: Arc<Shelf> = Arc::default();
    shelf.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut scene = spooled(10, 1, &shelf);
    scene.outbox.push("crash");
    assert_eq!(scene.next(), "crash", "it is sent nevertheless");
    scene.never_again();
    scene.outbox.push("two");
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.lost(), ["2 error network_error"]);

    let full = Arc::new(Shelf { places: Some(0), ..Shelf::default() });
    let mut scene = spooled(10, 1, &full);
    scene.never_again();
    scene.outbox.push("one");
    assert!(scene.outbox.close(LONG));
    assert_eq!(scene.lost(), ["1 error cache_overflow"]);
}

#[test]
fn a_limit_keeps_the_disk_as_it_is() {
    let shelf = Arc::new(Shelf::default());
    let scene = spooled(10, 1, &shelf);
    scene.outbox.push("limited");
    assert_eq!(scene.next(), "limited");
    shelf.put(1, "kept");
    scene.answer(Delivery::Limited {
        limits: watchpost_protocol::rate_limit::parse_rate_limits("60:transaction:key"),
    });
    assert!(scene.outbox.close(LONG));
    assert_eq!((scene.arrived().len(), shelf.texts()), (0, vec!["kept".to_owned()]));
}

#[test]
fn what_a_limit_holds_back_waits_and_holds_up_nothing_else() {
    let shelf = Arc::new(Shelf::default());
    ["one", "two", "three"].iter().for_each(|text| shelf.put(1, text));
    shelf.put_log("a log");
    let scene = spooled(10, 1, &shelf);
    let limits = watchpost_protocol::rate_limit::parse_rate_limits("600:log_byte:key");
    scene.answer(Delivery::Accepted { limits });
    (0..2).for_each(|_| scene.answer(accepted()));
    assert_eq!([scene.next(), scene.next(), scene.next()].len(), 3);
    assert!(scene.outbox.close(LONG), "and nobody waits for it in the end");
    assert_eq!((shelf.texts(), scene.lost()), (vec!["a log".to_owned()], vec![]));
}

#[test]
fn what_is_held_back_of_an_envelope_is_lost_only_with_its_answer() {
    let scene = spooled(10, 1, &Arc::default());
    scene.outbox.shared.wire.apply(&watchpost_protocol::rate_limit::parse_rate_limits("600:attachment:key"));
    let mut envelope = Envelope::default();
    envelope.items.extend(Item::json(ItemType::Event, &"error"));
    envelope.items.push(Item::attachment("cart.json".to_owned(), None, vec![0; 7]));
    let envelope = Arc::new(envelope);
    scene.answer(unreachable());
    let answered = scene.outbox.shared.deliver(Arc::clone(&envelope));
    assert!(matches!(answered, delivery::Answered::Unreachable(back) if back == envelope));
    assert_eq!(scene.lost(), [""; 0], "it may yet be sent, when the limit is over");
    scene.answer(accepted());
    scene.outbox.shared.deliver(envelope);
    assert_eq!(scene.arrived(), ["error", "error"]);
    assert_eq!(scene.lost(), ["7 attachment ratelimit_backoff", "1 attachment_item ratelimit_backoff"]);
}

#[test]
fn a_claim_that_panics_costs_nobody_a_worker() {
    /// Panics whatever is done with it.
    struct Panics;
    impl Spool for Panics {
        fn keep(&self, _: &Envelope, _: Rank, _: Room, _: &Losses) -> Result<Box<dyn Claim>, Refused> {
            Ok(Box::new(Panics))
        }
        fn next(&self, _: &dyn Fn(Category) -> bool, _: &Losses) -> Option<(Envelope, Box<dyn Claim>)> {
            static ONE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
            let mut envelope = Envelope::default();
            envelope.items.extend(Item::json(ItemType::Event, &"kept"));
            ONE.swap(false, std::sync::atomic::Ordering::Relaxed).then(|| (envelope, Box::new(Panics) as _))
        }
    }
    impl Claim for Panics {
        fn settle(self: Box<Self>) {
            panic!("not settled");
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("not dropped");
            }
        }
    }
    let scene = with_spool(10, 1, Some(Arc::new(Panics)));
    (0..3).for_each(|_| scene.answer(accepted()));
    assert_eq!(scene.next(), "kept");
    scene.outbox.push("crash");
    scene.outbox.push("error");
    assert_eq!([scene.next(), scene.next()], ["crash", "error"]);
    assert!(scene.outbox.close(LONG));
    std::mem::forget(scene); // its spool would panic here
}
