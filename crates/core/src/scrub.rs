//! What must not leave the process by itself: values under keys that name a secret (`protocol.md` §16.3).

use std::borrow::Cow;

/// What stands in the place of a value that was taken out.
pub const FILTERED: &str = "[Filtered]";

/// Parts of a name that make its value a secret, in whatever case.
const TERMS: [&str; 17] = [
    "auth",
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "key",
    "jwt",
    "bearer",
    "sso",
    "saml",
    "csrf",
    "xsrf",
    "credentials",
    "session",
    "sid",
    "identity",
];

/// Headers that hold a cookie, or the address of the client as RFC 7239 writes it; they stay only with `send_default_pii` (§16.4).
const PERSONAL_HEADERS: [&str; 3] = ["cookie", "set-cookie", "forwarded"];

/// Whether a name, as of a header, a query parameter or a form field, says that its value is a secret.
///
/// ```
/// use watchpost_core::scrub::names_a_secret;
///
/// assert!(names_a_secret("X-Api-Key") && names_a_secret("user_password"));
/// assert!(!names_a_secret("page"));
/// ```
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    TERMS.iter().any(|term| contains(name, term))
}

fn contains(name: &str, term: &str) -> bool {
    name.as_bytes().windows(term.len()).any(|part| part.eq_ignore_ascii_case(term.as_bytes()))
}

/// Whether a header holds the client's address, whichever proxy named it: `X-Real-IP`, `CF-Connecting-IP`, `X-Original-Forwarded-For`.
fn names_the_client(name: &str) -> bool {
    let end = name.len().saturating_sub(3);
    contains(name, "forwarded-for") || name.as_bytes()[end..].eq_ignore_ascii_case(b"-ip")
}

/// The value of a header as it may be sent. Of one that is an address (`Referer`), the query is filtered as the request's own.
#[must_use]
pub fn header<'a>(name: &str, value: &'a str, send_default_pii: bool) -> Cow<'a, str> {
    if send_default_pii {
        return Cow::Borrowed(value);
    }
    let personal = PERSONAL_HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header));
    if personal || names_the_client(name) || names_a_secret(name) {
        return Cow::Borrowed(FILTERED);
    }
    match value.split_once('?').map(|(address, rest)| (address, query(rest))) {
        Some((address, Cow::Owned(filtered))) => Cow::Owned(format!("{address}?{filtered}")),
        _ => Cow::Borrowed(value),
    }
}

/// A query string with the values of secrets taken out; the keys stay.
///
/// ```
/// use watchpost_core::scrub::query;
///
/// assert_eq!(query("token=1&page=2"), "token=[Filtered]&page=2");
/// assert_eq!(query("page=2"), "page=2");
/// ```
#[must_use]
pub fn query(query: &str) -> Cow<'_, str> {
    let secret = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| names_a_secret(key));
    if !query.split('&').any(secret) {
        return Cow::Borrowed(query);
    }
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if names_a_secret(key) => format!("{key}={FILTERED}"),
        _ => pair.to_owned(),
    });
    Cow::Owned(pairs.collect::<Vec<_>>().join("&"))
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
        ] {
            assert_eq!(header(name, "v", false), FILTERED, "{name}");
            assert_eq!(header(name, "v", true), "v", "{name}");
        }
        assert_eq!(header("accept", "text/html", false), "text/html");
        assert_eq!(header("ip", "-", false), "-");
        assert_eq!(header("referer", "/a?page=1&token=2", false), "/a?page=1&token=[Filtered]");
    }
}
