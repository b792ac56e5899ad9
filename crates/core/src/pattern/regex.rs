//! Regular expressions as patterns.
//!
//! By `regex-lite`: it adds one crate, two seconds of compiling and 100 kB to a program; `regex` adds five crates and 1.8 MB. What it lacks is speed
//! on long texts and the properties of Unicode, neither of which names and URLs have a use for.

use std::fmt;
use std::sync::Arc;

use regex_lite::Regex;

use super::{Matcher, Pattern};
use crate::error::InitError;

impl Pattern {
    /// A regular expression, in the syntax of [`regex_lite`]. It is searched for in a URL; of a name it has to match the whole.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use watchpost::{Options, Pattern};
    ///
    /// let options = Options::new().trace_propagation_targets([Pattern::regex("^https://(api|auth)[.]example[.]com/")?]);
    /// # Ok::<(), watchpost_core::InitError>(())
    /// ```
    ///
    /// # Errors
    /// [`InitError::Pattern`] for what is no regular expression.
    pub fn regex(expression: &str) -> Result<Self, InitError> {
        let invalid = |error: regex_lite::Error| InitError::Pattern {
            given: expression.to_owned(),
            error: error.to_string(),
        };
        let part = Regex::new(expression).map_err(invalid)?;
        let whole = Regex::new(&format!(r"\A(?:{expression})\z")).map_err(invalid)?;
        Ok(Pattern(Arc::new(Expression { part, whole })))
    }
}

struct Expression {
    part: Regex,
    whole: Regex,
}

impl Matcher for Expression {
    fn is_in(&self, text: &str) -> bool {
        self.part.is_match(text)
    }

    fn is(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.part.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_searched_for_or_matches_the_whole() {
        let health = Pattern::regex("/hea|/health").unwrap();
        assert!(health.is_in("http://a/health/live"));
        assert!(health.is("/health"), "the first alternative is too short, the second is not");
        assert!(!health.is("/health/live"));
    }

    #[test]
    fn what_is_no_expression_is_named() {
        let error = Pattern::regex("a(b").unwrap_err().to_string();
        assert!(error.starts_with("invalid pattern \"a(b\": "), "{error}");
    }
}
