//! What the server accepts as a release and as an environment (`protocol.md` §5.3). Relay drops what it does not accept, so it is refused here, where
//! somebody can act on it.

use crate::error::InitError;

const MAX_RELEASE: usize = 200;
const MAX_ENVIRONMENT: usize = 64;

/// The release, trimmed; an empty one is none.
pub(crate) fn release(given: String) -> Result<Option<String>, InitError> {
    checked(&given, MAX_RELEASE, "latest").map_err(|()| InitError::Release(given))
}

/// The environment, trimmed; an empty one is none.
pub(crate) fn environment(given: String) -> Result<Option<String>, InitError> {
    checked(&given, MAX_ENVIRONMENT, "none").map_err(|()| InitError::Environment(given))
}

/// A boolean as the protocol writes it: `None` for anything else.
#[must_use]
pub fn parse_bool(value: Option<&str>) -> Option<bool> {
    match value?.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn checked(given: &str, max: usize, reserved: &str) -> Result<Option<String>, ()> {
    let name = given.trim_matches(' ');
    let refused = name.len() > max
        || name == "."
        || name == ".."
        || name.eq_ignore_ascii_case(reserved)
        || name.contains(|char: char| matches!(char, '/' | '\\' | '\u{7f}') || char < ' ');
    if refused {
        return Err(());
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{environment, release};

    #[test]
    fn the_table_of_the_protocol() {
        for good in ["shop@1.4.0+77", "a1b2c3d", "v 1"] {
            assert_eq!(release(good.into()), Ok(Some(good.into())));
        }
        for bad in [".", "..", "Latest", "a/b", "a\\b", "a\tb", &"x".repeat(201)] {
            assert!(release((*bad).into()).is_err(), "{bad:?}");
        }
        assert_eq!(environment("prod-eu".into()), Ok(Some("prod-eu".into())));
        for bad in ["None", "a/b", &"x".repeat(65)] {
            assert!(environment((*bad).into()).is_err(), "{bad:?}");
        }
        assert_eq!((release(String::new()), environment("  ".into())), (Ok(None), Ok(None)));
    }
}
