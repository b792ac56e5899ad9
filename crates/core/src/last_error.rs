//! Which error a unit of work has reported last, so that the same one is not reported again on its way out.

use std::hash::{DefaultHasher, Hash, Hasher};

use watchpost_protocol::{Event, Level};

/// What tells one error from another within a unit of work. Errors have no identity; its type and its text together are as good as one among
/// the few of a request, and would not be among all of a program (`protocol.md` §20.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastError(u64);

impl LastError {
    /// Of an event that is of an error; `None` for a message below that level.
    pub(crate) fn of(event: &Event, default_level: Level) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        match event.exception.last() {
            Some(exception) => (&exception.ty, &exception.value).hash(&mut hasher),
            None if event.level.unwrap_or(default_level) < Level::Error => return None,
            None => event.logentry.as_ref().map(|entry| &entry.formatted).hash(&mut hasher),
        }
        Some(LastError(hasher.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain::{self, Named};

    #[test]
    fn an_error_is_known_by_its_type_and_its_text() {
        let of = |error: Named<'_>| LastError::of(&error_chain::event(error), Level::Error);
        let [a, b] = ["x", ""].map(|text| text.parse::<u8>().unwrap_err());
        assert_eq!(of(Named::of(&&a)), of(Named::of(&&a.clone())));
        assert_ne!(of(Named::of(&&a)), of(Named::of(&&b)), "another text");
        assert_ne!(of(Named::of(&&a)), of(Named::of(&&"x".parse::<bool>().unwrap_err())), "another type");
    }

    #[test]
    fn a_message_is_no_error_unless_its_level_says_so() {
        let message = crate::message::event("hello");
        assert_eq!(LastError::of(&message, Level::Info), None);
        assert!(LastError::of(&message, Level::Error).is_some());
        assert_eq!(LastError::of(&Event { level: Some(Level::Warning), ..message }, Level::Error), None);
    }
}
