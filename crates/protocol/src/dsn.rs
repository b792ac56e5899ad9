//! The DSN: where to report to (`protocol.md` §1.1 to §1.3).

use std::fmt;
use std::str::FromStr;

/// What a DSN looks like; every error shows it.
const EXPECTED: &str = "expected https://<key>@o<org>.ingest.sentry.io/<project>";

/// What stands in the place of a value that its reader was to fill in.
const PLACEHOLDERS: [&str; 12] = [
    "<key>",
    "<project>",
    "<org>",
    "<host>",
    "key",
    "project",
    "project-id",
    "project_id",
    "your-dsn",
    "your_dsn",
    "your-dsn-here",
    "example-dsn",
];

/// Where events go, and the key that lets them in. A value that exists is valid.
///
/// ```
/// use watchpost_protocol::Dsn;
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

/// Why a text is no DSN: which part of it is wrong, what stands there, and what a DSN looks like. The key is never part of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DsnError {
    /// There is no text. (To switch reporting off, give the options an empty DSN.)
    Empty,
    /// The whole DSN, or the named part, was never filled in.
    Placeholder {
        /// Which part.
        part: &'static str,
        /// What stands there.
        given: String,
    },
    /// The scheme is neither `http` nor `https`.
    Scheme(String),
    /// There is no public key before an `@`, or it is not letters and digits.
    Key,
    /// The host is missing, or holds something that a host cannot.
    Host(String),
    /// The port is not a number between 1 and 65535.
    Port(String),
    /// The project id is not a number.
    Project(String),
}

impl fmt::Display for DsnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid DSN: ")?;
        match self {
            DsnError::Empty => f.write_str("it is empty")?,
            DsnError::Placeholder { part, given } if *part == "project id" => {
                write!(f, "project id {given:?} is not a number")?;
            }
            DsnError::Placeholder { part, given } => {
                write!(f, "{part} {given:?} is a placeholder: copy the DSN from the project's settings")?;
            }
            DsnError::Scheme(scheme) => write!(f, "scheme {scheme:?} is not http or https")?,
            DsnError::Key => {
                f.write_str("the public key before the \"@\" is missing or not made of letters and digits")?
            }
            DsnError::Host(host) if host.is_empty() => f.write_str("the host after the \"@\" is missing")?,
            DsnError::Host(host) => write!(f, "host {host:?} is not a host name")?,
            DsnError::Port(port) => write!(f, "port {port:?} is not a number between 1 and 65535")?,
            DsnError::Project(project) if project.is_empty() => {
                f.write_str("the project id after the last \"/\" is missing")?;
            }
            DsnError::Project(project) => write!(f, "project id {project:?} is not a number")?,
        }
        write!(f, "; {EXPECTED}")
    }
}

impl std::error::Error for DsnError {}

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

    /// The host, in brackets if it is an IPv6 address.
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
        match self.port {
            Some(port) if port != self.scheme.default_port() => format!(":{port}"),
            _ => String::new(),
        }
    }
}

impl FromStr for Dsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(DsnError::Empty);
        }
        let lower = text.to_ascii_lowercase();
        if PLACEHOLDERS.contains(&lower.as_str()) {
            return Err(placeholder("the DSN", text));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| DsnError::Scheme(String::new()))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(DsnError::Scheme(scheme.to_owned())),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (keys, address) = authority.rsplit_once('@').ok_or(DsnError::Key)?;
        let (public_key, secret_key) = keys_of(keys)?;
        let (host, port) = address_of(address)?;
        let (path, project_id) = path.rsplit_once('/').unwrap_or_default();
        Ok(Dsn {
            scheme,
            public_key,
            secret_key,
            host,
            port,
            project_id: project_of(project_id, path)?,
            path: path.to_owned(),
        })
    }
}

fn placeholder(part: &'static str, given: &str) -> DsnError {
    DsnError::Placeholder { part, given: given.to_owned() }
}

fn keys_of(keys: &str) -> Result<(String, Option<String>), DsnError> {
    let (public, secret) = match keys.split_once(':') {
        Some((public, secret)) => (public, Some(secret).filter(|secret| !secret.is_empty())),
        None => (keys, None),
    };
    if public.contains(['<', '>', '*']) {
        return Err(placeholder("public key", public));
    }
    let plain = |key: &str| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    if !plain(public) || !secret.is_none_or(plain) {
        return Err(DsnError::Key);
    }
    Ok((public.to_owned(), secret.map(str::to_owned)))
}

fn address_of(address: &str) -> Result<(String, Option<u16>), DsnError> {
    // An IPv6 address has colons of its own; they end at its bracket.
    let bracket = address.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match address[bracket..].rfind(':') {
        Some(colon) => {
            let (host, port) = address.split_at(bracket + colon);
            let number = port[1..].parse().ok().filter(|port| *port != 0);
            (host, Some(number.ok_or_else(|| DsnError::Port(port[1..].to_owned()))?))
        }
        None => (address, None),
    };
    if host.contains(['<', '>']) {
        return Err(placeholder("host", host));
    }
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match inside {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        }
    };
    if valid { Ok((host.to_owned(), port)) } else { Err(DsnError::Host(host.to_owned())) }
}

/// The server's project ids are numbers; a slash at the end leaves nothing behind it.
fn project_of(project: &str, path: &str) -> Result<String, DsnError> {
    if !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(project.to_owned());
    }
    if PLACEHOLDERS.contains(&project.to_ascii_lowercase().as_str()) {
        return Err(placeholder("project id", project));
    }
    let given = if project.is_empty() {
        path.trim_start_matches('/').to_owned() + if path.is_empty() { "" } else { "/" }
    } else {
        project.to_owned()
    };
    Err(DsnError::Project(given))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Dsn>().unwrap_err().to_string().replace(&format!("; {EXPECTED}"), "")
    }

    #[test]
    fn what_parses_prints_the_same() {
        for text in [
            "https://k1@o77.ingest.us.sentry.io/5",
            "http://k1:s1@localhost:9000/a/b/5",
            "https://k@[::1]:8443/1",
        ] {
            let dsn: Dsn = text.parse().unwrap();
            assert_eq!(dsn.to_string(), text);
            assert!(!format!("{dsn:?}").contains("k1") && !format!("{dsn:?}").contains("s1"));
        }
        let dsn: Dsn = "https://k@host.example:443/1".parse().unwrap();
        assert_eq!((dsn.port(), dsn.envelope_url().as_str()), (443, "https://host.example/api/1/envelope/"));
    }

    #[test]
    fn the_organization_is_in_the_host() {
        let org =
            |host: &str| format!("https://k@{host}/1").parse::<Dsn>().unwrap().org_id().map(str::to_owned);
        assert_eq!(org("o77.ingest.sentry.io").as_deref(), Some("77"));
        for none in ["sentry.io", "o.sentry.io", "ox7.sentry.io", "o77"] {
            assert_eq!(org(none), None, "{none}");
        }
    }

    #[test]
    fn an_error_names_the_part_and_shows_the_form() {
        let whole = "https://k@sentry.io/<project>".parse::<Dsn>().unwrap_err().to_string();
        assert_eq!(
            whole,
            "invalid DSN: project id \"<project>\" is not a number; expected https://<key>@o<org>.ingest.sentry.io/<project>"
        );
        let table = [
            ("", "invalid DSN: it is empty"),
            (
                "your-dsn",
                "invalid DSN: the DSN \"your-dsn\" is a placeholder: copy the DSN from the project's settings",
            ),
            (
                "https://<key>@sentry.io/1",
                "invalid DSN: public key \"<key>\" is a placeholder: copy the DSN from the project's settings",
            ),
            (
                "https://k@o<org>.ingest.sentry.io/1",
                "invalid DSN: host \"o<org>.ingest.sentry.io\" is a placeholder: copy the DSN from the project's settings",
            ),
            ("https://k@sentry.io/project-id", "invalid DSN: project id \"project-id\" is not a number"),
            ("ftp://k@sentry.io/1", "invalid DSN: scheme \"ftp\" is not http or https"),
            ("sentry.io/1", "invalid DSN: scheme \"\" is not http or https"),
            (
                "https://sentry.io/1",
                "invalid DSN: the public key before the \"@\" is missing or not made of letters and digits",
            ),
            (
                "https://@sentry.io/1",
                "invalid DSN: the public key before the \"@\" is missing or not made of letters and digits",
            ),
            ("https://k@", "invalid DSN: the host after the \"@\" is missing"),
            ("https://k@a b/1", "invalid DSN: host \"a b\" is not a host name"),
            ("https://k@host:http/1", "invalid DSN: port \"http\" is not a number between 1 and 65535"),
            ("https://k@sentry.io", "invalid DSN: the project id after the last \"/\" is missing"),
            ("https://k@sentry.io/123/", "invalid DSN: project id \"123/\" is not a number"),
        ];
        for (given, message) in table {
            assert_eq!(refused(given), message, "{given:?}");
        }
    }

    #[test]
    fn nothing_makes_it_panic() {
        let pieces = ["https", "://", "@", ":", "/", "[", "]", "1", "é", "k", ".", "<", " "];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..state % 9 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(pieces[(state % pieces.len() as u64) as usize]);
            }
            state = state.wrapping_add(0x9e37_79b9);
            if let Ok(dsn) = text.parse::<Dsn>() {
                assert_eq!(dsn.to_string().parse(), Ok(dsn));
            }
        }
    }
}
