//! Which error a unit of work has reported last, so that the same one is not reported again on its way out.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use watchpost_protocol::truncate::head;
use watchpost_protocol::{Exception, Level};

use crate::errors::{Draft, Identity};
use crate::fields::{FieldValue, Fields};

/// The fields in which an event of `tracing` or a record of `log` names the error that it is about.
const ERROR_FIELDS: &[&str] = &["error", "err", "e", "exception.message", "error.message"];

/// The text of the error that an event names in a field: as it displays (`%error`) or as it shows itself to developers (`?error`).
#[must_use]
pub fn named_error(fields: &Fields) -> Option<String> {
    ERROR_FIELDS.iter().find_map(|key| match fields.get(key) {
        Some(FieldValue::Str(text)) if !text.is_empty() => Some(text.to_owned()),
        _ => None,
    })
}

/// What tells one error from another within a unit of work. Errors have no identity; its type and its text together are as good as one among
/// the few of a request, and would not be among all of a program (`protocol.md` §20.9).
///
/// Where the type was erased on the way, what the error prints first takes its place: two are the same if either agrees.
#[derive(Debug, Clone)]
pub(crate) struct LastError {
    by_type: u64,
    by_print: Option<Identity>,
    /// Of a message there is no type: it is of the error whose text it says, and is known by its text alone.
    says: Says,
    /// The line that said it, if one did: a line that says the same twice means two.
    said_at: Option<u64>,
}

#[derive(Debug, Clone)]
enum Says {
    /// It is an error.
    Error(Words),
    /// It is a message that names an error in a field, with this text.
    Named(Arc<str>),
    /// It is a message, in which the words of an error may stand.
    Message(Arc<str>),
}

/// What an error says.
#[derive(Debug, Clone)]
struct Words {
    /// The error and its causes, joined by colons, as `{:#}` prints those of `anyhow`.
    chain: Arc<str>,
    /// How much of it is the error's own.
    own: usize,
}

/// Of a longer text, only the beginning is kept.
const KEPT: usize = 1024;

impl LastError {
    /// Of an event that is of an error; `None` for a message below that level.
    pub(crate) fn of(draft: &Draft, default_level: Level, said_at: Option<u64>) -> Option<Self> {
        let Draft { event, notes, .. } = draft;
        let Some(exception) = event.exception.last() else {
            let message =
                event.logentry.as_ref().and_then(|entry| entry.formatted.as_deref()).unwrap_or_default();
            let named = notes.text_of_error.as_deref();
            let says = match named {
                // As `#[instrument(err)]`, which says nothing else.
                Some(named) if stands_in(named, message) => Says::Error(Words::of_text(named)),
                _ if event.level.unwrap_or(default_level) < Level::Error => return None,
                Some(named) => Says::Named(head(named, KEPT).into()),
                None => Says::Message(head(message, KEPT).into()),
            };
            return Some(LastError { by_type: hash(&(message, named)), by_print: None, says, said_at });
        };
        Some(LastError {
            by_type: hash(&(&exception.ty, &exception.value)),
            by_print: notes.identity,
            says: Says::Error(Words::of(&event.exception)),
            said_at,
        })
    }

    /// Whether both are of one error, on its way out.
    pub(crate) fn is_same(&self, other: &LastError) -> bool {
        let by_print = self.by_print.is_some() && self.by_print == other.by_print;
        self.by_type == other.by_type || by_print || self.is_about(other) || other.is_about(self)
    }

    /// Whether this is a message about the other, which is an error.
    fn is_about(&self, error: &LastError) -> bool {
        match (&self.says, &error.says) {
            (Says::Message(message), Says::Error(words)) => words.stand_in(message),
            (Says::Named(text), Says::Error(words)) => {
                words.are(text) || error.is_printed(words, text) // `%error` or `?error`
            }
            _ => false,
        }
    }

    /// Whether a text shows all of an error to developers: the name of its variant alone.
    fn is_printed(&self, words: &Words, text: &str) -> bool {
        self.by_print.is_some() && self.by_print == Some(Identity::of(Some(text), Some(words.own())))
    }

    /// Whether this line says again what was reported elsewhere.
    pub(crate) fn repeats(&self, other: &LastError) -> bool {
        let elsewhere = self.said_at != other.said_at;
        let says_so = match (&self.says, &other.says) {
            (Says::Message(_), Says::Message(_)) => return false,
            (Says::Error(words), Says::Error(others)) => {
                !words.own().is_empty() && words.own() == others.own()
            }
            _ => false,
        };
        elsewhere && (says_so || self.is_same(other))
    }
}

impl Words {
    /// Of an error and what it was caused by, the innermost first.
    fn of(exceptions: &[Exception]) -> Self {
        let mut values =
            exceptions.iter().rev().map(|exception| exception.value.as_deref().unwrap_or_default());
        let own = head(values.next().unwrap_or_default(), KEPT);
        if own.is_empty() || exceptions.len() == 1 {
            return Words::of_text(own);
        }
        let mut chain = String::with_capacity(4 * own.len());
        chain.push_str(own);
        for cause in values {
            if chain.len() + cause.len() > KEPT {
                break;
            }
            chain.push_str(": ");
            chain.push_str(cause);
        }
        Words { own: own.len(), chain: chain.into() }
    }

    fn of_text(text: &str) -> Self {
        let chain: Arc<str> = head(text, KEPT).into();
        Words { own: chain.len(), chain }
    }

    fn own(&self) -> &str {
        &self.chain[..self.own]
    }

    /// Whether a message says them.
    fn stand_in(&self, message: &str) -> bool {
        stands_in(self.own(), message) || stands_in(&self.chain, message)
    }

    /// Whether a text is these words, or shows them: as a report that has its causes below, or in quotes, as a derived `Debug` has them.
    fn are(&self, text: &str) -> bool {
        let own = self.own();
        !own.is_empty()
            && (text == &*self.chain
                || text.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'))
                || text.contains(&format!("{own:?}")))
    }
}

/// Whether words stand by themselves in a message: at its beginning, after a colon, in brackets or in quotes, and so that nothing is said on
/// in the same breath.
fn stands_in(words: &str, message: &str) -> bool {
    const BEFORE: [&str; 7] = [": ", "=", "(", "[", "\"", "'", "`"];
    const AFTER: [&str; 9] = [", ", "; ", ". ", ")", "]", "\"", "'", "`", "\n"];
    let begins = |before: &str| before.is_empty() || BEFORE.iter().any(|mark| before.ends_with(mark));
    let ends = |after: &str| matches!(after, "" | ".") || AFTER.iter().any(|mark| after.starts_with(mark));
    !words.is_empty()
        && message
            .match_indices(words)
            .any(|(at, _)| begins(&message[..at]) && ends(&message[at + words.len()..]))
}

fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use watchpost_protocol::{Event, Mechanism};

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

    fn named(message: &str, error: &str, line: u64) -> LastError {
        let draft = Draft::of_text(message::event(message), error.to_owned());
        LastError::of(&draft, Level::Error, Some(line)).unwrap()
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
        assert!(named("error=a", "a", 1).repeats(&named("error=a", "a", 2)), "instrument(err)");

        assert!(!of(&error.view(), Some(1)).repeats(&of(&error.view(), Some(1))), "the same line again");
        assert!(!said("no price", 1).repeats(&said("no price", 2)), "two lines that have the same words");
    }

    #[test]
    fn a_line_that_names_an_error_in_a_field_is_about_it() {
        let error = std::io::Error::other("the \"card\" was declined");
        let captured = of(&error.view(), None);
        let about = |text: String| named("request failed", &text, 1).repeats(&captured);
        assert!(about(format!("{error}")));
        assert!(about(format!("{error:?}")), "in quotes");
        assert!(!about("the card".into()));
        assert!(!about(String::new()));
        let variant = std::env::VarError::NotPresent;
        let captured = of(&variant.view(), None);
        assert!(named("no key", "NotPresent", 1).repeats(&captured), "the name of the variant says it all");
        assert!(!named("no key", "NotUnicode", 1).repeats(&captured));

        let elsewhere = named("no receipt", "declined", 2);
        assert!(!named("no refund", "declined", 1).repeats(&elsewhere), "two lines that both name one");
    }

    #[test]
    fn words_are_known_in_a_message_where_they_stand_by_themselves() {
        for (message, is_said) in [
            ("no luck", true),
            ("failed: no luck", true),
            ("failed (no luck), giving up", true),
            ("failed with 'no luck'", true),
            ("error=no luck", true),
            ("failed: no luck; trying again", true),
            ("no luck with the till", false),
            ("there is no luck", false),
            ("failed: no luckier", false),
        ] {
            assert_eq!(stands_in("no luck", message), is_said, "{message}");
        }
        assert!(!stands_in("", "anything"));
    }

    #[test]
    fn the_causes_may_follow_as_they_do_in_a_report() {
        #[derive(Debug)]
        struct Unpaid(std::num::ParseIntError);
        impl std::fmt::Display for Unpaid {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("not paid")
            }
        }
        impl Error for Unpaid {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = Unpaid("x".parse::<u8>().unwrap_err());
        let captured = of(&error.view(), None);
        assert!(said("request failed: not paid: invalid digit found in string", 1).repeats(&captured));
        assert!(said("request failed: not paid", 1).repeats(&captured));
        assert!(!said("request failed: not paid: overdrawn", 1).repeats(&captured));
    }

    #[test]
    fn of_a_long_text_the_beginning_is_kept() {
        let long = "é".repeat(KEPT);
        assert_eq!(head(&long, KEPT).len(), KEPT);
        assert_eq!(head("short", KEPT), "short");
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
