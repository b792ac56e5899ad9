//! Which error a unit of work has reported last, so that the same one is not reported again on its way out.

use std::hash::{DefaultHasher, Hash, Hasher};

use watchpost_protocol::{Event, Level};

use crate::errors::{Draft, Identity};

/// What tells one error from another within a unit of work. Errors have no identity; its type and its text together are as good as one among
/// the few of a request, and would not be among all of a program (`protocol.md` §20.9).
///
/// Where the type was erased on the way, what the error prints first takes its place: two are the same if either agrees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastError {
    by_type: u64,
    by_print: Option<Identity>,
    /// Of a message there is no type: it is of the error whose text it says, and is known by its text alone.
    says: Says,
    /// The line that said it, if one did: a line that says the same twice means two.
    said_at: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// It is an error, with this text.
    Error(Option<u64>),
    /// It is a message that ends in the text of an error, or may: after each colon one could begin.
    Message([Option<u64>; Says::ENDINGS]),
}

impl Says {
    const ENDINGS: usize = 4;

    fn message(text: &str) -> Self {
        let mut endings = [None; Says::ENDINGS];
        let starts = std::iter::once(0).chain(text.match_indices(": ").map(|(at, _)| at + 2));
        for (ending, start) in endings.iter_mut().zip(starts) {
            *ending = Some(hash(&text[start..]));
        }
        Says::Message(endings)
    }

    /// Whether one of them is a message about the other.
    fn is_about(&self, other: &Says) -> bool {
        match (self, other) {
            (Says::Message(endings), Says::Error(Some(text)))
            | (Says::Error(Some(text)), Says::Message(endings)) => endings.contains(&Some(*text)),
            _ => false,
        }
    }
}

impl LastError {
    /// Of an event that is of an error; `None` for a message below that level.
    pub(crate) fn of(draft: &Draft, default_level: Level, said_at: Option<u64>) -> Option<Self> {
        let Draft { event, notes, .. } = draft;
        let Some(exception) = event.exception.last() else {
            if let Some(text) = notes.text_of_error.as_deref() {
                return Some(LastError::of_text(text, said_at));
            }
            let text = message_of(event, default_level)?;
            return Some(LastError {
                by_type: hash(text),
                by_print: None,
                says: Says::message(text),
                said_at,
            });
        };
        Some(LastError {
            by_type: hash(&(&exception.ty, &exception.value)),
            by_print: notes.identity,
            says: Says::Error(exception.value.as_deref().map(hash)),
            said_at,
        })
    }

    /// Of a message that says nothing but the text of an error.
    fn of_text(text: &str, said_at: Option<u64>) -> Self {
        LastError { by_type: hash(text), by_print: None, says: Says::Error(Some(hash(text))), said_at }
    }

    /// Whether both are of one error, on its way out.
    pub(crate) fn is_same(&self, other: &LastError) -> bool {
        let by_print = self.by_print.is_some() && self.by_print == other.by_print;
        self.by_type == other.by_type || by_print || self.says.is_about(&other.says)
    }

    /// Whether this line says again what was reported elsewhere.
    pub(crate) fn repeats(&self, other: &LastError) -> bool {
        let elsewhere = self.said_at != other.said_at;
        let both_messages = matches!((self.says, other.says), (Says::Message(_), Says::Message(_)));
        elsewhere && !both_messages && (self.is_same(other) || self.says == other.says)
    }
}

fn message_of(event: &Event, default_level: Level) -> Option<&str> {
    let is_error = event.level.unwrap_or(default_level) >= Level::Error;
    let text = event.logentry.as_ref().and_then(|entry| entry.formatted.as_deref());
    is_error.then(|| text.unwrap_or_default())
}

fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use watchpost_protocol::Mechanism;

    use super::*;
    use crate::errors::{AsError, View, read};
    use crate::message;

    fn of(view: &View<'_>, said_at: Option<u64>) -> LastError {
        let draft = Draft::of_error(read(view, Mechanism::default(), None), Event::default());
        LastError::of(&draft, Level::Error, said_at).unwrap()
    }

    fn said(text: &str, line: u64) -> LastError {
        LastError::of(&message::event(text).into(), Level::Error, Some(line)).unwrap()
    }

    #[test]
    fn an_error_is_known_by_its_type_and_its_text() {
        let [a, b] = ["x", ""].map(|text| text.parse::<u8>().unwrap_err());
        let other_type = "x".parse::<bool>().unwrap_err();
        assert!(of(&a.view(), None).is_same(&of(&a.clone().view(), None)));
        assert!(!of(&a.view(), None).is_same(&of(&b.view(), None)), "another text");
        assert!(!of(&a.view(), None).is_same(&of(&other_type.view(), None)), "another type");
    }

    #[test]
    fn an_error_stays_the_same_when_its_type_is_erased() {
        #[derive(Debug)]
        enum Payment {
            Declined,
        }
        impl std::fmt::Display for Payment {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the card was declined")
            }
        }
        impl Error for Payment {}
        let erased: Box<dyn Error> = Box::new(Payment::Declined);
        assert!(of(&Payment::Declined.view(), None).is_same(&of(&erased.view(), None)));
    }

    #[test]
    fn a_line_repeats_what_was_reported_elsewhere() {
        let error = "x".parse::<u8>().unwrap_err();
        let captured = of(&error.view(), None);
        assert!(of(&error.view(), Some(1)).repeats(&captured), "error!(error = &error)");
        assert!(said("invalid digit found in string", 1).repeats(&captured), "error!(\"{error}\")");
        assert!(said("no price: invalid digit found in string", 1).repeats(&captured));
        assert!(!said("no price", 1).repeats(&captured));
        assert!(
            LastError::of_text("a", Some(1)).repeats(&LastError::of_text("a", Some(2))),
            "instrument(err)"
        );

        assert!(!of(&error.view(), Some(1)).repeats(&of(&error.view(), Some(1))), "the same line again");
        assert!(!said("no price", 1).repeats(&said("no price", 2)), "two lines that have the same words");
    }

    #[test]
    fn a_message_is_no_error_unless_its_level_says_so() {
        let of = |level, event| LastError::of(&Draft::from(event), level, None).is_some();
        let message = message::event("hello");
        assert!(!of(Level::Info, message.clone()));
        assert!(of(Level::Error, message.clone()));
        assert!(!of(Level::Error, Event { level: Some(Level::Warning), ..message }));
    }
}
