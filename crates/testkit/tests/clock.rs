//! Durations come from the monotonic clock: a wall clock that is set while a span is open does not bend it (features T14).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use watchpost_core::api::start_transaction;
use watchpost_core::{Clock, api};
use watchpost_protocol::Timestamp;
use watchpost_testkit::{capture_with, options};

/// Ten milliseconds pass with each look at the monotonic clock, whoever looks; the wall clock is set back an hour each time.
struct Jumping {
    began: Instant,
    wall: AtomicI64,
    millis: AtomicU64,
}

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        let back = self.wall.fetch_add(3_600_000_000, Ordering::Relaxed);
        Timestamp::from_micros(1_790_000_000_000_000 - back)
    }

    fn monotonic(&self) -> Instant {
        self.began + Duration::from_millis(self.millis.fetch_add(10, Ordering::Relaxed))
    }
}

#[test]
fn a_clock_that_jumps_does_not_bend_a_span() {
    let clock = Jumping { began: Instant::now(), wall: AtomicI64::new(0), millis: AtomicU64::new(0) };
    let captured = capture_with(options().clock(clock), || {
        let root = start_transaction("root").enter();
        let child = root.child("child");
        api::capture_message("meanwhile the clock is set back");
        child.finish();
    });
    let transaction = &captured.transactions()[0];
    let (start, end) = (transaction.start_timestamp.unwrap(), transaction.timestamp.unwrap());
    let child = &transaction.spans[0];
    assert!(
        start < child.start_timestamp && child.start_timestamp < child.timestamp && child.timestamp < end
    );
    let micros = |from: Timestamp, to: Timestamp| to.as_micros() - from.as_micros();
    assert!(micros(start, end) < 1_000_000, "{start:?} to {end:?}");
    // The worker may have looked meanwhile.
    let lasted = micros(child.start_timestamp, child.timestamp);
    assert!((10_000..1_000_000).contains(&lasted), "{lasted}");
}

#[test]
fn a_flush_can_be_awaited() {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::{self, Thread};

    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let captured = capture_with(options(), || {
        api::capture_message("sent before the future is ready");
        let mut flush = pin!(api::flush_async(None));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match flush.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(done) => break assert!(done),
                Poll::Pending => thread::park(),
            }
        }
    });
    assert_eq!(captured.events().len(), 1);
}
