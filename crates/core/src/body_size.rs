//! How much of a request's body may be reported (`protocol.md` §16.5, features I25).

use std::fmt;
use std::str::FromStr;

/// How large the body of a request may be to be reported; a larger one is left out as a whole.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::MaxRequestBodySize;
///
/// assert_eq!("small".parse(), Ok(MaxRequestBodySize::Small));
/// assert_eq!(MaxRequestBodySize::default().bytes(), 10_000);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MaxRequestBodySize {
    /// No body.
    Never,
    /// Up to 1 000 bytes.
    Small,
    /// Up to 10 000 bytes.
    #[default]
    Medium,
    /// Up to 500 000 bytes: half of what the server takes for an event, so that a body never costs the report that it is in.
    Always,
}

impl MaxRequestBodySize {
    /// The limit in bytes; a body of just that size is reported.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            MaxRequestBodySize::Never => 0,
            MaxRequestBodySize::Small => 1_000,
            MaxRequestBodySize::Medium => 10_000,
            MaxRequestBodySize::Always => 500_000,
        }
    }
}

impl fmt::Display for MaxRequestBodySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MaxRequestBodySize::Never => "never",
            MaxRequestBodySize::Small => "small",
            MaxRequestBodySize::Medium => "medium",
            MaxRequestBodySize::Always => "always",
        })
    }
}

/// Text that is none of `never`, `small`, `medium` and `always`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseMaxRequestBodySizeError(String);

impl fmt::Display for ParseMaxRequestBodySizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid size of a request body {:?}: expected never, small, medium or always", self.0)
    }
}

impl std::error::Error for ParseMaxRequestBodySizeError {}

impl FromStr for MaxRequestBodySize {
    type Err = ParseMaxRequestBodySizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Never, Self::Small, Self::Medium, Self::Always];
        let found = all.into_iter().find(|size| text.eq_ignore_ascii_case(&size.to_string()));
        found.ok_or_else(|| ParseMaxRequestBodySizeError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_as_it_is_written_and_nothing_else_is() {
        for (text, bytes) in [("never", 0), ("small", 1_000), ("MEDIUM", 10_000), ("always", 500_000)] {
            let size: MaxRequestBodySize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string()), (bytes, text.to_ascii_lowercase()));
        }
        let error = "large".parse::<MaxRequestBodySize>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid size of a request body \"large\": expected never, small, medium or always"
        );
    }
}
