//! Capturing: errors, messages, events, breadcrumbs.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use serde::Serialize;
use watchpost_protocol::{Breadcrumb, Event, EventId, Level, Mechanism, User, Value};

use crate::attachment::Attachment;
use crate::current::Scopes;
use crate::entry::{Beyond, Entry};
use crate::errors::{AsError, Draft, ErrorRecord, Group, View};
use crate::scope::Scope;
use crate::session::Matter;
use crate::{client, hints, layer, message, mute};

/// Captures an error with its causes and the stack of the caller: any type that implements [`Error`](std::error::Error), a
/// boxed one, several in a `Vec`, and with
/// the features of their names those of `anyhow`, `eyre` and `error-stack`; see [`AsError`].
///
/// The id of the event, or `None` if it was not queued: no client, rate limited, sampled out, ignored, or the queue is full. (What a hook
/// drops later, on the worker, had an id.)
///
/// ```
/// # use watchpost_core::api::capture_error;
/// if let Err(error) = "x".parse::<u32>() {
///     capture_error(&error);
/// }
/// let boxed: Box<dyn std::error::Error> = "the till is empty".into();
/// capture_error(&boxed);
/// ```
#[inline(never)]
pub fn capture_error<K, E: AsError<K> + ?Sized>(error: &E) -> Option<EventId> {
    if !is_heard() {
        return None;
    }
    viewed(&Entry::default(), &error.view())
}

/// Another name of [`capture_error`].
#[inline(always)] // no frame of its own, around the one where the stack is cut
pub fn capture_exception<K, E: AsError<K> + ?Sized>(error: &E) -> Option<EventId> {
    capture_error(error)
}

/// Captures several errors as one issue, each with its causes. Without an error in it nothing is captured.
///
/// ```
/// # use watchpost_core::api::capture_group;
/// let results = ["1", "x", "y"].map(str::parse::<u32>);
/// capture_group("some prices were not read", results.iter().filter_map(|result| result.as_ref().err()));
/// ```
#[inline(never)]
pub fn capture_group<'a, K, E: AsError<K> + ?Sized + 'a>(
    message: &'a str,
    errors: impl IntoIterator<Item = &'a E>,
) -> Option<EventId> {
    if !is_heard() {
        return None;
    }
    let group = Group::new(message, errors);
    if group.is_empty() {
        return None;
    }
    viewed(&Entry::default(), &group.into_view())
}

/// Captures the error that it shows, and returns what it was given: `fallible().capture_err()?`.
///
/// An error that then comes out of a request, or is logged, is not reported again.
///
/// ```
/// # use watchpost_core::api as watchpost;
/// use watchpost::CaptureErr;
///
/// fn price(text: &str) -> Result<u32, std::num::ParseIntError> {
///     let price = text.parse::<u32>().capture_err()?;
///     Ok(price)
/// }
/// assert!(price("x").is_err());
/// ```
pub trait CaptureErr<K>: Sized {
    /// Captures the error, if there is one; as [`capture_error`].
    #[must_use = "the error was captured, but not handled"]
    fn capture_err(self) -> Self;
}

impl<T, K, E: AsError<K>> CaptureErr<K> for Result<T, E> {
    #[inline(always)] // as above
    fn capture_err(self) -> Self {
        if let Err(error) = &self {
            capture_error(error);
        }
        self
    }
}

/// Captures a message at the level `info`, unless the scope has another.
#[inline(never)]
pub fn capture_message(text: &str) -> Option<EventId> {
    built(&Entry::default(), Matter::Message, Level::Info, || message::event(text))
}

/// Captures a message at a level.
#[inline(never)]
pub fn capture_message_at(level: impl Into<Level>, text: &str) -> Option<EventId> {
    let level = level.into();
    built(&Entry::default(), Matter::Message, level, || Event { level: Some(level), ..message::event(text) })
}

/// Captures a message made from a template, which groups; the macro `capture_message!` calls it. `format` makes the text and
/// the parameters, if the message passes the gates.
#[inline(never)]
pub fn capture_template(template: &str, format: impl FnOnce() -> (String, Vec<Value>)) -> Option<EventId> {
    built(&Entry::default(), Matter::Message, Level::Info, || {
        let (formatted, params) = format();
        message::with_template(formatted, Some(template), params)
    })
}

/// Captures an event of the program's own making; what it sets itself wins over the scopes.
#[inline(never)]
pub fn capture_event(event: Event) -> Option<EventId> {
    built(&Entry::default(), Matter::of(&event), Level::Error, || event)
}

/// Whether anybody is there to report to; if nobody is, that is said once.
pub(super) fn is_heard() -> bool {
    if mute::is_muted() {
        hints::captured_by_a_hook();
        return false;
    }
    if !client::any_active() {
        hints::captured_without_client();
        return false;
    }
    true
}

/// `entry` is the caller's: the stack begins at the function that called that.
fn built<D: Into<Draft>>(
    entry: &Entry,
    matter: Matter,
    default_level: Level,
    build: impl FnOnce() -> D,
) -> Option<EventId> {
    if !is_heard() {
        return None;
    }
    entry
        .during(Beyond::Nothing, || layer::capture_as(matter, &Scopes::at_hand(), default_level, None, build))
}

/// The id of the last error event of this isolation scope.
#[must_use]
pub fn last_event_id() -> Option<EventId> {
    Scopes::current().isolation().last_event_id()
}

/// Adds a breadcrumb to the isolation scope: part of the trail of what led up to the next error. Without a timestamp it is of now.
pub fn add_breadcrumb(breadcrumb: Breadcrumb) {
    if client::any_active() && !mute::is_muted() {
        Scopes::with_at_hand(|scopes, _| layer::add_breadcrumb(scopes, || breadcrumb));
    }
}

/// Captures an error with more to say about it than the scopes do.
///
/// ```
/// # use watchpost_core::api::capture;
/// # let error = std::fmt::Error;
/// capture(&error).tag("operation", "approve").extra("loan_id", 42).send();
/// ```
#[must_use = "nothing is captured before `send`"]
pub fn capture<K, E: AsError<K> + ?Sized>(error: &E) -> Capture<'_> {
    Capture::of(What::Error(error.view()))
}

/// An error or a message that is about to be captured; made by [`capture`], and by [`Capture::message`].
#[derive(Debug)]
#[must_use = "nothing is captured before `send`"]
pub struct Capture<'a> {
    what: What<'a>,
    event: Event,
    attachments: Vec<Attachment>,
    scope: Option<Scope>,
}

#[derive(Debug)]
enum What<'a> {
    Error(View<'a>),
    Message(&'a str),
}

impl<'a> Capture<'a> {
    /// A message, with more to say about it than the scopes do.
    ///
    /// ```
    /// # use watchpost_core::api::Capture;
    /// # use watchpost_protocol::Level;
    /// Capture::message("the till is empty").level(Level::Warning).tag("till", 3).send();
    /// ```
    pub fn message(text: &'a str) -> Self {
        Capture::of(What::Message(text))
    }

    fn of(what: What<'a>) -> Self {
        Capture { what, event: Event::default(), attachments: Vec::new(), scope: None }
    }

    /// Sets all that a scope holds, for this event only: it wins over the scopes that are current, and what is said here wins over it.
    /// Of several, the last one stays.
    ///
    /// ```
    /// # use watchpost_core::{Scope, api::capture};
    /// # let error = std::fmt::Error;
    /// let import = Scope::new();
    /// import.set_tag("job", "import");
    /// capture(&error).scope(&import).send();
    /// ```
    pub fn scope(mut self, scope: &Scope) -> Self {
        self.scope = Some(scope.clone());
        self
    }

    /// Sets the level. Default: the scope's, else `error`, or `info` for a message.
    pub fn level(mut self, level: impl Into<Level>) -> Self {
        self.event.level = Some(level.into());
        self
    }

    /// Sets a tag of this event only.
    pub fn tag(mut self, key: impl Into<String>, value: impl Display) -> Self {
        let (key, value) = crate::tag::fit(key.into(), value.to_string());
        self.event.tags.insert(key, value);
        self
    }

    /// Adds free-form data to this event only.
    pub fn extra(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.event.extra.insert(key.into(), value);
        }
        self
    }

    /// Sets a context of this event only.
    pub fn context(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.event.contexts.other.insert(name.into(), value);
        }
        self
    }

    /// Sets the user of this event only.
    pub fn user(mut self, user: User) -> Self {
        self.event.user = Some(user);
        self
    }

    /// Sets the fingerprint of this event.
    pub fn fingerprint<S: Into<Cow<'static, str>>>(mut self, parts: impl IntoIterator<Item = S>) -> Self {
        self.event.fingerprint = parts.into_iter().map(Into::into).collect();
        self
    }

    /// Sends a file along.
    pub fn attach(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Captures it; as [`capture_error`].
    #[inline(never)]
    pub fn send(self) -> Option<EventId> {
        let Capture { what, event, attachments, scope } = self;
        let _entered = scope.filter(|_| client::any_active()).map(|scope| {
            let around = Scopes::at_hand();
            Arc::new(Scopes { current: around.current.with_all_of(&scope, &around.isolation), ..around })
                .attach()
        });
        match what {
            What::Error(error) => built(&Entry::default(), Matter::Error, Level::Error, || Draft {
                attachments,
                ..drafted(&error, event)
            }),
            What::Message(text) => built(&Entry::default(), Matter::Message, Level::Info, || {
                let event = Event { logentry: message::event(text).logentry, ..event };
                Draft { attachments, ..Draft::from(event) }
            }),
        }
    }
}

/// What does not depend on the error's type: it is compiled for each.
fn viewed(entry: &Entry, error: &View<'_>) -> Option<EventId> {
    built(entry, Matter::Error, Level::Error, || drafted(error, Event::default()))
}

fn drafted(error: &View<'_>, event: Event) -> Draft {
    let mechanism = Mechanism { handled: Some(true), ..Mechanism::default() };
    Draft::of_error(ErrorRecord::of(error, mechanism), event)
}
