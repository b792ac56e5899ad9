//! An event that was just built, and what was learnt of its error while the error was at hand.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use watchpost_protocol::Event;

use super::chain::ErrorRecord;
use crate::attachment::Attachment;
use crate::fields::Fields;

/// An event that was just built. An [`Event`] is one by itself; of an error there is more to say, which [`ErrorRecord`] knows.
#[derive(Debug, Default)]
pub struct Draft {
    /// The event.
    pub event: Event,
    pub(crate) notes: Notes,
    pub(crate) attachments: Vec<Attachment>,
}

impl From<Event> for Draft {
    fn from(event: Event) -> Self {
        Draft { event, notes: Notes::default(), attachments: Vec::new() }
    }
}

impl Draft {
    /// The event of an error: its exceptions take the place of those of `event`.
    #[inline] // what drops an event would be there once more for it
    #[must_use]
    pub fn of_error(error: ErrorRecord, mut event: Event) -> Self {
        *event.exception = error.exceptions;
        Draft { event, notes: error.notes, attachments: Vec::new() }
    }

    /// The event of a failure that is no error and has no stack, as an answer with a status: where it happened tells it from others.
    #[must_use]
    pub fn of_failure(failure: ErrorRecord) -> Self {
        let mut draft = Draft::of_error(failure, Event::default());
        draft.notes.by_place = true;
        draft
    }

    /// An event that tells of an error of which only the text is known, as `#[instrument(err)]` does.
    #[must_use]
    pub fn of_text(event: Event, text: String) -> Self {
        let notes = Notes { text_of_error: Some(text), ..Notes::default() };
        Draft { event, notes, attachments: Vec::new() }
    }

    /// Fills in what the hooks have said of the error: what the event says itself stays.
    pub(crate) fn apply_hooks(&mut self) {
        if let Some(said) = self.notes.said.take() {
            said.fill_in(&mut self.event);
        }
    }
}

/// What hooks have said of an error. They make it: a program without hooks has none of its code.
pub(crate) trait Said: fmt::Debug + Send + Sync {
    /// All of it.
    fn event(&self) -> &Event;
    /// Adds it to an event where that says nothing itself.
    fn fill_in(&self, event: &mut Event);
}

/// What was learnt of an error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    pub(crate) identity: Option<Identity>,
    /// Its own backtrace, as it prints.
    pub(crate) printed_stack: Option<String>,
    /// All that is known of an error that nobody had at hand.
    pub(crate) text_of_error: Option<String>,
    /// The fields of the spans that it was made in, if it knows.
    pub(crate) fields: Option<Fields>,
    /// Whether the program does not want to hear of it.
    pub(crate) ignored: bool,
    /// Whether it is none, by what is known of it or of its causes.
    pub(crate) no_failure: bool,
    /// Whether nothing but its place tells it from others.
    pub(crate) by_place: bool,
    /// What the hooks have said about it.
    pub(crate) said: Option<Arc<dyn Said>>,
}

/// What an error is known by though its type was erased: the first that it prints, and its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(u64);

impl Identity {
    pub(crate) fn of(name: Option<&str>, value: Option<&str>) -> Self {
        let mut hasher = DefaultHasher::new();
        (name, value).hash(&mut hasher);
        Identity(hasher.finish())
    }
}
