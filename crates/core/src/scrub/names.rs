//! Names that others chose: of headers, cookies and query parameters. A part of one says enough.

use std::borrow::Cow;

use super::keys::fold;
use super::{FILTERED, text};

/// Parts of a name that make its value a secret (§16.3), by the letter that they begin with.
fn terms(letter: u8) -> &'static [&'static str] {
    match letter {
        b'a' => &["auth"],
        b'b' => &["bearer"],
        b'c' => &["csrf", "credentials"],
        b'i' => &["identity"],
        b'j' => &["jwt"],
        b'k' => &["key"],
        b'p' => &["password", "passwd", "pwd"],
        b's' => &["secret", "sso", "saml", "session", "sid"],
        b't' => &["token"],
        b'x' => &["xsrf"],
        _ => &[],
    }
}

/// The same for cookies only, as far as the terms above do not say it already (§7.3).
fn cookie_terms(letter: u8) -> &'static [&'static str] {
    match letter {
        b'_' => &["__secure-", "__host-"],
        b'2' => &["2fa"],
        b'm' => &["mfa"],
        b'n' => &["nonce"],
        b'o' => &["oidc"],
        b'p' => &["pkce"],
        b'r' => &["remember"],
        _ => &[],
    }
}

fn address_terms(letter: u8) -> &'static [&'static str] {
    if letter == b'f' { &["forwarded-for"] } else { &[] }
}

/// Headers that hold a cookie, or the address of the client as RFC 7239 writes it.
const PERSONAL_HEADERS: [&str; 3] = ["cookie", "set-cookie", "forwarded"];

/// Whether a name, as of a header, a query parameter or a form field, says that its value is a secret: in any case, and by a part.
///
/// ```
/// use watchpost_core::scrub::names_a_secret;
///
/// assert!(names_a_secret("X-Api-Key") && names_a_secret("user_password"));
/// assert!(!names_a_secret("page"));
/// ```
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    contains(name, terms)
}

pub(super) fn cookie_names_a_secret(name: &str) -> bool {
    names_a_secret(name) || contains(name, cookie_terms)
}

/// Whether a header is about a person: a cookie, or the client's address, whichever proxy named it (`X-Real-IP`, `CF-Connecting-IP`,
/// `X-Original-Forwarded-For`).
pub(super) fn names_a_person(header: &str) -> bool {
    let bytes = header.as_bytes();
    let end = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    PERSONAL_HEADERS.iter().any(|personal| equal(bytes, personal))
        || contains(header, address_terms)
        || equal(end, "-ip")
}

/// The value of a header as instrumentation may collect it: without `send_default_pii` neither of a person nor a secret. Of one that
/// is an address (`Referer`), what [`url`](super::url) takes out is gone.
///
/// ```
/// use watchpost_core::scrub::header;
///
/// assert_eq!(header("X-Real-IP", "192.0.2.7", false), "[Filtered]");
/// assert_eq!(header("X-Real-IP", "192.0.2.7", true), "192.0.2.7");
/// ```
#[must_use]
pub fn header<'a>(name: &str, value: &'a str, send_default_pii: bool) -> Cow<'a, str> {
    if send_default_pii {
        Cow::Borrowed(value)
    } else if names_a_person(name) || names_a_secret(name) {
        Cow::Borrowed(FILTERED)
    } else {
        text::any(value, &names_a_secret)
    }
}

/// Whether one of the terms stands anywhere in a name.
fn contains(name: &str, terms: fn(u8) -> &'static [&'static str]) -> bool {
    let name = name.as_bytes();
    let begins = |rest: &[u8], term: &str| rest.get(..term.len()).is_some_and(|part| equal(part, term));
    let found = |(at, first): (usize, &u8)| terms(fold(*first)).iter().any(|term| begins(&name[at..], term));
    name.iter().enumerate().any(found)
}

fn equal(bytes: &[u8], name: &str) -> bool {
    bytes.len() == name.len() && bytes.iter().zip(name.bytes()).all(|(a, b)| fold(*a) == fold(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_name_a_person_or_a_secret_go_without_consent() {
        for name in [
            "Cookie",
            "authorization",
            "X-Forwarded-For",
            "x-real-ip",
            "CF-Connecting-IP",
            "Forwarded",
            "X-Api-Key",
            "Proxy-Authorization",
            "SET_COOKIE",
        ] {
            assert_eq!(header(name, "v", false), FILTERED, "{name}");
            assert_eq!(header(name, "v", true), "v", "{name}");
        }
        for name in ["accept", "ip", "", "é-", "x-forwarded-proto"] {
            assert_eq!(header(name, "text/html", false), "text/html", "{name}");
        }
        assert_eq!(header("referer", "/a?page=1&token=2", false), "/a?page=1&token=[Filtered]");
        assert_eq!(header("location", "http://ann:pw@h/", false), "http://[Filtered]:[Filtered]@h/");
    }

    #[test]
    fn cookies_have_terms_of_their_own() {
        assert!(cookie_names_a_secret("__Host-cart") && cookie_names_a_secret("remember_me"));
        assert!(!names_a_secret("__Host-cart") && !cookie_names_a_secret("theme"));
    }
}
