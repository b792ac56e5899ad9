//! Flushing without blocking the thread that waits.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::background;
use crate::client::Client;

/// Resolves to what [`Client::flush`] returns; made by [`Client::flush_async`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Flush {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    done: Option<bool>,
    waker: Option<Waker>,
}

impl Client {
    /// As [`flush`](Self::flush), on a thread of its own: a task may wait for it on any runtime. The wait begins now, not at the first
    /// poll.
    pub fn flush_async(&self, timeout: Option<Duration>) -> Flush {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (client, other) = (self.clone(), Arc::clone(&shared));
        let flushes = move || {
            let done = client.flush(timeout);
            finish(&other, done);
        };
        if background::start("watchpost-flush", Box::new(flushes)).is_err() {
            finish(&shared, false);
        }
        Flush { shared }
    }
}

fn finish(shared: &Mutex<Shared>, done: bool) {
    let waker = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.done = Some(done);
        shared.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Future for Flush {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        // Cloned before the lock and dropped after it: a waker is the runtime's code.
        let waker = context.waker().clone();
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = shared.done {
            return Poll::Ready(done);
        }
        let old = shared.waker.replace(waker);
        drop(shared);
        drop(old);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Sender};
    use std::task::Wake;

    use super::*;
    use crate::mute;

    struct Hears(Mutex<Sender<bool>>);

    impl Wake for Hears {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().send(mute::is_muted()).unwrap();
        }
    }

    #[test]
    fn what_a_waker_runs_is_the_programs() {
        let (sender, heard) = mpsc::channel();
        let waker = Waker::from(Arc::new(Hears(Mutex::new(sender))));
        let shared = Arc::new(Mutex::new(Shared { done: None, waker: Some(waker) }));
        let wakes = move || finish(&shared, true);
        background::start("flushes", Box::new(wakes)).unwrap();
        assert!(!heard.recv().unwrap());
    }
}
