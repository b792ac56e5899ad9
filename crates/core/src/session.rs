//! Release health: what happens in a session, and when it is told of (`protocol.md` §12).
//!
//! A session ends when its work does. But whether an error in it counts is known only when the hooks have seen the event, on the worker: so
//! a session is told of once it has ended and the last event of it is through.
//!
//! ```text
//!  capture ── note ──▶ queue ──▶ worker: hooks ──▶ kept, or lost on the way: the note is dropped, the error counts
//!     │                                      └───▶ refused by a hook: the note is retracted
//!     └─ sampled out, rate limited: the note is dropped at once, the error counts
//! ```

mod ledger;
mod part;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use watchpost_protocol::{Event, Level, SessionId, SessionStatus, SessionUpdate, Timestamp, User};

pub(crate) use ledger::{Gathered, Ledger};
pub(crate) use part::Part;

/// What a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionMode {
    /// A request to a server. Sessions are counted, by the minute.
    #[default]
    Request,
    /// A run of the program. The session is told of by itself, with its errors, its duration and its user.
    Application,
}

/// One run of the program, or one request to it.
pub(crate) struct Session {
    ledger: Arc<Ledger>,
    started: Timestamp,
    /// `None`: it is a request.
    run: Option<Run>,
    course: Mutex<Course>,
}

/// What a run of the program is known by.
#[derive(Debug, Clone, Copy)]
struct Run {
    id: SessionId,
    began: Instant,
    /// A child that was forked of it has a copy of its session, and tells of nothing: it is not its run.
    process: u32,
}

/// What has happened in a session.
#[derive(Debug, Default)]
struct Course {
    did: Option<String>,
    errors: u64,
    unhandled: bool,
    crash: Crash,
    /// How many events of it are on their way.
    notes: usize,
    /// When it ended, as what, and after how long.
    end: Option<(Timestamp, SessionStatus, Duration)>,
    /// Its end was told of: nothing changes any more.
    told: bool,
    /// There is something new to tell of a run.
    news: bool,
    /// The first update of a run has left.
    announced: bool,
}

/// Whether an error ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Crash {
    #[default]
    No,
    /// The next one does.
    Near,
    Happened,
}

/// What an event means for the session that it happened in (§12.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gravity {
    /// An error, and the program has dealt with it.
    Handled,
    /// An error that nobody has dealt with.
    Unhandled,
}

/// What is captured, as far as a session is concerned, before it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matter {
    /// A message, which is no error whatever its level.
    Message,
    /// An event, of this level if it says so itself.
    Event(Option<Level>),
    /// An error.
    Error,
    /// An error that nobody has dealt with.
    Unhandled,
}

/// An error on its way, of whose session it is not known yet whether it counts. It does when this is dropped, whatever becomes of its event.
pub(crate) struct Note {
    session: Arc<Session>,
    gravity: Option<Gravity>,
}

impl Gravity {
    /// Of an event: an exception at any level, or a level of `error` or above.
    pub(crate) fn of(event: &Event, default_level: Level) -> Option<Self> {
        let unhandled = event.exception.iter().any(|exception| {
            exception.mechanism.as_ref().is_some_and(|mechanism| mechanism.handled == Some(false))
        });
        if unhandled {
            return Some(Gravity::Unhandled);
        }
        let error = !event.exception.is_empty() || event.level.unwrap_or(default_level) >= Level::Error;
        error.then_some(Gravity::Handled)
    }
}

impl Matter {
    pub(crate) fn of(event: &Event) -> Self {
        match Gravity::of(event, Level::Debug) {
            Some(Gravity::Unhandled) => Matter::Unhandled,
            Some(Gravity::Handled) => Matter::Error,
            None => Matter::Event(event.level),
        }
    }

    /// What the event means, now that it is there.
    pub(crate) fn gravity(self, event: &Event, default_level: Level) -> Option<Gravity> {
        if self == Matter::Message { None } else { Gravity::of(event, default_level) }
    }

    /// What it would mean, of an event that nobody builds.
    pub(crate) fn at_a_guess(self, default_level: Level) -> Option<Gravity> {
        match self {
            Matter::Message => None,
            Matter::Event(level) => {
                (level.unwrap_or(default_level) >= Level::Error).then_some(Gravity::Handled)
            }
            Matter::Error => Some(Gravity::Handled),
            Matter::Unhandled => Some(Gravity::Unhandled),
        }
    }
}

/// The name by which the server counts users (§12.4).
pub(crate) fn did(user: &User) -> Option<String> {
    [&user.id, &user.email, &user.username].into_iter().flatten().next().cloned()
}

impl Session {
    fn new(ledger: Arc<Ledger>, started: Timestamp, run: Option<Run>) -> Self {
        Session { ledger, started, run, course: Mutex::default() }
    }

    pub(crate) fn is_of(&self, ledger: &Arc<Ledger>) -> bool {
        Arc::ptr_eq(&self.ledger, ledger)
    }

    /// An event of it is on its way. `None` if it is over.
    pub(crate) fn note(self: &Arc<Self>, gravity: Gravity) -> Option<Note> {
        let mut course = self.lock();
        if course.end.is_some() || course.told {
            return None;
        }
        course.notes += 1;
        drop(course);
        Some(Note { session: Arc::clone(self), gravity: Some(gravity) })
    }

    /// Who is known by this name has begun it, or signed in since.
    pub(crate) fn set_did(&self, did: Option<String>) {
        let mut course = self.lock();
        if self.run.is_some() && course.did != did {
            course.did = did;
            course.news = true;
        }
    }

    /// The next error ends the process.
    pub(crate) fn expect_crash(&self) {
        self.lock().crash = Crash::Near;
    }

    /// It is over. An error that has ended it says more than `status` does; the first end counts.
    pub(crate) fn end(&self, status: SessionStatus) {
        let mut course = self.lock();
        if course.end.is_some() {
            return;
        }
        // A request is counted by when it began: nobody asks when it ended, or how.
        let (now, lasted) = match self.run {
            Some(run) => self.ledger.now_and_since(run.began),
            None => Default::default(),
        };
        course.end = Some((now, status, lasted));
        self.tell_of_end(course);
    }

    /// An event of it is through.
    fn settle(&self, gravity: Option<Gravity>) {
        let mut course = self.lock();
        course.notes -= 1;
        if gravity.is_some() {
            course.errors += 1;
            course.unhandled |= gravity == Some(Gravity::Unhandled);
            if course.crash == Crash::Near {
                course.crash = Crash::Happened;
            }
            course.news = true;
        }
        self.tell_of_end(course);
    }

    /// Tells of its end, once, as soon as nothing can change it any more.
    fn tell_of_end(&self, mut course: MutexGuard<'_, Course>) {
        if course.told {
            return;
        }
        let ended = course.end.is_some();
        if course.crash != Crash::Happened && (!ended || course.notes > 0) {
            let news = self.run.is_some() && course.news;
            drop(course);
            if (news || ended) && self.is_at_home() {
                self.ledger.call();
            }
            return;
        }
        course.told = true;
        if !self.is_at_home() {
            return;
        }
        let status = course.status();
        match self.run {
            Some(_) => {
                let update = self.update(&mut course, status);
                drop(course);
                self.ledger.note_end(update);
            }
            None => {
                let errored = course.errors > 0;
                drop(course);
                self.ledger.count(self.started, status, errored);
            }
        }
    }

    fn is_at_home(&self) -> bool {
        self.run.is_none_or(|run| run.process == std::process::id())
    }

    /// What is new of a run that goes on.
    fn news(&self) -> Option<SessionUpdate> {
        let mut course = self.lock();
        let new = (course.news || !course.announced) && !course.told && course.end.is_none();
        new.then(|| self.update(&mut course, SessionStatus::Ok))
    }

    fn update(&self, course: &mut Course, status: SessionStatus) -> SessionUpdate {
        let first = !std::mem::replace(&mut course.announced, true);
        course.news = false;
        let now = || self.run.map(|run| self.ledger.now_and_since(run.began)).unwrap_or_default();
        let (timestamp, lasted) = match course.end {
            Some((ended, _, lasted)) => (ended, lasted),
            None => now(),
        };
        SessionUpdate {
            sid: self.run.map(|run| run.id).unwrap_or_default(),
            did: course.did.clone(),
            init: first,
            seq: first.then_some(0),
            timestamp: Some(timestamp),
            started: self.started,
            duration: (status != SessionStatus::Ok).then_some(lasted.as_secs_f64()),
            status,
            errors: course.errors,
            attrs: self.ledger.attributes().clone(),
            ..SessionUpdate::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Course {
    fn status(&self) -> SessionStatus {
        match self.end {
            _ if self.crash == Crash::Happened => SessionStatus::Crashed,
            Some((_, SessionStatus::Exited, _)) if self.unhandled => SessionStatus::Unhandled,
            Some((_, status, _)) => status,
            None => SessionStatus::Exited,
        }
    }
}

/// Nobody can end it any more: it has ended as it should.
impl Drop for Session {
    fn drop(&mut self) {
        self.end(SessionStatus::Exited);
    }
}

impl Note {
    /// The error counts. Says whether it was the last one.
    pub(crate) fn settle(self) -> bool {
        let session = Arc::clone(&self.session);
        drop(self);
        session.lock().crash == Crash::Happened
    }

    /// A hook of the program does not want to hear of it: then it did not happen.
    pub(crate) fn retract(mut self) {
        self.gravity = None;
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.session.settle(self.gravity);
    }
}
