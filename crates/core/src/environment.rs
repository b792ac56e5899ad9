//! What is not set in code, from the environment (`protocol.md` §20.6, §20.7). Code always wins.

use std::env;

use crate::error::InitError;
use crate::options::{MaybeDsn, Options, Setting};
use crate::sampling::SampleRate;
use crate::valid;

/// The variables that may name the release, in the order in which they are asked.
const RELEASE: [&str; 8] = [
    "SENTRY_RELEASE",
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "SOURCE_VERSION",
    "CODEBUILD_RESOLVED_SOURCE_VERSION",
    "CIRCLE_SHA1",
    "GAE_DEPLOYMENT_ID",
    "K_REVISION",
];

impl Options {
    /// Options from the `SENTRY_*` variables of the process: `SENTRY_DSN`, `SENTRY_ENVIRONMENT`, `SENTRY_RELEASE`, `SENTRY_DEBUG`,
    /// `SENTRY_SAMPLE_RATE`, `SENTRY_TRACES_SAMPLE_RATE`, and the trace of the calling program in `SENTRY_TRACE` and `SENTRY_BAGGAGE`.
    /// What is set afterwards in code wins.
    ///
    /// # Errors
    /// An [`InitError`] that names the variable or the part of the DSN that is wrong.
    pub fn from_env() -> Result<Self, InitError> {
        Options::new().fill_from(&|name| env::var(name).ok())
    }

    /// Fills what is not set from variables that `lookup` knows.
    ///
    /// ```
    /// use watchpost_core::Options;
    ///
    /// let staging = |name: &str| (name == "SENTRY_ENVIRONMENT").then(|| "staging".to_owned());
    /// let options = Options::new().fill_from(&staging)?;
    /// # Ok::<(), watchpost_core::InitError>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn fill_from(mut self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, InitError> {
        self.fill(lookup)?;
        Ok(self)
    }

    pub(crate) fn fill(&mut self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<(), InitError> {
        if let (Setting::Unset, Some(dsn)) = (&self.dsn, lookup("SENTRY_DSN")) {
            self.dsn = Setting::Set(MaybeDsn::try_from(dsn)?.0);
        }
        if let (None, Some(environment)) = (&self.environment, lookup("SENTRY_ENVIRONMENT")) {
            self.environment = valid::environment(environment)?;
        }
        if self.release.is_none()
            && let Some(release) =
                RELEASE.iter().find_map(|name| lookup(name).filter(|value| !value.is_empty()))
        {
            self.release = valid::release(release)?;
        }
        if self.debug.is_none() {
            self.debug = switch("SENTRY_DEBUG", lookup)?;
        }
        if self.sample_rate.is_none() {
            self.sample_rate = rate("SENTRY_SAMPLE_RATE", lookup)?;
        }
        if self.traces_sample_rate.is_none() {
            self.traces_sample_rate = rate("SENTRY_TRACES_SAMPLE_RATE", lookup)?;
        }
        self.network.fill(lookup);
        if self.environment_trace.is_none()
            && parse_bool(lookup("SENTRY_USE_ENVIRONMENT").as_deref()) != Some(false)
        {
            self.environment_trace = lookup("SENTRY_TRACE").map(|trace| (trace, lookup("SENTRY_BAGGAGE")));
        }
        Ok(())
    }
}

/// A boolean as the protocol writes it (§19): `None` for anything else.
#[must_use]
pub fn parse_bool(value: Option<&str>) -> Option<bool> {
    match value?.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn switch(name: &'static str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Option<bool>, InitError> {
    match lookup(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => match parse_bool(Some(&value)) {
            Some(switch) => Ok(Some(switch)),
            None => {
                Err(InitError::Variable { name, value, expected: "true, yes, on, 1, or false, no, off, 0" })
            }
        },
    }
}

fn rate(
    name: &'static str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<SampleRate>, InitError> {
    match lookup(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => {
            match value.trim().parse::<f64>().ok().and_then(|rate| SampleRate::try_from(rate).ok()) {
                Some(rate) => Ok(Some(rate)),
                None => Err(InitError::Variable { name, value, expected: "a number between 0.0 and 1.0" }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_in_code_wins() {
        let all = |name: &str| Some(if name == "SENTRY_DEBUG" { "1" } else { "0.5" }.to_owned());
        let options = Options::new().dsn("").unwrap().debug(false).sample_rate(1.0).unwrap();
        let options = options.fill_from(&all).unwrap();
        assert_eq!(options.debug, Some(false));
        assert_eq!(options.sample_rate, Some(SampleRate::ALL));
        assert_eq!(options.traces_sample_rate, SampleRate::try_from(0.5).ok());
        assert!(
            matches!(options.dsn, Setting::Set(None)),
            "an empty DSN in code is off, whatever the environment says"
        );
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        let bad = |name: &str| (name == "SENTRY_TRACES_SAMPLE_RATE").then(|| "20%".to_owned());
        let error = Options::new().fill_from(&bad).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid environment variable SENTRY_TRACES_SAMPLE_RATE=\"20%\": expected a number between 0.0 and 1.0"
        );
    }

    #[test]
    fn the_first_variable_that_names_a_release_counts() {
        let two = |name: &str| match name {
            "SOURCE_VERSION" => Some("heroku".to_owned()),
            "K_REVISION" => Some("cloud run".to_owned()),
            _ => None,
        };
        assert_eq!(Options::new().fill_from(&two).unwrap().release.as_deref(), Some("heroku"));
    }
}
