//! Why an HTTP transport cannot be made.

use std::error::Error;
use std::fmt;

/// Why an [`HttpTransport`](crate::HttpTransport) cannot be made. Each names what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The DSN is https, and this build has no TLS: enable the feature `rustls`.
    NoTls,
    /// The DSN makes no address that HTTP can carry; here is what it made.
    Url(String),
    /// The user agent has characters that no header may have.
    UserAgent(String),
    /// The proxy is no URL of a kind that is known; why. The URL itself may hold a password and is not kept.
    Proxy(String),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::NoTls => {
                f.write_str("the DSN is https, but this build has no TLS: enable the feature `rustls`")
            }
            HttpError::Url(url) => write!(f, "the DSN makes the address {url:?}, which is not a URL"),
            HttpError::UserAgent(agent) => {
                write!(f, "the user agent {agent:?} cannot be a header: use visible ASCII")
            }
            HttpError::Proxy(reason) => {
                write!(f, "invalid proxy ({reason}): expected http://[<user>:<password>@]<host>:<port>")
            }
        }
    }
}

impl Error for HttpError {}
