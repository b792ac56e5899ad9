//! A copy of everything for a receiver on the developer's machine (`protocol.md` §19).

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ureq::Agent;
use ureq::http::header::CONTENT_TYPE;
use ureq::http::{Request, Uri};
use watchpost_core::tap::Tap;
use watchpost_core::{background, debug, mute};
use watchpost_protocol::{Envelope, Timestamp};

use crate::http::tls::Tls;
use crate::http::{ENVELOPE, HttpError, HttpOptions, agent};

/// How much may wait for the receiver. More than that is let go: it is for somebody who looks on, and the server has it.
const QUEUE: usize = 100;
const QUEUE_BYTES: usize = 10_000_000;

/// A receiver on this machine answers at once, or something is wrong with it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long it is left alone after it did not answer: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Posts a copy of every envelope to Spotlight, or to whatever else takes envelopes there. It has a queue and a thread of its own, which is started by the
/// first envelope and ends with it: however slow the receiver is, nobody waits for it.
///
/// A receiver that does not answer costs one line under `debug`; it is left alone for a second, then for two, at most for a minute, and what is sent
/// meanwhile is not copied.
pub struct SpotlightTap {
    shared: Arc<Shared>,
}

struct Shared {
    url: Uri,
    state: Mutex<State>,
    /// Told when there is something to do, or nothing any more.
    news: Condvar,
    /// Told when what was taken has arrived.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    /// Whose it is: a child that was forked has a copy of it.
    process: u32,
    queue: Vec<Vec<u8>>,
    bytes: usize,
    /// One is on its way.
    sending: bool,
    has_thread: bool,
    /// Nobody will give it anything any more.
    closed: bool,
    outage: Option<Outage>,
}

/// The receiver does not answer.
struct Outage {
    pause: Duration,
    until: Instant,
}

impl SpotlightTap {
    /// A copy for the receiver at this address.
    ///
    /// # Errors
    /// [`HttpError::Url`] for what is no address, or for one of another scheme than `http`.
    pub fn new(url: &str) -> Result<SpotlightTap, HttpError> {
        let parsed: Option<Uri> = url.parse().ok();
        let url = parsed
            .filter(|url| url.scheme_str() == Some("http") && url.host().is_some())
            .ok_or_else(|| HttpError::Url(url.to_owned()))?;
        let state = Mutex::new(State::here());
        let (news, idle) = Default::default();
        Ok(SpotlightTap { shared: Arc::new(Shared { url, state, news, idle }) })
    }
}

impl Tap for SpotlightTap {
    fn copy(&self, envelope: &Envelope) {
        let mut state = self.shared.lock_here();
        if state.is_pausing() || state.queue.len() >= QUEUE || state.bytes >= QUEUE_BYTES {
            return;
        }
        drop(state); // an envelope may be large
        let body = envelope.to_vec(Timestamp::from(SystemTime::now()));
        state = self.shared.lock();
        state.bytes += body.len();
        state.queue.push(body);
        if !state.has_thread {
            let shared = Arc::clone(&self.shared);
            let started = background::start("watchpost-spotlight", Box::new(move || shared.run()));
            state.has_thread = started.is_ok();
        }
        drop(state);
        self.shared.news.notify_one();
    }

    fn wait(&self, timeout: Duration) {
        let is_busy = |state: &mut State| state.has_thread && (state.sending || !state.queue.is_empty());
        let idle = self.shared.idle.wait_timeout_while(self.shared.lock_here(), timeout, is_busy);
        drop(idle.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for SpotlightTap {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.news.notify_one();
    }
}

impl Shared {
    /// The life of the thread.
    fn run(&self) {
        let _muted = mute::enter();
        let agent = agent::build(&options(), &Tls::default(), Default::default());
        while let Some(bodies) = self.next() {
            for body in bodies {
                if !self.lock().is_pausing() {
                    let sent = self.post(&agent, &body);
                    self.note(sent);
                }
            }
            self.lock().sending = false;
            self.idle.notify_all();
        }
    }

    fn next(&self) -> Option<Vec<Vec<u8>>> {
        let waits = |state: &mut State| state.queue.is_empty() && !state.closed;
        let state = self.news.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.queue.is_empty() {
            return None;
        }
        state.sending = true;
        state.bytes = 0;
        Some(std::mem::take(&mut state.queue))
    }

    /// Posts one envelope, as it is and without a key (§19).
    fn post(&self, agent: &Agent, body: &[u8]) -> Result<(), String> {
        let request = Request::post(self.url.clone()).header(CONTENT_TYPE, ENVELOPE).body(body);
        let request = request.map_err(|error| error.to_string())?;
        let mut response = agent.run(request).map_err(|error| error.to_string())?;
        // Read to its end, so that the connection can be used again.
        let _ = response.body_mut().with_config().limit(64 * 1024).read_to_vec();
        if response.status().is_success() { Ok(()) } else { Err(format!("it answers {}", response.status())) }
    }

    fn note(&self, sent: Result<(), String>) {
        let mut state = self.lock();
        let Err(error) = sent else {
            state.outage = None;
            return;
        };
        let pause = state.outage.as_ref().map_or(FIRST_PAUSE, |outage| (outage.pause * 2).min(LONGEST_PAUSE));
        let is_news = state.outage.is_none();
        state.outage = Some(Outage { pause, until: Instant::now() + pause });
        drop(state);
        if is_news {
            debug!("spotlight: no copies for now, {} does not take them: {error}", self.url);
        }
    }

    /// The lock, for who may be in another process than the thread is: what waited there is that one's to send.
    fn lock_here(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.process != std::process::id() {
            *state = State::here();
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn here() -> Self {
        State { process: std::process::id(), ..State::default() }
    }

    fn is_pausing(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| Instant::now() < outage.until)
    }
}

/// No proxy: the receiver is on this machine.
fn options() -> HttpOptions {
    HttpOptions::default().connect_timeout(CONNECT_TIMEOUT).timeout(TIMEOUT).proxy("")
}

impl fmt::Debug for SpotlightTap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpotlightTap").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_will_do() {
        for url in ["", "localhost", "https://localhost/stream", "/stream", "ftp://localhost/"] {
            assert!(matches!(SpotlightTap::new(url), Err(HttpError::Url(_))), "{url:?}");
        }
        assert!(SpotlightTap::new("http://localhost:8969/stream").is_ok());
    }

    #[test]
    fn a_pause_grows_until_the_receiver_answers() {
        let tap = SpotlightTap::new("http://localhost:1/stream").unwrap();
        let pause =
            |tap: &SpotlightTap| tap.shared.lock().outage.as_ref().map(|outage| outage.pause.as_secs());
        let pauses: Vec<_> = (0..8)
            .map(|_| {
                tap.shared.note(Err("it is down".into()));
                pause(&tap).unwrap()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        tap.copy(&Envelope::default());
        assert!(tap.shared.lock().queue.is_empty(), "there are no copies meanwhile");
        tap.shared.note(Ok(()));
        assert_eq!(pause(&tap), None);
    }
}
