//! Names that others chose: of headers, cookies and query parameters. A part of one says enough.

use std::borrow::Cow;

use super::keys::fold;
use super::{FILTERED, text};

/// Parts of a name that make its value a secret (§16.3).
static TERMS: Terms = Terms::new(&[
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
]);

/// The same for cookies only, as far as the terms above do not say it already (§7.3).
static COOKIE_TERMS: Terms =
    Terms::new(&["remember", "oidc", "pkce", "nonce", "__secure-", "__host-", "mfa", "2fa"]);

/// What the header has in its name that proxies add to.
static ADDRESS_TERMS: Terms = Terms::new(&["forwarded-for"]);

/// Headers that hold a cookie, or the address of the client as RFC 7239 writes it.
const PERSONAL_HEADERS: [&str; 3] = ["cookie", "set-cookie", "forwarded"];

/// Whether a name, as of a header, a query parameter or a form field, says that its value is a secret: in any case, and by a part.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::scrub::names_a_secret;
///
/// assert!(names_a_secret("X-Api-Key") && names_a_secret("user_password"));
/// assert!(!names_a_secret("page"));
/// ```
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    TERMS.are_in(name)
}

pub(super) fn cookie_names_a_secret(name: &str) -> bool {
    names_a_secret(name) || COOKIE_TERMS.are_in(name)
}

/// Whether a header is about a person: a cookie, or the client's address, whichever proxy named it (`X-Real-IP`, `CF-Connecting-IP`,
/// `X-Original-Forwarded-For`).
pub(super) fn names_a_person(header: &str) -> bool {
    let bytes = header.as_bytes();
    let end = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    PERSONAL_HEADERS.iter().any(|personal| equal(bytes, personal))
        || ADDRESS_TERMS.are_in(header)
        || equal(end, "-ip")
}

/// The value of a header as instrumentation may collect it: without `send_default_pii` neither of a person nor a secret. Of one that
/// is an address (`Referer`), what [`url`](super::url) takes out is gone.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::scrub::header;
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

/// Terms that may stand anywhere in a name.
struct Terms {
    all: &'static [&'static str],
    /// By the low bits of a first letter, which second letters there are: this refuses nearly every place in a name.
    begin: [u32; LETTERS],
    /// How long the shortest is.
    shortest: usize,
}

/// As many as the low bits of a letter tell apart, in either case.
const LETTERS: usize = 32;

impl Terms {
    /// Each has two letters at least.
    const fn new(all: &'static [&'static str]) -> Self {
        let (mut begin, mut shortest, mut at) = ([0; LETTERS], usize::MAX, 0);
        while at < all.len() {
            let term = all[at].as_bytes();
            let seconds = bit(term[1]) | bit(either(term[1]));
            begin[low_bits(term[0])] |= seconds;
            begin[low_bits(either(term[0]))] |= seconds;
            shortest = if term.len() < shortest { term.len() } else { shortest };
            at += 1;
        }
        Terms { all, begin, shortest }
    }

    /// Whether one of them stands anywhere in a name.
    fn are_in(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let begins = |rest: &[u8], term: &str| rest.get(..term.len()).is_some_and(|part| equal(part, term));
        let last = name.len().saturating_sub(self.shortest.saturating_sub(2));
        name[..last].windows(2).enumerate().any(|(at, pair)| {
            self.begin[low_bits(pair[0])] & bit(pair[1]) != 0
                && self.all.iter().any(|term| begins(&name[at..], term))
        })
    }
}

/// Others have the same; that is found out later.
const fn low_bits(letter: u8) -> usize {
    letter as usize % LETTERS
}

const fn bit(letter: u8) -> u32 {
    1 << low_bits(letter)
}

/// The other of two that are the same in a name.
const fn either(letter: u8) -> u8 {
    match letter {
        b'_' => b'-',
        b'-' => b'_',
        other => other,
    }
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
    fn a_term_is_found_wherever_it_stands_in_any_spelling() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut found = 0;
        for _ in 0..20_000 {
            let letter = |_| char::from(b"aAeEhHkKoOtTuUyY-_."[rng.usize(..19)]);
            let name: String = (0..8).map(letter).collect();
            let folded = name.to_ascii_lowercase();
            let expected = TERMS.all.iter().any(|term| folded.contains(term));
            assert_eq!(names_a_secret(&name), expected, "{name}");
            found += usize::from(expected);
        }
        assert!(found > 10, "{found}");
        for term in TERMS.all.iter().chain(COOKIE_TERMS.all) {
            let name = format!("x-{}9", term.to_ascii_uppercase().replace('_', "-"));
            assert!(cookie_names_a_secret(&name), "{name}");
        }
    }

    #[test]
    fn cookies_have_terms_of_their_own() {
        assert!(cookie_names_a_secret("__Host-cart") && cookie_names_a_secret("remember_me"));
        assert!(!names_a_secret("__Host-cart") && !cookie_names_a_secret("theme"));
    }
}
