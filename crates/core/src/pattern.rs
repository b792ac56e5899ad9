//! Patterns: how options name the URLs, transactions and spans that they mean.

#[cfg(feature = "regex")]
mod regex;

use std::fmt;
use std::sync::Arc;

/// A text to look for, or with the feature `regex` a regular expression: by `Pattern::regex`.
///
/// What a text matches depends on what is asked: a part of a URL ([`trace_propagation_targets`]), or the whole of a name
/// ([`ignore_transactions`], [`ignore_spans`]), in which `*` stands for anything.
///
/// [`trace_propagation_targets`]: crate::Options::trace_propagation_targets
/// [`ignore_transactions`]: crate::Options::ignore_transactions
/// [`ignore_spans`]: crate::Options::ignore_spans
#[derive(Clone)]
pub struct Pattern(Arc<dyn Matcher>);

/// Finds what it looks for, in one way or another.
trait Matcher: fmt::Debug + Send + Sync {
    /// Whether some part of the text is it.
    fn is_in(&self, text: &str) -> bool;
    /// Whether the text as a whole is it.
    fn is(&self, text: &str) -> bool;
}

impl Pattern {
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.0.is_in(text)
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.is(text)
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Pattern(Arc::new(Text(text)))
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct Text(String);

impl Matcher for Text {
    fn is_in(&self, text: &str) -> bool {
        text.contains(&self.0)
    }

    fn is(&self, text: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else { return text == self.0 };
        let Some(mut text) = text.strip_prefix(start) else { return false };
        // Each part between two stars is taken where it first occurs: that leaves the most for those behind it.
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(end)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_part_or_the_whole() {
        let health = Pattern::from("/health");
        assert!(health.is_in("http://a/health/live") && !health.is("/health/live"));
        assert!(health.is_in("/health") && health.is("/health"));
        assert!(!health.is_in("/healt"));
    }

    #[test]
    fn a_star_in_a_name_is_anything() {
        for (pattern, names, others) in [
            ("*", &["", "a"][..], &[][..]),
            ("GET *", &["GET ", "GET /a"], &["POST /a", "GET"]),
            ("*/live", &["/live", "GET /a/live"], &["/live/a"]),
            ("a*b*c", &["abc", "a.b.b.c", "abcbc"], &["ab", "acb", "abcb", "bc"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("a**b", &["ab", "a*b"], &["a"]),
            ("/files/{*path}", &["/files/{*path}"], &["/files/1"]),
        ] {
            let pattern = Pattern::from(pattern);
            assert!(names.iter().all(|name| pattern.is(name)), "{pattern:?} is one of {names:?}");
            assert!(!others.iter().any(|name| pattern.is(name)), "{pattern:?} is none of {others:?}");
        }
    }

    /// Every text of so many letters at most.
    fn texts(letters: &[char], most: usize) -> Vec<String> {
        let mut texts = vec![String::new()];
        let mut shorter = 0;
        for _ in 0..most {
            let longer = texts[shorter..]
                .iter()
                .flat_map(|text| letters.iter().map(move |&letter| format!("{text}{letter}")));
            let longer: Vec<_> = longer.collect();
            shorter = texts.len();
            texts.extend(longer);
        }
        texts
    }

    /// What a star means, said as shortly as can be.
    fn means(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            ([b'*', rest @ ..], text) => (0..=text.len()).any(|at| means(rest, &text[at..])),
            ([letter, pattern @ ..], [first, text @ ..]) => letter == first && means(pattern, text),
            _ => false,
        }
    }

    #[test]
    fn every_short_pattern_is_every_short_name_that_it_means() {
        let names = texts(&['a', 'b'], 6);
        for text in texts(&['a', 'b', '*'], 5) {
            let pattern = Pattern::from(&*text);
            for name in &names {
                assert_eq!(pattern.is(name), means(text.as_bytes(), name.as_bytes()), "{text} {name}");
            }
        }
    }
}
