//! Which name was probably meant.

/// The name that is nearest to what was written, unless that is something else altogether.
pub(super) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(given);
    let far = plain.len() / 3 + 1;
    names
        .map(|name| (distance(&plain, &self::plain(name)), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= far)
        .map(|(_, name)| name)
}

/// `tracesSampleRate`, `traces-sample-rate` and `traces_sample_rate` are one.
fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many characters have to be put in, taken out or changed to make one of the other (Levenshtein), row by row.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, have) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, want) in to.iter().enumerate() {
            let changed = diagonal + usize::from(have != want);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_meant() {
        let names = || ["dsn", "release", "sample_rate", "traces_sample_rate"].into_iter();
        for (given, meant) in [
            ("traces_samplerate", Some("traces_sample_rate")),
            ("tracesSampleRate", Some("traces_sample_rate")),
            ("relase", Some("release")),
            ("DSN", Some("dsn")),
            ("colour", None),
        ] {
            assert_eq!(nearest(given, names()), meant, "{given}");
        }
    }

    #[test]
    fn distances() {
        let distance = |a: &str, b: &str| super::distance(&plain(a), &plain(b));
        assert_eq!((distance("", ""), distance("ab", ""), distance("", "ab")), (0, 2, 2));
        assert_eq!((distance("kitten", "sitting"), distance("flaw", "lawn")), (3, 2));
    }
}
