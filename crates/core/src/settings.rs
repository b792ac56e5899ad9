//! What an application's own configuration says about reporting (features C01–C09).

mod effective;
mod keys;
mod nearest;
mod read;
mod template;
mod value;

use std::collections::BTreeMap;
use std::env;
use std::fmt;

use self::value::{Given, Value};
use crate::error::InitError;
use crate::options::{Options, Source, without_password};

pub use self::effective::{Effective, EffectiveOption};
use self::keys::{KEYS, Key};

/// What a configuration says where it says nothing. It is not the default of [`Options`]: who writes such a section wants to see something.
const DEFAULTS: [(&str, Value); 2] =
    [("traces_sample_rate", Value::Int(1)), ("attach_stacktrace", Value::Bool(true))];

/// The section about reporting in an application's own configuration: TOML, YAML, JSON, or whatever else `serde` reads.
///
/// ```
/// # use watchpost_core as watchpost;
/// #[derive(serde::Deserialize)]
/// struct AppConfig {
///     port: u16,
///     sentry: watchpost::Config,
/// }
///
/// let file = r#"{
///     "port": 3000,
///     "sentry": {
///         "dsn": "https://k1@o77.ingest.sentry.io/5",
///         "environment": "${STAGE:-staging}",
///         "traces_sample_rate": 0.2
///     }
/// }"#;
/// let config: AppConfig = serde_json::from_str(file)?;
/// let client = watchpost::Client::new(watchpost::Options::new())?;
/// let options = config.sentry.options()?.release("shop@1.4.0")?; // what is set in code goes before all
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The keys are the names of the setters of [`Options`], those that take plain values: `dsn`, `environment`, `release`, `dist`, `server_name`, `debug`,
/// `sample_rate`, `traces_sample_rate` and so on; all of them may be missing. Durations are seconds. Hooks, integrations and transports are code.
///
/// - **Two defaults are its own**: `traces_sample_rate` is 1.0 and `attach_stacktrace` is true where the section does not say otherwise.
/// - **The environment goes before it**: what a `SENTRY_*` variable says holds, and the section does not. What is set in code goes before both.
/// - `${VAR}` in a text is the variable's value, and `${VAR:-text}` is `text` if the variable is not set or empty; `$${` is a plain `${`. A
///   variable that is not set and has no default is an error that names it. Numbers and switches may be written so too: `"${RATE:-0.2}"`.
/// - An unknown key is an error when the configuration is read, and names the key that was probably meant. So is a plain value of the wrong kind.
/// - It holds the DSN, keys included: `Debug` does not show them, and there is no `Serialize`.
#[derive(Clone, Default)]
pub struct Config {
    values: BTreeMap<&'static str, Value>,
}

impl Config {
    /// The options that it describes, with what the environment says before it.
    ///
    /// # Errors
    /// An [`InitError`] that names the option, or the variable, that is wrong or missing.
    pub fn options(&self) -> Result<Options, InitError> {
        self.options_from(&|name| env::var(name).ok())
    }

    /// As [`options`](Self::options), with variables that `lookup` knows instead of the environment.
    ///
    /// ```
    /// # use watchpost_core::{Config, InitError};
    /// let config: Config = serde_json::from_str(r#"{"dsn": "${SENTRY_DSN}"}"#)?;
    /// let error = config.options_from(&|_| None).unwrap_err();
    /// assert_eq!(error.to_string(), "invalid option dsn: the variable SENTRY_DSN is not set, and ${SENTRY_DSN} has no default");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`options`](Self::options).
    pub fn options_from(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Options, InitError> {
        let mut options = Options::new();
        options.fill_explicit(lookup)?;
        for key in KEYS {
            if options.is_from_environment(key.name) {
                continue;
            }
            if let Some(value) = self.value(key.name) {
                let value = value.expanded(key.name, lookup)?;
                options = (key.set)(options, &Given { option: key.name, value: &value })?;
                let set_to = (key.get)(&options);
                options.note(key.name, set_to, Source::File);
            }
        }
        Ok(options)
    }

    fn value(&self, option: &str) -> Option<&Value> {
        let default = || DEFAULTS.iter().find(|(name, _)| *name == option).map(|(_, value)| value);
        self.values.get(option).or_else(default)
    }
}

impl TryFrom<&Config> for Options {
    type Error = InitError;

    fn try_from(config: &Config) -> Result<Self, InitError> {
        config.options()
    }
}

impl TryFrom<Config> for Options {
    type Error = InitError;

    fn try_from(config: Config) -> Result<Self, InitError> {
        config.options()
    }
}

/// What it says, without the keys of the DSN.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in &self.values {
            match (*name, value) {
                ("dsn", Value::Text(dsn)) => map.entry(name, &value::without_keys(dsn)),
                ("http_proxy" | "https_proxy", Value::Text(url)) => map.entry(name, &without_password(url)),
                _ => map.entry(name, value),
            };
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_dsn_alone_has_the_defaults_of_the_table() {
        let options = config(r#"{"dsn": "https://k1@h/1"}"#).options_from(&|_| None).unwrap();
        let effective = options.effective();
        for (name, value, source) in [
            ("dsn", "https://***@h/1", Source::File),
            ("traces_sample_rate", "1", Source::File),
            ("environment", "production", Source::Default),
            ("release", "-", Source::Default),
            ("debug", "false", Source::Default),
            ("attach_stacktrace", "true", Source::File),
            ("send_default_pii", "false", Source::Default),
            ("sample_rate", "1", Source::Default),
        ] {
            let option = effective.get(name).unwrap();
            assert_eq!((option.value.as_str(), option.source), (value, source), "{name}");
        }
    }

    #[test]
    fn every_key_is_read_and_told() {
        let json = r#"{
            "dsn": "https://k1@h/1", "environment": "eu", "release": "shop@1", "dist": 77, "server_name": "web-1",
            "debug": true, "sample_rate": 0.5, "traces_sample_rate": "0.25", "profiles_sample_rate": 0.75,
            "profile_session_sample_rate": 0.125, "profile_lifecycle": "trace", "profile_chunk_length": 30, "org_id": 12, "strict_trace_continuation": true,
            "propagate_traceparent": true, "trace_propagation_targets": ["http://a/", "b"], "ignore_transactions": ["/health"],
            "ignore_spans": ["poll*"], "trace_ignore_status_codes": [404, 410], "max_breadcrumbs": 7,
            "max_value_length": 99, "attach_stacktrace": false, "send_default_pii": true, "max_request_body_size": "small",
            "send_client_reports": false, "in_app_include": ["shop"], "in_app_exclude": ["vendor"],
            "default_integrations": false, "console": true, "transport_queue_size": 5, "transport_queue_bytes": 6000,
            "max_in_flight": 2, "enable_backpressure_handling": false, "lower_worker_priority": false, "shutdown_timeout": 0.5,
            "enable_logs": true, "enable_metrics": false, "auto_session_tracking": false, "session_mode": "application",
            "spool": "/var/spool/shop", "spotlight": "http://localhost:1/s", "compression": "zstd",
            "http_proxy": "http://proxy:3128", "https_proxy": "http://proxy:3129", "no_proxy": ".internal",
            "ca_certs": "/etc/ssl/shop.pem", "client_cert": ["shop.pem", "shop.key"]
        }"#;
        let config = config(json);
        let effective = config.options_from(&|_| None).unwrap().effective();
        assert_eq!(config.values.len(), KEYS.len(), "the test has every key");
        for (name, value) in &config.values {
            let option = effective.get(name).unwrap();
            assert_eq!(option.source, Source::File, "{name}: {}", option.value);
            if *name != "dsn" {
                assert_eq!(option.value, value.to_string(), "{name}");
            }
        }
    }

    #[test]
    fn code_goes_before_the_environment_and_that_before_the_file() {
        let file = config(r#"{"environment": "file", "traces_sample_rate": 0.1, "release": "file@1"}"#);
        let environment = |name: &str| match name {
            "SENTRY_ENVIRONMENT" => Some("variable".to_owned()),
            "SENTRY_TRACES_SAMPLE_RATE" => Some("0.2".to_owned()),
            "SOURCE_VERSION" => Some("commit".to_owned()),
            _ => None,
        };
        let options = file.options_from(&environment).unwrap().traces_sample_rate(0.3).unwrap();
        let options = options.fill_from(&environment).unwrap(); // as init does it
        let effective = options.effective();
        let of = |name| effective.get(name).map(|option| (option.value.as_str(), option.source)).unwrap();
        assert_eq!(of("environment"), ("variable", Source::Environment("SENTRY_ENVIRONMENT")));
        assert_eq!(of("traces_sample_rate"), ("0.3", Source::Code));
        assert_eq!(
            of("release"),
            ("file@1", Source::File),
            "what a build platform happens to say is no wish"
        );
    }

    #[test]
    fn debug_output_has_no_key() {
        let shown = format!("{:?}", config(r#"{"dsn": "https://public:secret@h/1", "debug": true}"#));
        assert_eq!(shown, r#"{"debug": true, "dsn": "https://***@h/1"}"#);
        let shown = format!("{:?}", config(r#"{"dsn": "${SENTRY_DSN}"}"#));
        assert_eq!(shown, r#"{"dsn": "${SENTRY_DSN}"}"#);
        let shown = format!("{:?}", config(r#"{"dsn": "https://secret@${HOST}/1"}"#));
        assert_eq!(shown, r#"{"dsn": "***"}"#);
        let shown = format!("{:?}", config(r#"{"http_proxy": "http://user:secret@proxy:3128"}"#));
        assert_eq!(shown, r#"{"http_proxy": "http://***@proxy:3128"}"#);
    }

    #[test]
    fn a_proxy_says_who_named_it_and_no_password() {
        let environment = |name: &str| match name {
            "https_proxy" => Some("http://user:secret@proxy:3128".to_owned()),
            "SSL_CERT_FILE" => Some("/etc/ssl/all.pem".to_owned()),
            _ => None,
        };
        let file = config(r#"{"ca_certs": "shop.pem", "http_proxy": "http://me:secret@other:3128"}"#);
        let options = file.options_from(&environment).unwrap().fill_from(&environment).unwrap(); // as init does it
        let effective = options.effective();
        let of = |name| effective.get(name).map(|option| (option.value.as_str(), option.source)).unwrap();
        assert_eq!(of("https_proxy"), ("http://***@proxy:3128", Source::Environment("https_proxy")));
        assert_eq!(of("http_proxy"), ("http://***@other:3128", Source::File));
        assert_eq!(of("ca_certs"), ("shop.pem", Source::File), "what is set for every program is no wish");
        assert_eq!(of("compression"), ("gzip", Source::Default));
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let refused = serde_json::from_str::<Config>(r#"{"client_cert": "shop.pem"}"#).unwrap_err();
        let expected = "invalid option client_cert=\"shop.pem\": expected a list of two files: a certificate and its key";
        assert!(refused.to_string().starts_with(expected), "{refused}");
    }
}
