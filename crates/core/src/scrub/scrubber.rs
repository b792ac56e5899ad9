//! [`EventScrubber`]: what the program says of its own names, and the rules that are made of it.

use std::borrow::Cow;

use super::keys::KeySet;
use super::names::{cookie_names_a_secret, names_a_person, names_a_secret};

/// Names of secrets. `x_forwarded_for`, which the protocol lists here too, is a person's and stands in
/// [`DEFAULT_PII_DENYLIST`] alone.
pub const DEFAULT_DENYLIST: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "api_key",
    "apikey",
    "auth",
    "credentials",
    "mysql_pwd",
    "privatekey",
    "private_key",
    "token",
    "session",
    "csrftoken",
    "sessionid",
    "x_csrftoken",
    "set_cookie",
    "cookie",
    "authorization",
    "proxy-authorization",
    "x_api_key",
    "aiohttp_session",
    "connect.sid",
    "csrf_token",
    "csrf",
    "_csrf",
    "_csrf_token",
    "PHPSESSID",
    "_session",
    "symfony",
    "user_session",
    "_xsrf",
    "XSRF-TOKEN",
];

/// Names of what tells who somebody is; they count unless `send_default_pii` is on. The last two are the names that the
/// conventions have for the client's address among the attributes of a span.
pub const DEFAULT_PII_DENYLIST: &[&str] =
    &["x_forwarded_for", "x_real_ip", "ip_address", "remote_addr", "client.address", "http.client_ip"];

/// What people say to a model and it to them, to a tool or in a query: under the names of the conventions, today's and those of before
/// (`protocol.md` §17.3). Only `send_default_pii` lets it pass; it is on no list that a program replaces.
pub(super) const CONTENT: &[&str] = &[
    "gen_ai.system_instructions",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.embeddings.input",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.request.messages",
    "gen_ai.response.text",
    "gen_ai.response.tool_calls",
    "gen_ai.tool.input",
    "gen_ai.tool.output",
    "gen_ai.tool.message",
    "graphql.document",
];

/// Which values are taken out of everything that is sent, by the names under which they stand.
///
/// A name matches whole, in any case, with `-` for `_` or the other way round; of a dotted name the end is enough, so that `password` is
/// `db.password` too. What matches is sent as `[Filtered]`; only a user's `ip_address`, which has to be one, is left out.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::{EventScrubber, Options};
///
/// let options = Options::new().event_scrubber(EventScrubber::default().deny(["stripe_key", "iban"]));
/// ```
///
/// Headers, cookies and query parameters are held against the same lists, and besides taken by a part of their name, see
/// [`names_a_secret`](super::names_a_secret()).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct EventScrubber {
    denylist: Vec<Cow<'static, str>>,
    pii_denylist: Vec<Cow<'static, str>>,
    recursive: bool,
}

impl Default for EventScrubber {
    fn default() -> Self {
        let listed = |names: &[&'static str]| names.iter().copied().map(Cow::Borrowed).collect();
        EventScrubber {
            denylist: listed(DEFAULT_DENYLIST),
            pii_denylist: listed(DEFAULT_PII_DENYLIST),
            recursive: true,
        }
    }
}

impl EventScrubber {
    /// A scrubber with every default.
    pub fn new() -> Self {
        EventScrubber::default()
    }

    /// Adds names of secrets.
    pub fn deny<S: Into<Cow<'static, str>>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.denylist.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds names of what tells who somebody is; they count unless `send_default_pii` is on.
    pub fn deny_pii<S: Into<Cow<'static, str>>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.pii_denylist.extend(names.into_iter().map(Into::into));
        self
    }

    /// Replaces the names of secrets. Default: [`DEFAULT_DENYLIST`].
    pub fn denylist<S: Into<Cow<'static, str>>>(self, names: impl IntoIterator<Item = S>) -> Self {
        EventScrubber { denylist: Vec::new(), ..self }.deny(names)
    }

    /// Replaces the names of what tells who somebody is. Default: [`DEFAULT_PII_DENYLIST`].
    pub fn pii_denylist<S: Into<Cow<'static, str>>>(self, names: impl IntoIterator<Item = S>) -> Self {
        EventScrubber { pii_denylist: Vec::new(), ..self }.deny_pii(names)
    }

    /// Whether maps and lists within a map are searched too. Default: true.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.recursive = recursive;
        self
    }

    /// The rules of a client, which is or is not allowed to send what tells who somebody is.
    pub(crate) fn rules(&self, send_default_pii: bool) -> Rules {
        let personal = self.pii_denylist.iter().map(|name| &**name).chain(CONTENT.iter().copied());
        let personal = personal.filter(|_| !send_default_pii);
        Rules {
            denied: KeySet::new(self.denylist.iter().map(|name| &**name).chain(personal)),
            recursive: self.recursive,
            send_default_pii,
        }
    }
}

/// A scrubber as the worker uses it: compiled once.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    denied: KeySet,
    pub(super) recursive: bool,
    send_default_pii: bool,
}

impl Rules {
    /// Whether the value of a key that the program named is taken out. Attributes that hold headers are named by them (§7.3).
    pub(super) fn hides(&self, key: &str) -> bool {
        let header = ["http.request.header.", "http.response.header."]
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))
            .is_some_and(|name| self.hides_header(name));
        header || self.denied.has(key)
    }

    /// As [`hides`](Self::hides), where key and value go into a text, in which nobody looks for them later.
    pub(crate) fn hides_in_text(&self, key: &str) -> bool {
        names_a_secret(key) || self.hides(key)
    }

    pub(super) fn hides_header(&self, name: &str) -> bool {
        let personal = !self.send_default_pii && names_a_person(name);
        personal || names_a_secret(name) || self.denied.has(name)
    }

    pub(super) fn hides_parameter(&self, name: &str) -> bool {
        names_a_secret(name) || self.denied.has(name)
    }

    pub(super) fn hides_cookie(&self, name: &str) -> bool {
        cookie_names_a_secret(name) || self.denied.has(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_extended_or_replaced() {
        let more = EventScrubber::new().deny(["stripe_key"]).deny_pii([String::from("e_mail")]).rules(false);
        assert!(more.hides("Stripe-Key") && more.hides("password") && more.hides("E-MAIL"));
        let other = EventScrubber::new().denylist(["SSN"]).pii_denylist(["e_mail"]).rules(false);
        assert!(other.hides("ssn") && other.hides("e_mail"));
        assert!(!other.hides("password") && !other.hides("ip_address"));
    }

    #[test]
    fn what_is_said_to_a_model_needs_consent_whatever_the_lists_are() {
        let none: [&str; 0] = [];
        let scrubber = EventScrubber::new().denylist(none).pii_denylist(none);
        for name in CONTENT {
            assert!(scrubber.rules(false).hides(name) && !scrubber.rules(true).hides(name), "{name}");
        }
        assert!(!scrubber.rules(false).hides("gen_ai.usage.input_tokens"));
    }

    #[test]
    fn consent_is_to_persons_and_not_to_secrets() {
        let rules = EventScrubber::new().rules(true);
        assert!(!rules.hides("ip_address") && !rules.hides_header("X-Forwarded-For"));
        assert!(
            rules.hides("password") && rules.hides_header("Authorization") && rules.hides_header("cookie")
        );
        assert!(rules.hides("http.request.header.x-auth-token"));
    }
}
