//! Where the value of an option comes from that was not set in code.

use std::fmt;

use super::Options;

/// Where the value of an option comes from. Code goes before the environment, the environment before a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody has set it, or somebody to what it is anyway.
    Default,
    /// The running program or its machine.
    Detected,
    /// A [`Config`](crate::Config).
    File,
    /// An environment variable.
    Environment(&'static str),
    /// A setter of [`Options`].
    Code,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.pad("default"),
            Source::Detected => f.pad("detected"),
            Source::File => f.pad("file"),
            Source::Environment(variable) => f.pad(variable),
            Source::Code => f.pad("code"),
        }
    }
}

/// What somebody else than code has set an option to. The value is kept as text: what is not the same any more was set in code since then.
#[derive(Clone)]
pub(crate) struct Origin {
    option: &'static str,
    value: String,
    source: Source,
}

impl Options {
    /// Notes what an option was just set to, as it is told.
    pub(crate) fn note(&mut self, option: &'static str, value: impl fmt::Display, source: Source) {
        self.origins.push(Origin { option, value: value.to_string(), source });
    }

    /// Whether the environment has set an option.
    pub(crate) fn is_from_environment(&self, option: &str) -> bool {
        let set = |origin: &Origin| matches!(origin.source, Source::Environment(_));
        self.origins.iter().any(|origin| origin.option == option && set(origin))
    }

    /// Who set an option to this value, if it was not code.
    pub(crate) fn origin_of(&self, option: &str, value: &str) -> Option<Source> {
        let is_it = |origin: &&Origin| origin.option == option && origin.value == value;
        self.origins.iter().rfind(is_it).map(|origin| origin.source)
    }
}
