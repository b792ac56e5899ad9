//! What makes an issue of its own of an error that looks to the server like another (features E17).

use watchpost_protocol::Event;

use crate::errors::is_unnamed;

/// The server's own grouping, in a fingerprint.
const DEFAULT: &str = "{{ default }}";

/// So many words tell an error from others.
const WORDS: usize = 20;

/// Errors whose type nobody knows are all of one type to the server, and of one place if one function reports them: their words tell them
/// apart. Words with digits in them tell cases apart, and are left out.
pub(super) fn by_words(event: &mut Event) {
    if !event.fingerprint.is_empty() {
        return;
    }
    let unnamed = event.exception.last().filter(|exception| is_unnamed(exception));
    if let Some(words) = unnamed.and_then(|exception| exception.value.as_deref()) {
        let words = words.split_whitespace().map(|word| if is_case(word) { "*" } else { word });
        let words = words.take(WORDS).collect::<Vec<_>>().join(" ");
        event.fingerprint = vec![DEFAULT.into(), words.into()];
    }
}

fn is_case(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Exception;

    use super::*;

    fn fingerprint_of(ty: &str, module: Option<&str>, value: &str) -> String {
        let exception = Exception {
            ty: Some(ty.to_owned()),
            value: Some(value.to_owned()),
            module: module.map(str::to_owned),
            ..Exception::default()
        };
        let mut event = Event::default();
        event.exception.push(exception);
        by_words(&mut event);
        event.fingerprint.join("|")
    }

    #[test]
    fn words_tell_apart_what_has_no_type() {
        assert_eq!(fingerprint_of("Error", None, "no order 17 of a1"), "{{ default }}|no order * of *");
        assert_eq!(fingerprint_of("shop::Error", Some("shop"), "no order 17"), "");
        assert_eq!(fingerprint_of("Error", Some("shop"), "no order 17"), "");
        assert_eq!(fingerprint_of("Declined", None, "no order 17"), "");
    }
}
