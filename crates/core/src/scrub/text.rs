//! Secrets in text: in URLs, query strings and cookies. Text without any is neither copied nor allocated.

use std::borrow::Cow;

use memchr::memchr3;

use super::FILTERED;
use super::names::names_a_secret;

/// Says of the name of a parameter whether its value is a secret.
pub(super) type IsSecret<'a> = &'a dyn Fn(&str) -> bool;

/// What begins a pair, or ends one: older forms divide by `;`, a value may be a URL with a query, and a fragment may hold what OAuth puts
/// there.
const DIVIDERS: [char; 4] = ['&', ';', '?', '#'];

/// A URL without the name and password before its host, and without the values of secret parameters; the keys stay. A path with a query
/// will do, and so will what only looks like a URL.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::scrub::url;
///
/// assert_eq!(url("https://ann:pw@api.test/v1?token=1&page=2"), "https://[Filtered]:[Filtered]@api.test/v1?token=[Filtered]&page=2");
/// assert_eq!(url("/v1?page=2"), "/v1?page=2");
/// ```
#[must_use]
pub fn url(url: &str) -> Cow<'_, str> {
    let mut rewrite = Rewrite::of(url, &names_a_secret);
    rewrite.url(0, url.len());
    rewrite.done()
}

/// A query string without the values of secret parameters; the keys stay.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::scrub::query;
///
/// assert_eq!(query("token=1&page=2"), "token=[Filtered]&page=2");
/// assert_eq!(query("page=2"), "page=2");
/// ```
#[must_use]
pub fn query(query: &str) -> Cow<'_, str> {
    pairs(query, &names_a_secret)
}

/// As [`query`], where something else says what a secret is.
pub(super) fn pairs<'a>(text: &'a str, is_secret: IsSecret<'_>) -> Cow<'a, str> {
    let mut rewrite = Rewrite::of(text, is_secret);
    rewrite.pairs(0, text.len());
    rewrite.done()
}

/// Any text: each of its words is taken for a URL.
pub(super) fn any<'a>(text: &'a str, is_secret: IsSecret<'_>) -> Cow<'a, str> {
    if memchr3(b'?', b'#', b'@', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut rewrite = Rewrite::of(text, is_secret);
    let mut start = 0;
    // What may not stand in a URL; all else may, brackets and quotes included.
    for word in text.split([' ', '\t', '\r', '\n', '"', '<', '>', '`']) {
        rewrite.url(start, start + word.len());
        start += word.len() + 1;
    }
    rewrite.done()
}

/// The text of a `Cookie` header. A cookie without a name is a secret (§7.3).
pub(super) fn cookies<'a>(text: &'a str, is_secret: IsSecret<'_>) -> Cow<'a, str> {
    let mut rewrite = Rewrite::of(text, is_secret);
    let mut start = 0;
    for cookie in text.split(';') {
        let end = start + cookie.len();
        let first = end - cookie.trim_start().len();
        match cookie.trim().split_once('=') {
            Some((name, _)) if is_secret(name.trim_end()) || name.is_empty() => {
                rewrite.put(first + name.len() + 1, end, FILTERED);
            }
            None if first < end => rewrite.put(first, end, FILTERED),
            _ => {}
        }
        start = end + 1;
    }
    rewrite.done()
}

/// A text of which parts are replaced, from the left to the right. It is copied at the first.
struct Rewrite<'a, 's> {
    from: &'a str,
    is_secret: IsSecret<'s>,
    /// Everything up to `read`, with its replacements; unused before the first.
    to: String,
    read: usize,
}

impl<'a, 's> Rewrite<'a, 's> {
    fn of(from: &'a str, is_secret: IsSecret<'s>) -> Self {
        Rewrite { from, is_secret, to: String::new(), read: 0 }
    }

    /// Every name and password of the piece, then its pairs.
    fn url(&mut self, start: usize, end: usize) {
        let mut at = start;
        loop {
            let rest = self.part(at, end);
            let path = rest.find(['?', '#']).unwrap_or(rest.len());
            let Some(scheme) = self.part(at, at + path).find("://") else {
                return self.pairs(at + path, end);
            };
            at += scheme + "://".len();
            let credentials = credentials(self.part(at, end));
            if !credentials.is_empty() {
                let both = credentials.contains(':');
                self.put(at, at + credentials.len(), if both { "[Filtered]:[Filtered]" } else { FILTERED });
                at += credentials.len();
            }
        }
    }

    fn pairs(&mut self, start: usize, end: usize) {
        let mut at = start;
        for pair in self.part(start, end).split(DIVIDERS) {
            if let Some((key, value)) = pair.split_once('=') {
                let from = at + key.len() + 1;
                if (self.is_secret)(key) {
                    self.put(from, from + value.len(), FILTERED);
                } else if value.contains('@') {
                    self.url(from, from + value.len());
                }
            }
            at += pair.len() + 1;
        }
    }

    fn put(&mut self, start: usize, end: usize, with: &str) {
        if self.part(start, end) == with {
            return; // it was taken out before
        }
        let before = self.part(self.read, start);
        self.to.push_str(before);
        self.to.push_str(with);
        self.read = end;
    }

    fn part(&self, start: usize, end: usize) -> &'a str {
        self.from.get(start..end).unwrap_or_default()
    }

    fn done(mut self) -> Cow<'a, str> {
        if self.read == 0 {
            return Cow::Borrowed(self.from);
        }
        let rest = self.part(self.read, self.from.len());
        self.to.push_str(rest);
        Cow::Owned(self.to)
    }
}

/// The name and password with which `rest`, what follows the `://`, begins.
fn credentials(rest: &str) -> &str {
    let authority = rest.find(['/', '\\', '?', '#']).map_or(rest, |end| &rest[..end]);
    if let Some(at) = authority.rfind('@') {
        return &rest[..at];
    }
    // A password that nobody escaped may hold a `/`, `?` or `#`. What follows the colon is then no port.
    match authority.split_once(':') {
        Some((host, port)) if !host.starts_with('[') && !port.bytes().all(|byte| byte.is_ascii_digit()) => {
            rest.rfind('@').map_or("", |at| &rest[..at])
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_go_wherever_a_url_begins() {
        for (given, expected) in [
            (
                "https://u:p@api.test/v1/a?token=1&b=2#frag",
                "https://[Filtered]:[Filtered]@api.test/v1/a?token=[Filtered]&b=2#frag",
            ),
            ("https://ann@h", "https://[Filtered]@h"),
            ("postgres://u:p@ss@db:5432/shop", "postgres://[Filtered]:[Filtered]@db:5432/shop"),
            ("postgres://u:p/s?s#@db/shop", "postgres://[Filtered]:[Filtered]@db/shop"),
            ("/p?next=https://u:p@h/&sid=1", "/p?next=https://[Filtered]:[Filtered]@h/&sid=[Filtered]"),
            ("https://a/https://u:p@b/", "https://a/https://[Filtered]:[Filtered]@b/"),
            ("/cb#access_token=abc&state=1", "/cb#access_token=[Filtered]&state=1"),
            ("/a?x=1;token=2", "/a?x=1;token=[Filtered]"),
            ("/a?next=/b?token=2", "/a?next=/b?token=[Filtered]"),
            ("/a?token=", "/a?token=[Filtered]"),
        ] {
            assert_eq!(url(given), expected);
            assert!(matches!(url(expected), Cow::Borrowed(_)), "{expected}: once is enough");
        }
    }

    #[test]
    fn what_holds_no_secret_is_not_copied() {
        for text in [
            "",
            "?",
            "#",
            "=",
            "@",
            "://",
            "http://localhost:8000",
            "https://blog.test/@ann?page=1#top",
            "ann@shop.test",
            "http://[::1]:80/?x=a@b",
            "SELECT * FROM t WHERE token = ?",
            "é?é=é&日=本",
        ] {
            assert!(matches!(url(text), Cow::Borrowed(_)), "{text}");
            assert!(matches!(any(text, &names_a_secret), Cow::Borrowed(_)), "{text}");
        }
        assert!(matches!(any("is it issue #5? token=1", &names_a_secret), Cow::Borrowed(_)));
    }

    #[test]
    fn urls_are_found_in_text() {
        let found = any("GET https://u:p@h/?key=1: failed (see /a?pwd=é) <http://x@y>", &names_a_secret);
        assert_eq!(
            found,
            "GET https://[Filtered]:[Filtered]@h/?key=[Filtered] failed (see /a?pwd=[Filtered] <http://[Filtered]@y>"
        );
    }

    #[test]
    fn cookies_keep_their_names() {
        let filtered = |text| cookies(text, &names_a_secret);
        assert_eq!(filtered("a=1; session=xyz; junk; b=2=3"), "a=1; session=[Filtered]; [Filtered]; b=2=3");
        assert_eq!(filtered("=x;sid = y"), "=[Filtered];sid =[Filtered]");
        for plain in ["", ";", "a=1", "a=1; b=", "session=[Filtered]; [Filtered]"] {
            assert!(matches!(filtered(plain), Cow::Borrowed(_)), "{plain}");
        }
    }
    /// Any text at all: there is no panic, and what was filtered once is not filtered further.
    #[test]
    fn once_is_enough_for_any_text() {
        const PARTS: [&str; 22] = [
            "://", "@", ":", "/", "?", "#", "&", ";", "=", " ", "\"", "<", "\\", "[", "]", "token", "http",
            "80", "é", "日", "", FILTERED,
        ];
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..5_000 {
            let text: String = (0..rng.usize(..12)).map(|_| PARTS[rng.usize(..PARTS.len())]).collect();
            let once = [any, pairs, cookies].map(|filter| filter(&text, &names_a_secret).into_owned());
            for (once, filter) in once.iter().zip([any, pairs, cookies]) {
                assert_eq!(filter(once, &names_a_secret), *once, "{text}");
            }
            let whole = url(&text).into_owned();
            assert_eq!(url(&whole), whole, "{text}");
        }
    }
}
