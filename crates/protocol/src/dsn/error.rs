//! What can be wrong with a DSN.

use std::fmt;

use crate::wire::read_error;

/// What a DSN looks like; every error shows it.
pub(super) const EXPECTED: &str = "expected https://<key>@o<org>.ingest.sentry.io/<project>";

/// Why a text is no DSN: which part of it is wrong, what stands there, and what a DSN looks like. The key is never part of the message.
#[derive(Clone, PartialEq, Eq)]
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
    /// There is no public key before an `@`, or it, or the secret key, is not letters and digits.
    Key,
    /// The host is missing, or holds something that a host cannot.
    Host(String),
    /// The port is not a number between 1 and 65535.
    Port(String),
    /// The path before the project id holds something that the path of a URL cannot.
    Path(String),
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
            DsnError::Scheme(scheme) if scheme.is_empty() => {
                f.write_str("it does not begin with \"https://\" or \"http://\"")?;
            }
            DsnError::Scheme(scheme) => write!(f, "scheme {scheme:?} is not http or https")?,
            DsnError::Key => {
                f.write_str("the key before the \"@\" is missing or not made of letters and digits")?
            }
            DsnError::Host(host) if host.is_empty() => f.write_str("the host after the \"@\" is missing")?,
            DsnError::Host(host) => write!(f, "host {host:?} is not a host name")?,
            DsnError::Port(port) => write!(f, "port {port:?} is not a number between 1 and 65535")?,
            DsnError::Path(path) => write!(f, "path {path:?} is not the path of a URL")?,
            DsnError::Project(project) if project.is_empty() => {
                f.write_str("the project id after the last \"/\" is missing")?;
            }
            DsnError::Project(project) => write!(f, "project id {project:?} is not a number")?,
        }
        write!(f, "; {EXPECTED}")
    }
}

read_error!(DsnError);
