//! What fits a tag (`protocol.md` §5.1, features X01).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The longest key that the server keeps searchable, in characters.
pub const MAX_TAG_KEY: usize = 32;

/// The longest value that the server keeps, in characters.
pub const MAX_TAG_VALUE: usize = 200;

/// Cuts a key and a value to what the server keeps, and says so once per key. A line break in a value would drop the tag: it becomes a space.
#[must_use]
pub fn fit(key: String, value: String) -> (String, String) {
    let fits = key.len() <= MAX_TAG_KEY && value.len() <= MAX_TAG_VALUE && !value.contains(['\n', '\r']);
    if fits {
        return (key, value);
    }
    let fitted_key: String = key.chars().take(MAX_TAG_KEY).collect();
    let fitted: String = value
        .chars()
        .take(MAX_TAG_VALUE)
        .map(|char| if matches!(char, '\n' | '\r') { ' ' } else { char })
        .collect();
    if crate::diag::enabled() && (fitted_key != key || fitted.len() < value.len()) && first_time(&key) {
        crate::debug!(
            "the tag {fitted_key:?} was cut: a key holds {MAX_TAG_KEY} characters and a value {MAX_TAG_VALUE}"
        );
    }
    (fitted_key, fitted)
}

fn first_time(key: &str) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    // Keys made at run time must not fill the memory: after so many, the developer knows.
    said.len() < 64 && said.insert(key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        let (key, value) = fit("k".repeat(33), "é".repeat(201));
        assert_eq!((key.len(), value.chars().count()), (32, 200));
        assert_eq!(fit("a".into(), "x\ny".into()), ("a".into(), "x y".into()));
        assert_eq!(fit("plan".into(), "pro".into()), ("plan".into(), "pro".into()));
    }
}
