//! Cutting text that is too long (`protocol.md` §16.6, §16.7).

use crate::meta::{Annotation, Remark};

/// What was cut off a text, for the `_meta` tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation {
    /// How many bytes there were.
    pub original: usize,
    /// Where the ellipsis begins and ends: the last bytes of the limit.
    pub range: (usize, usize),
}

impl Truncation {
    /// Says so of the text, besides what is said of it already.
    pub fn note(self, said: &mut Annotation) {
        let (start, end) = self.range;
        said.len = Some(self.original as u64);
        said.rem.push(Remark { range: Some((start as u64, end as u64)), ..Remark::CUT });
    }
}

/// Cuts `text` to at most `max` bytes of UTF-8, at a character, and puts `...` in the place of the last three. `None` if it fits.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// let mut text = String::from("日本語テキスト");
/// let cut = watchpost::protocol::truncate(&mut text, 10);
/// assert_eq!(text, "日本...");
/// assert_eq!(cut.map(|cut| cut.range), Some((7, 10)));
/// ```
pub fn truncate(text: &mut String, max: usize) -> Option<Truncation> {
    let original = text.len();
    if original <= max {
        return None;
    }
    let keep = max.saturating_sub(3);
    text.truncate(head(text, keep).len());
    text.push_str(&"..."[..max.min(3)]);
    Some(Truncation { original, range: (keep, max) })
}

/// The beginning of a text: at most `max` bytes of it, to the end of a character.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::truncate::head;
///
/// assert_eq!((head("日本", 5), head("日本", 6), head("日本", 7)), ("日", "日本", "日本"));
/// ```
#[must_use]
pub fn head(text: &str, max: usize) -> &str {
    // The standard library's own is newer than our oldest compiler.
    let end = (0..=max.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_annotation_counts_bytes() {
        let mut text = String::from("éééé");
        let mut said = Annotation { rem: vec![Remark::SUBSTITUTED], ..Annotation::default() };
        truncate(&mut text, 7).unwrap().note(&mut said);
        assert_eq!(
            (text.as_str(), json!(said)),
            ("éé...", json!({"len": 8, "rem": [["!config", "s"], ["!limit", "x", 4, 7]]}))
        );
        assert_eq!((truncate(&mut text, 7), text.as_str()), (None, "éé..."));
    }

    #[test]
    fn never_longer_than_the_limit_and_always_text() {
        for max in 0..30 {
            let mut text = String::from("aé日🦀aé日🦀");
            let cut = truncate(&mut text, max);
            assert!(text.len() <= max.max(20) && (cut.is_none() || text.len() <= max), "{max}: {text}");
            assert_eq!(cut.is_some(), max < 20);
        }
    }
}
