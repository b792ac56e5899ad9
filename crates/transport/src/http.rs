//! HTTP: one POST per envelope, on ureq.

pub(crate) mod agent;
mod answer;
mod compress;
mod error;
mod options;
mod resolve;
#[cfg(feature = "rustls")]
pub(crate) mod tls;
#[cfg(not(feature = "rustls"))]
#[path = "http/no_tls.rs"]
pub(crate) mod tls;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ureq::Agent;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use ureq::http::{Request, Uri};
pub use watchpost_core::CompressionAlgo;
use watchpost_core::{Delivery, Transport};
use watchpost_protocol::{Dsn, Envelope, Timestamp};

use self::answer::Answer;
use self::compress::Pack;
pub use self::error::HttpError;
pub use self::options::HttpOptions;
use self::resolve::Remembering;
use self::tls::Tls;

pub(crate) const ENVELOPE: HeaderValue = HeaderValue::from_static("application/x-sentry-envelope");
const X_SENTRY_AUTH: HeaderName = HeaderName::from_static("x-sentry-auth");

/// Posts envelopes to the server of a DSN.
///
/// Making one costs nothing: TLS, the proxy and the compressor are set up by the first delivery. Connections are kept
/// and reused. Several threads may deliver at once, each on a connection of its own. Every phase of a request has its timeout, so that
/// [`deliver`](Transport::deliver) always ends.
///
/// Nothing is sent twice: once the server has answered, whatever it said, the envelope is gone. Redirects are not
/// followed, because the envelope and the key would go to a host that nobody chose.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol::*; pub use watchpost_transport as transport; }
/// use std::time::Duration;
/// use watchpost::Dsn;
/// use watchpost::transport::{HttpOptions, HttpTransport};
///
/// let dsn: Dsn = "http://k1@localhost:9000/5".parse()?;
/// let transport = HttpTransport::new(&dsn, HttpOptions::default().timeout(Duration::from_secs(5)))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HttpTransport {
    url: Uri,
    auth: HeaderValue,
    user_agent: HeaderValue,
    options: HttpOptions,
    line: Mutex<Option<Arc<Line>>>,
    tls: Tls,
}

/// What a process needs to send. A child that was forked makes its own: on its parent's connections, each would read the other's answers.
struct Line {
    process: u32,
    agent: Agent,
    resolver: Remembering,
    packer: Option<Box<dyn Pack>>,
}

impl HttpTransport {
    /// A transport to the project that `dsn` names.
    ///
    /// # Errors
    ///
    /// What would make every delivery fail is said here: an https DSN in a build without TLS, a proxy that is no URL, a
    /// user agent or a DSN that HTTP cannot carry.
    pub fn new(dsn: &Dsn, options: HttpOptions) -> Result<HttpTransport, HttpError> {
        let url: Uri = dsn.envelope_url().parse().map_err(|_| HttpError::Url(dsn.envelope_url()))?;
        if url.scheme_str() == Some("https") && !cfg!(feature = "rustls") {
            return Err(HttpError::NoTls);
        }
        let user_agent = HeaderValue::from_str(&options.user_agent)
            .map_err(|_| HttpError::UserAgent(options.user_agent.clone()))?;
        // The message would show the key, so it shows the address alone.
        let mut auth = HeaderValue::from_str(&dsn.auth_header(&options.user_agent))
            .map_err(|_| HttpError::Url(dsn.envelope_url()))?;
        auth.set_sensitive(true);
        agent::check_proxy(&options)?;
        compress::packer(options.compression)?;
        let tls = if url.scheme_str() == Some("https") { Tls::read(&options)? } else { Tls::default() };
        Ok(HttpTransport { url, auth, user_agent, options, line: Mutex::default(), tls })
    }

    fn line(&self) -> Arc<Line> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        match &*line {
            Some(line) if line.process == process => Arc::clone(line),
            _ => Arc::clone(line.insert(Arc::new(self.new_line(process)))),
        }
    }

    fn new_line(&self, process: u32) -> Line {
        let resolver = Remembering::default();
        let agent = agent::build(&self.options, &self.tls, resolver.clone());
        let packer = compress::packer(self.options.compression).ok().flatten();
        Line { process, agent, resolver, packer }
    }

    /// The body, and how it is encoded. A compressor that fails is no reason to lose an envelope: it goes as it is.
    fn body(&self, line: &Line, envelope: &Envelope, sent_at: Timestamp) -> (Vec<u8>, Option<HeaderValue>) {
        if let Some(packer) = &line.packer {
            match packer.pack(envelope, sent_at) {
                Ok(packed) => return (packed, Some(HeaderValue::from_static(packer.encoding()))),
                Err(error) => watchpost_core::debug!("sending uncompressed, because packing failed: {error}"),
            }
        }
        (envelope.to_vec(sent_at), None)
    }

    fn post(&self, line: &Line, body: &[u8], encoding: Option<HeaderValue>) -> Result<Answer, ureq::Error> {
        let mut request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, ENVELOPE)
            .header(USER_AGENT, self.user_agent.clone())
            .header(X_SENTRY_AUTH, self.auth.clone());
        if let Some(encoding) = encoding {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        let response = line.agent.run(request.body(body)?)?;
        Ok(Answer::read(response))
    }
}

impl HttpTransport {
    /// The host and the port, by which somebody who cannot reach it knows what to look for.
    fn address(&self) -> String {
        let port =
            self.url.port_u16().unwrap_or(if self.url.scheme_str() == Some("http") { 80 } else { 443 });
        format!("{}:{port}", self.url.host().unwrap_or_default())
    }
}

impl Transport for HttpTransport {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        let line = self.line();
        let (body, encoding) = self.body(&line, envelope, Timestamp::from(SystemTime::now()));
        match self.post(&line, &body, encoding) {
            Ok(answer) => answer.into_delivery(envelope, body.len(), SystemTime::now()),
            Err(error) => {
                line.resolver.forget();
                Delivery::Unreachable { error: format!("{}: {error}", self.address()) }
            }
        }
    }
}

/// Shows where to, never the key.
impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("url", &self.url)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dsn(text: &str) -> Dsn {
        text.parse().unwrap()
    }

    #[test]
    fn the_key_is_in_no_debug_output() {
        let transport =
            HttpTransport::new(&dsn("http://public:secret@localhost/1"), HttpOptions::default()).unwrap();
        let shown = format!("{transport:?} {:?}", transport.auth);
        assert!(shown.contains("http://localhost/api/1/envelope/"), "{shown}");
        assert!(!shown.contains("public") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn what_can_never_work_is_refused_at_construction() {
        let refused = |options| HttpTransport::new(&dsn("http://k@localhost/1"), options).unwrap_err();
        assert!(matches!(refused(HttpOptions::default().user_agent("a\nb")), HttpError::UserAgent(_)));
        assert!(matches!(refused(HttpOptions::default().proxy("ftp://proxy:1")), HttpError::Proxy(_)));
    }

    #[test]
    fn https_needs_its_feature_and_the_error_names_it() {
        let made = HttpTransport::new(&dsn("https://k@localhost/1"), HttpOptions::default());
        assert_eq!(made.is_ok(), cfg!(feature = "rustls"));
        assert!(HttpError::NoTls.to_string().contains("feature `rustls`"));
    }

    #[test]
    fn a_compression_needs_its_feature_and_the_error_names_it() {
        for (algo, feature, has) in [
            (CompressionAlgo::Brotli, "brotli", cfg!(feature = "brotli")),
            (CompressionAlgo::Zstd, "zstd", cfg!(feature = "zstd")),
        ] {
            let options = HttpOptions::default().compression(algo);
            match HttpTransport::new(&dsn("http://k@localhost/1"), options) {
                Ok(_) => assert!(has),
                Err(error) => assert!(!has && error.to_string().contains(feature), "{error}"),
            }
        }
    }

    #[test]
    fn making_one_sets_nothing_up() {
        let transport = HttpTransport::new(&dsn("http://k@localhost/1"), HttpOptions::default()).unwrap();
        assert!(transport.line.lock().unwrap().is_none());
    }
}
