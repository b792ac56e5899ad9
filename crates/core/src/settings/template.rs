//! Variables in the texts of a file: `${VAR}` and `${VAR:-default}` (features C05).

use crate::error::InitError;

/// The text with the values of its variables. What looks like a variable inside of a value or a default is left as it is.
pub(super) fn expand(
    option: &'static str,
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, InitError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            // `$${` is how a plain `${` is written.
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        let malformed = || InitError::Template { option, given: text.to_owned() };
        let (inside, behind) = after.split_once('}').ok_or_else(malformed)?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(malformed());
        }
        expanded.push_str(before);
        match (lookup(name), default) {
            (Some(value), None) => expanded.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => expanded.push_str(&value),
            (_, Some(default)) => expanded.push_str(default),
            (None, None) => return Err(InitError::Unset { option, variable: name.to_owned() }),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Whether the text is a variable and nothing else.
pub(super) fn is_variable(text: &str) -> bool {
    text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(is_name)
}

fn is_name(name: &str) -> bool {
    let fits = |char: char| char.is_ascii_alphanumeric() || char == '_';
    !name.is_empty() && name.chars().all(fits) && !name.starts_with(|char: char| char.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, InitError> {
        expand("release", text, &|name| match name {
            "NAME" => Some("shop".to_owned()),
            "EMPTY" => Some(String::new()),
            "ODD" => Some("${NAME}".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn variables_and_their_defaults() {
        for (text, expected) in [
            ("plain $5 {x}", "plain $5 {x}"),
            ("${NAME}", "shop"),
            ("${NAME}@${VERSION:-1.0}", "shop@1.0"),
            ("${EMPTY}|${EMPTY:-or}", "|or"),
            ("${NONE:-}", ""),
            ("${NONE:-a:-b}", "a:-b"),
            ("$${NAME}", "${NAME}"),
            ("${ODD}", "${NAME}"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = expanded("a-${NO_SUCH}").unwrap_err();
        assert_eq!(error, InitError::Unset { option: "release", variable: "NO_SUCH".into() });
        assert_eq!(
            error.to_string(),
            "invalid option release: the variable NO_SUCH is not set, and ${NO_SUCH} has no default"
        );
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for text in ["${NAME", "${}", "${1A}", "${A B}", "${A-b}"] {
            let error = expanded(text).unwrap_err();
            assert!(error.to_string().contains("expected ${VARIABLE} or ${VARIABLE:-default}"), "{error}");
        }
    }
}
