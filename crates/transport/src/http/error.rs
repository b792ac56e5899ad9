//! Why an HTTP transport cannot be made.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

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
    /// A file of certificates, or of a key, that cannot be used.
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A compression that this build does not have.
    Compression {
        /// The feature that has it.
        feature: &'static str,
    },
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
                write!(
                    f,
                    "invalid proxy ({reason}): expected <scheme>://[<user>:<password>@]<host>:<port>, of http, https, socks4, socks4a, socks5 or socks5h"
                )
            }
            HttpError::Certificate { file, reason } => {
                write!(f, "the file {} cannot be used: {reason}", file.display())
            }
            HttpError::Compression { feature } => {
                write!(f, "this build cannot compress so: enable the feature `{feature}`")
            }
        }
    }
}

impl Error for HttpError {}
