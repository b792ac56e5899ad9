//! A copy of everything for a receiver on this machine (`protocol.md` §19).

use std::fmt;
use std::sync::Arc;

use super::Options;
use crate::tap::Tap;

/// The address that a receiver has where nobody says otherwise.
pub(crate) const DEFAULT_URL: &str = "http://localhost:8969/stream";

/// Whether a copy goes to a receiver on this machine, and to which; for [`Options::spotlight`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Spotlight {
    /// `SENTRY_SPOTLIGHT` decides; without it, no copy.
    #[default]
    Unset,
    /// No copy, whatever the environment says.
    Off,
    /// To the address in `SENTRY_SPOTLIGHT`, else to `http://localhost:8969/stream`.
    On,
    /// To this address.
    Url(String),
}

impl From<bool> for Spotlight {
    fn from(on: bool) -> Self {
        if on { Spotlight::On } else { Spotlight::Off }
    }
}

impl From<&str> for Spotlight {
    fn from(url: &str) -> Self {
        url.to_owned().into()
    }
}

/// An address; one of the words that switch something on or off does that.
impl From<String> for Spotlight {
    fn from(url: String) -> Self {
        match crate::valid::parse_bool(Some(url.trim())) {
            Some(on) => on.into(),
            None if url.trim().is_empty() => Spotlight::Unset,
            None => Spotlight::Url(url),
        }
    }
}

impl Spotlight {
    /// Where the copy goes; `None`: there is none.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Spotlight::Unset | Spotlight::Off => None,
            Spotlight::On => Some(DEFAULT_URL),
            Spotlight::Url(url) => Some(url),
        }
    }

    /// What comes of it and of `SENTRY_SPOTLIGHT`, by the table of the protocol.
    pub(crate) fn with_environment(&self, variable: Spotlight) -> Spotlight {
        match (self, variable) {
            (Spotlight::Unset, variable) => variable,
            (Spotlight::On, Spotlight::Url(url)) => Spotlight::Url(url),
            (set, _) => set.clone(),
        }
    }
}

/// As it is written in a file; empty: it is not.
impl fmt::Display for Spotlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Spotlight::Unset => "",
            Spotlight::Off => "false",
            Spotlight::On => "true",
            Spotlight::Url(url) => url,
        })
    }
}

impl Options {
    /// Sends a copy of everything to [Spotlight](https://spotlightjs.com) or another receiver of envelopes on the developer's machine: `true`, or its
    /// address. What goes to the DSN is as it would be without it, and how long the receiver takes is nobody's concern: one that is slow or
    /// down misses what it cannot take. Traces and errors that are not sampled are copied too. Without a DSN there is only the copy: then tracing is on, every trace is kept, and
    /// `send_default_pii` is true. Not for production.
    ///
    /// Needs the facade's feature `http`. Default: `SENTRY_SPOTLIGHT`, else none.
    ///
    /// ```
    /// # use watchpost_core::Options;
    /// let options = Options::new().spotlight(true);
    /// let options = Options::new().spotlight("http://localhost:9000/stream");
    /// ```
    pub fn spotlight(mut self, receiver: impl Into<Spotlight>) -> Self {
        self.spotlight = receiver.into();
        self
    }

    /// Hands a copy of everything to the program itself, as [`spotlight`](Self::spotlight) does to its receiver, in place of which it comes; also of
    /// what is not sampled, and of what a rate limit keeps from the server. Default: none.
    pub fn tap(mut self, tap: impl Tap) -> Self {
        self.tap = Some(Arc::new(tap));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_protocol() {
        let url = |url: &str| Spotlight::Url(url.to_owned());
        for (option, variable, expected) in [
            (Spotlight::Off, url("http://h/s"), None),
            (Spotlight::On, url("http://h/s"), Some("http://h/s")),
            (Spotlight::On, Spotlight::Off, Some(DEFAULT_URL)),
            (Spotlight::On, Spotlight::Unset, Some(DEFAULT_URL)),
            (url("http://c/s"), url("http://h/s"), Some("http://c/s")),
            (Spotlight::Unset, url("http://h/s"), Some("http://h/s")),
            (Spotlight::Unset, Spotlight::On, Some(DEFAULT_URL)),
            (Spotlight::Unset, Spotlight::Off, None),
            (Spotlight::Unset, Spotlight::Unset, None),
        ] {
            assert_eq!(option.with_environment(variable.clone()).url(), expected, "{option:?} {variable:?}");
        }
    }

    #[test]
    fn words_are_switches_and_everything_else_is_an_address() {
        assert_eq!(Spotlight::from("YES"), Spotlight::On);
        assert_eq!(Spotlight::from("off"), Spotlight::Off);
        assert_eq!(Spotlight::from(" "), Spotlight::Unset);
        assert_eq!(Spotlight::from("localhost:1/s"), Spotlight::Url("localhost:1/s".into()));
    }
}
