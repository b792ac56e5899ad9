//! What holds in the end, and where it comes from: code, the environment, a file, or a default (features C07, C08).

use std::fmt;

use super::keys::{KEYS, Key};
use crate::options::{Options, Setting, Source};

/// One option as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveOption {
    /// Its name, as in a file.
    pub name: &'static str,
    /// Its value, as text; a DSN without its keys, `-` for nothing.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
}

/// The options of a client as they are, as a table; made by [`Options::effective`].
///
/// ```text
/// dsn                 https://***@o77.ingest.sentry.io/5  SENTRY_DSN
/// environment         staging                             file
/// traces_sample_rate  0.2                                 code
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective(Vec<EffectiveOption>);

impl Effective {
    /// The options, in the order in which they are documented.
    #[must_use]
    pub fn options(&self) -> &[EffectiveOption] {
        &self.0
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&EffectiveOption> {
        self.0.iter().find(|option| option.name == name)
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |text: fn(&EffectiveOption) -> &str| {
            self.0.iter().map(|option| text(option).chars().count()).max().unwrap_or(0)
        };
        let (name, value) = (widest(|option| option.name), widest(|option| &option.value));
        for option in &self.0 {
            writeln!(f, "{:name$}  {:value$}  {}", option.name, option.value, option.source)?;
        }
        Ok(())
    }
}

impl Options {
    /// What holds, option by option, and where each value comes from: to be printed by a program that is asked how it is configured. Of a
    /// client, it has what the environment added: `client.options().effective()`. Hooks, integrations and transports are not in it.
    ///
    /// ```
    /// # use watchpost_core::Options;
    /// let options = Options::new().dsn("https://k1@o77.ingest.sentry.io/5")?;
    /// println!("{}", options.effective());
    /// # Ok::<(), watchpost_core::InitError>(())
    /// ```
    #[must_use]
    pub fn effective(&self) -> Effective {
        let defaults = Options::default();
        Effective(KEYS.iter().map(|key| self.one(key, &defaults)).collect())
    }

    fn one(&self, key: &Key, defaults: &Options) -> EffectiveOption {
        let value = (key.get)(self);
        let source = match self.origin_of(key.name, &value) {
            Some(source) => source,
            None if value == (key.get)(defaults) => Source::Default,
            None => Source::Code,
        };
        let value = match (&self.dsn, key.name) {
            (Setting::Set(Some(dsn)), "dsn") => format!("{dsn:?}"), // without its keys
            _ if value.is_empty() => "-".to_owned(),
            _ => value,
        };
        EffectiveOption { name: key.name, value, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let environment = |name: &str| match name {
            "SENTRY_DSN" => Some("https://key:secret@o77.ingest.sentry.io/5".to_owned()),
            "SENTRY_ENVIRONMENT" => Some("staging".to_owned()),
            "SENTRY_SAMPLE_RATE" => Some("0.50".to_owned()),
            "GAE_DEPLOYMENT_ID" => Some("d7".to_owned()),
            _ => None,
        };
        Options::new().fill_from(&environment).unwrap()
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let options = options().environment("eu").unwrap().max_breadcrumbs(7).attach_stacktrace(false);
        let effective = options.effective();
        let of = |name| effective.get(name).map(|option| (option.value.as_str(), option.source)).unwrap();
        assert_eq!(of("dsn"), ("https://***@o77.ingest.sentry.io/5", Source::Environment("SENTRY_DSN")));
        assert_eq!(of("environment"), ("eu", Source::Code), "code goes before the environment");
        assert_eq!(of("sample_rate"), ("0.5", Source::Environment("SENTRY_SAMPLE_RATE")));
        assert_eq!(of("release"), ("d7", Source::Environment("GAE_DEPLOYMENT_ID")));
        assert_eq!(of("max_breadcrumbs"), ("7", Source::Code));
        assert_eq!(of("attach_stacktrace"), ("false", Source::Default));
        assert_eq!(of("traces_sample_rate"), ("-", Source::Default));
    }

    #[test]
    fn it_is_a_table_without_secrets() {
        let table = options().effective().to_string();
        assert!(!table.contains("key") && !table.contains("secret"), "{table}");
        let mut columns = table.lines().map(|line| line.find("  ").unwrap());
        assert!(columns.next().is_some());
        let staging = table.lines().find(|line| line.starts_with("environment ")).unwrap();
        assert!(staging.ends_with("  SENTRY_ENVIRONMENT"), "{staging}");
    }
}
