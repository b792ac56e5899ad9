//! What is not set in code, from the environment (`protocol.md` §20.6, §20.7). Code always wins.

use std::env;
use std::fmt::Display;

use watchpost_protocol::value::number;

use crate::error::InitError;
use crate::options::{MaybeDsn, Options, Setting, Source, Spotlight};
use crate::sampling::SampleRate;
use crate::valid::{self, parse_bool};

/// The variables of build and hosting platforms that may name the release, in the order in which they are asked (features I07).
const RELEASE: [&str; 7] = [
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
    /// `SENTRY_SAMPLE_RATE`, `SENTRY_TRACES_SAMPLE_RATE`, `SENTRY_PROFILES_SAMPLE_RATE`, `SENTRY_SPOTLIGHT`, and the trace of the calling program in `SENTRY_TRACE` and `SENTRY_BAGGAGE`.
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
    /// # use watchpost_core as watchpost;
    /// use watchpost::Options;
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
        self.fill_explicit(lookup)?;
        self.fill_detected(lookup)?;
        for (option, variable) in self.network.fill(lookup) {
            let value = self.network.shown(option);
            self.note_variable(option, variable, &value);
        }
        if self.environment_trace.is_none()
            && parse_bool(lookup("SENTRY_USE_ENVIRONMENT").as_deref()) != Some(false)
        {
            self.environment_trace = lookup("SENTRY_TRACE").map(|trace| (trace, lookup("SENTRY_BAGGAGE")));
        }
        Ok(())
    }

    /// What somebody set for this program: it goes before a file.
    pub(crate) fn fill_explicit(&mut self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<(), InitError> {
        if let (Setting::Unset, Some(text)) = (&self.dsn, lookup("SENTRY_DSN")) {
            let MaybeDsn(dsn) = MaybeDsn::try_from(text)?;
            self.note_variable(
                "dsn",
                "SENTRY_DSN",
                &dsn.as_ref().map(ToString::to_string).unwrap_or_default(),
            );
            self.dsn = Setting::Set(dsn);
        }
        if let (None, Some(environment)) = (&self.environment, lookup("SENTRY_ENVIRONMENT")) {
            self.environment = valid::environment(environment)?;
            if let Some(environment) = self.environment.clone() {
                self.note_variable("environment", "SENTRY_ENVIRONMENT", &environment);
            }
        }
        self.fill_release(&["SENTRY_RELEASE"], lookup)?;
        if self.debug.is_none()
            && let Some(debug) = switch("SENTRY_DEBUG", lookup)?
        {
            self.note_variable("debug", "SENTRY_DEBUG", &debug);
            self.debug = Some(debug);
        }
        if self.sample_rate.is_none()
            && let Some(rate) = rate("SENTRY_SAMPLE_RATE", lookup)?
        {
            self.note_variable("sample_rate", "SENTRY_SAMPLE_RATE", &rate.get());
            self.sample_rate = Some(rate);
        }
        if self.traces_sample_rate.is_none()
            && let Some(rate) = rate("SENTRY_TRACES_SAMPLE_RATE", lookup)?
        {
            self.note_variable("traces_sample_rate", "SENTRY_TRACES_SAMPLE_RATE", &rate.get());
            self.traces_sample_rate = Some(rate);
        }
        if self.profiles.of_transactions.is_none()
            && let Some(rate) = rate("SENTRY_PROFILES_SAMPLE_RATE", lookup)?
        {
            self.note_variable("profiles_sample_rate", "SENTRY_PROFILES_SAMPLE_RATE", &rate.get());
            self.profiles.of_transactions = Some(rate);
        }
        if let Some(variable) = lookup("SENTRY_SPOTLIGHT").map(Spotlight::from) {
            let together = self.spotlight.with_environment(variable.clone());
            self.spotlight_overruled = variable.url().is_some() && together.url() != variable.url();
            if together != self.spotlight {
                self.note_variable("spotlight", "SENTRY_SPOTLIGHT", &together);
                self.spotlight = together;
            }
        }
        Ok(())
    }

    /// What the platform says that has built it, or runs it.
    fn fill_detected(&mut self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<(), InitError> {
        self.fill_release(&RELEASE, lookup)
    }

    fn fill_release(
        &mut self,
        variables: &[&'static str],
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), InitError> {
        if self.release.is_some() {
            return Ok(());
        }
        let set =
            |name: &&'static str| lookup(name).filter(|value| !value.is_empty()).map(|value| (*name, value));
        if let Some((variable, value)) = variables.iter().find_map(set) {
            self.release = valid::release(value)?;
            if let Some(release) = self.release.clone() {
                self.note_variable("release", variable, &release);
            }
        }
        Ok(())
    }

    fn note_variable(&mut self, option: &'static str, variable: &'static str, value: &dyn Display) {
        self.note(option, value, Source::Environment(variable));
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
        Some(value) => match number(&value).and_then(|rate| SampleRate::try_from(rate).ok()) {
            Some(rate) => Ok(Some(rate)),
            None => Err(InitError::Variable { name, value, expected: "a number between 0.0 and 1.0" }),
        },
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
