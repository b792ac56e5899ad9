//! A set of names, folded and sorted once, in which a key is found without being folded.

/// Names in which case does not count, and `-` is `_`.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet {
    /// Folded and sorted.
    names: Vec<Box<[u8]>>,
    /// By the low bits of a name's first letter, which lengths there are: this refuses nearly every key before the names are searched.
    lengths: [u64; LETTERS],
}

/// As many as the low bits of a letter tell apart, `-` and `_` included.
const LETTERS: usize = 32;

/// A name so long or longer shares the last bit.
const LONG: usize = 63;

impl KeySet {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = KeySet::default();
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            let name: Box<[u8]> = name.bytes().map(fold).collect();
            if let Some(lengths) = set.lengths.get_mut(letter(&name)) {
                *lengths |= 1 << name.len().min(LONG);
            }
            if let Err(at) = set.names.binary_search(&name) {
                set.names.insert(at, name);
            }
        }
        set
    }

    /// Whether the key is one of the names, or ends in one after a dot: `db.password` is a `password`.
    pub(super) fn has(&self, key: &str) -> bool {
        let mut rest = key.as_bytes();
        while !self.has_whole(rest) {
            let Some(dot) = rest.iter().position(|byte| *byte == b'.') else { return false };
            rest = &rest[dot + 1..];
        }
        true
    }

    fn has_whole(&self, key: &[u8]) -> bool {
        let folded = || key.iter().copied().map(fold);
        let lengths = self.lengths.get(letter(key)).copied().unwrap_or_default();
        lengths >> key.len().min(LONG) & 1 == 1
            && self.names.binary_search_by(|name| name.iter().copied().cmp(folded())).is_ok()
    }
}

/// The same in any spelling.
fn letter(name: &[u8]) -> usize {
    name.first().map_or(0, |first| usize::from(fold(*first)) % LETTERS)
}

pub(super) const fn fold(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_any_spelling_but_only_whole() {
        let set = KeySet::new(["api-key", "connect.sid", "PASSWORD", ""]);
        for key in
            ["api_key", "API-Key", "http.Api_Key", "password", "a.b.PassWord", "connect.sid", "x.Connect.SID"]
        {
            assert!(set.has(key), "{key}");
        }
        let long = "x".repeat(70);
        assert!(KeySet::new([&*long]).has(&long) && !KeySet::new([&*long]).has(&long[1..]));
        for key in ["", ".", "apikey", "my_api_key", "api_key_id", "password.hint", "sid", "pässword", "."] {
            assert!(!set.has(key), "{key}");
        }
    }
}
