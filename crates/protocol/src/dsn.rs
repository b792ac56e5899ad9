//! The DSN: where to report to (`protocol.md` §1.1 to §1.3).

mod error;
mod parse;

use std::fmt;

pub use error::DsnError;

/// Where events go, and the key that lets them in. A value that exists is valid.
///
/// White space around the text is left out when it is read, since secrets kept in files end in a newline; inside it is an error.
///
/// ```
/// # use watchpost_protocol as watchpost;
/// use watchpost::Dsn;
///
/// let dsn: Dsn = "http://k1@localhost:9000/a/b/5".parse()?;
/// assert_eq!(dsn.envelope_url(), "http://localhost:9000/a/b/api/5/envelope/");
/// assert_eq!(format!("{dsn:?}"), "http://***@localhost:9000/a/b/5");
/// # Ok::<(), watchpost_protocol::DsnError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Dsn {
    scheme: Scheme,
    public_key: String,
    secret_key: Option<String>,
    host: String,
    /// `None` for the scheme's own, so that one address has one form.
    port: Option<u16>,
    path: String,
    project_id: String,
}

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear, on port 80.
    Http,
    /// With TLS, on port 443.
    Https,
}

impl Scheme {
    /// The name in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port where none is named.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl Dsn {
    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The key that lets events in. It is not a secret, but nothing to show around.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The deprecated second key.
    #[must_use]
    pub fn secret_key(&self) -> Option<&str> {
        self.secret_key.as_deref()
    }

    /// The host, in lower case; in brackets if it is an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; the scheme's own where the DSN names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// The path before the project id, as `/a/b`; mostly empty.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The project.
    #[must_use]
    pub fn project_id(&self) -> &str {
        &self.project_id
    }

    /// The organization that the host names (§1.2): `77` of `o77.ingest.sentry.io`.
    #[must_use]
    pub fn org_id(&self) -> Option<&str> {
        let (id, _) = self.host.strip_prefix('o')?.split_once('.')?;
        (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
    }

    /// Where envelopes are posted to.
    #[must_use]
    pub fn envelope_url(&self) -> String {
        let port = self.port_suffix();
        format!(
            "{}://{}{port}{}/api/{}/envelope/",
            self.scheme.as_str(),
            self.host,
            self.path,
            self.project_id
        )
    }

    /// The value of `X-Sentry-Auth`; `client` is the reporter's name and version, as `watchpost.rust/0.1.0`.
    #[must_use]
    pub fn auth_header(&self, client: &str) -> String {
        let mut header =
            format!("Sentry sentry_key={}, sentry_version=7, sentry_client={client}", self.public_key);
        if let Some(secret) = &self.secret_key {
            header.push_str(", sentry_secret=");
            header.push_str(secret);
        }
        header
    }

    fn port_suffix(&self) -> String {
        self.port.map(|port| format!(":{port}")).unwrap_or_default()
    }
}

impl TryFrom<&str> for Dsn {
    type Error = DsnError;

    fn try_from(text: &str) -> Result<Self, DsnError> {
        text.parse()
    }
}

impl TryFrom<String> for Dsn {
    type Error = DsnError;

    fn try_from(text: String) -> Result<Self, DsnError> {
        text.parse()
    }
}

/// The whole DSN, keys included.
impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.public_key)?;
        if let Some(secret) = &self.secret_key {
            write!(f, ":{secret}")?;
        }
        write!(f, "@{}{}{}/{}", self.host, self.port_suffix(), self.path, self.project_id)
    }
}

/// Without the keys, so that a log may have it.
impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port) = (self.scheme.as_str(), self.port_suffix());
        write!(f, "{scheme}://***@{}{port}{}/{}", self.host, self.path, self.project_id)
    }
}
