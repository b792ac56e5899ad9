//! Why a client could not be made.

use std::fmt;

use watchpost_protocol::DsnError;

/// An option that cannot work. Each message says which one, what was given, and what is expected.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum InitError {
    /// The DSN does not parse; the error inside says which part of it is wrong.
    Dsn(DsnError),
    /// A rate that is not a number between 0 and 1; holds what was given.
    SampleRate(String),
    /// A release that the server would refuse; holds what was given.
    Release(String),
    /// An environment that the server would refuse; holds what was given.
    Environment(String),
    /// A pattern that is no regular expression.
    Pattern {
        /// What was given.
        given: String,
        /// What is wrong with it.
        error: String,
    },
    /// An environment variable that holds something else than its kind of value.
    Variable {
        /// The variable.
        name: &'static str,
        /// What it holds; never of a variable that may hold a secret.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// An option in a [`Config`](crate::Config) with a value of another kind than its own.
    Setting {
        /// The option.
        option: &'static str,
        /// What it was given.
        given: String,
        /// What it takes.
        expected: &'static str,
    },
    /// An option in a [`Config`](crate::Config) that names a variable which is not set, and has no default.
    Unset {
        /// The option.
        option: &'static str,
        /// The variable.
        variable: String,
    },
    /// An option in a [`Config`](crate::Config) with a `${` that begins no variable.
    Template {
        /// The option.
        option: &'static str,
        /// Its text.
        given: String,
    },
    /// An option that needs a feature of the facade which is not enabled.
    Feature {
        /// The option.
        option: &'static str,
        /// The feature.
        feature: &'static str,
    },
    /// There is a DSN, but nothing to send with.
    NoTransport,
    /// The transport could not be set up.
    Transport(String),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitError::Dsn(error) => error.fmt(f),
            InitError::SampleRate(given) => {
                write!(f, "invalid sample rate: {given} is not a number between 0.0 and 1.0")
            }
            InitError::Release(given) => write!(
                f,
                "invalid release {given:?}: expected at most 200 bytes without slashes, line breaks or tabs, not \".\", \"..\" or \"latest\""
            ),
            InitError::Environment(given) => write!(
                f,
                "invalid environment {given:?}: expected at most 64 bytes without slashes, line breaks or tabs, not \".\", \"..\" or \"none\""
            ),
            InitError::Pattern { given, error } => write!(f, "invalid pattern {given:?}: {error}"),
            InitError::Variable { name, value, expected } => {
                write!(f, "invalid environment variable {name}={value:?}: expected {expected}")
            }
            InitError::Setting { option, given, expected } => {
                write!(f, "invalid option {option}={given:?}: expected {expected}")
            }
            InitError::Unset { option, variable } => write!(
                f,
                "invalid option {option}: the variable {variable} is not set, and ${{{variable}}} has no default"
            ),
            InitError::Template { option, .. } if *option == "dsn" => {
                // It may hold a key.
                f.write_str("invalid option dsn: expected ${VARIABLE} or ${VARIABLE:-default}")
            }
            InitError::Template { option, given } => {
                write!(
                    f,
                    "invalid option {option}={given:?}: expected ${{VARIABLE}} or ${{VARIABLE:-default}}"
                )
            }
            InitError::Feature { option, feature } => {
                write!(f, "{option} needs the feature `{feature}` of watchpost, which is not enabled")
            }
            InitError::NoTransport => {
                f.write_str("no transport: enable the feature `http`, or set one with Options::transport")
            }
            InitError::Transport(error) => write!(f, "the transport cannot be set up: {error}"),
        }
    }
}

// A DSN error is this error, not its cause: it is shown once.
/// As for a reader: this is what a `main` that returns the error prints.
impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InitError {}

impl From<DsnError> for InitError {
    fn from(error: DsnError) -> Self {
        InitError::Dsn(error)
    }
}

impl From<std::convert::Infallible> for InitError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
