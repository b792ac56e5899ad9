//! How the HTTP transport behaves.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use watchpost_core::CompressionAlgo;

/// No timeout is longer: the clock could not count to the end of it.
const LONGEST: Duration = Duration::from_secs(3600);

/// How [`HttpTransport`](crate::HttpTransport) behaves.
///
/// ```
/// # mod watchpost { pub use watchpost_transport as transport; }
/// use std::time::Duration;
/// use watchpost::transport::{CompressionAlgo, HttpOptions};
///
/// let options = HttpOptions::default()
///     .timeout(Duration::from_secs(10))
///     .compression(CompressionAlgo::None)
///     .proxy("http://proxy.internal:3128");
/// ```
#[derive(Clone)]
pub struct HttpOptions {
    pub(super) user_agent: String,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) compression: CompressionAlgo,
    pub(super) proxy: Option<String>,
    pub(super) ca_certs: Option<PathBuf>,
    /// Certificate and key.
    pub(super) client_cert: Option<(PathBuf, PathBuf)>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            user_agent: concat!("watchpost.rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            compression: CompressionAlgo::default(),
            proxy: None,
            ca_certs: None,
            client_cert: None,
        }
    }
}

impl HttpOptions {
    /// Sets who is sending, `<sdk name>/<sdk version>`: the `User-Agent`, and `sentry_client` in `X-Sentry-Auth`.
    /// Default: `watchpost.rust/` and this crate's version.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Sets how long the name's look-up may take, and then the connection with its TLS handshake. Default: 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how long a whole request may take, from the look-up to the last byte of the answer; at most an hour.
    /// Default: 30 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how bodies are compressed. Default: [`CompressionAlgo::Gzip`].
    #[must_use]
    pub fn compression(mut self, algo: CompressionAlgo) -> Self {
        self.compression = algo;
        self
    }

    /// Sets the proxy that all requests go through, such as `http://user:password@proxy:3128` or `socks5h://proxy:1080`; an empty text means none,
    /// whatever the environment says. Default: the first of `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY` (or in lower case) that is
    /// set, but for the hosts in `NO_PROXY`.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets the certificate authorities to trust instead of webpki's: a file of certificates in PEM, which is read when the transport is
    /// made. Only for https. Default: the roots of webpki.
    #[must_use]
    pub fn ca_certs(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_certs = Some(file.into());
        self
    }

    /// Sets the certificate to show to a server that asks for one, and its key: two files in PEM, which are read when the transport is made.
    /// Only for https. Default: none.
    #[must_use]
    pub fn client_cert(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.client_cert = Some((certificate.into(), key.into()));
        self
    }
}

/// A proxy's URL may hold a password, so it is not shown.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("user_agent", &self.user_agent)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .field("proxy", &self.proxy.as_ref().map(|_| "***"))
            .field("ca_certs", &self.ca_certs)
            .field("client_cert", &self.client_cert)
            .finish()
    }
}
