//! Reporting is configured where the application is: in its own file, whatever format that has (features C01–C09, I07).

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::Deserialize;
use watchpost::{Config, InitError, Options, Source};

/// The configuration of an application; reporting is a section of it.
#[derive(Debug, Deserialize)]
struct AppConfig {
    name: String,
    sentry: Config,
}

const TOML: &str = r#"
name = "shop"

[sentry]
dsn = "https://public:secret@o77.ingest.sentry.io/5"
environment = "${STAGE:-staging}"
release = "shop@1.4.0"
traces_sample_rate = 0.2
ignore_transactions = ["/health", "tick *"]
max_breadcrumbs = 50
shutdown_timeout = 5
"#;

const YAML: &str = r#"
name: shop
sentry:
  dsn: https://public:secret@o77.ingest.sentry.io/5
  environment: ${STAGE:-staging}
  release: shop@1.4.0
  dist:                       # not said
  traces_sample_rate: "${RATE:-0.2}"
  ignore_transactions:
    - /health
    - tick *
  max_breadcrumbs: 50
  shutdown_timeout: 5.0
"#;

const JSON: &str = r#"{
    "name": "shop",
    "sentry": {
        "dsn": "https://public:secret@o77.ingest.sentry.io/5",
        "environment": "${STAGE:-staging}",
        "release": "shop@1.4.0",
        "traces_sample_rate": 2e-1,
        "ignore_transactions": ["/health", "tick *"],
        "max_breadcrumbs": 50,
        "shutdown_timeout": 5
    }
}"#;

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn three_formats_say_the_same() {
    let toml: AppConfig = toml::from_str(TOML).unwrap();
    let yaml: AppConfig = serde_yaml_ng::from_str(YAML).unwrap();
    let json: AppConfig = serde_json::from_str(JSON).unwrap();
    let options = [toml, yaml, json].map(|app| {
        assert_eq!(app.name, "shop");
        app.sentry.options_from(&nothing).unwrap().effective()
    });
    assert_eq!(options[0], options[1]);
    assert_eq!(options[1], options[2]);

    let set: Vec<(&str, &str)> = (options[0].options().iter())
        .filter(|option| option.source == Source::File)
        .map(|option| (option.name, option.value.as_str()))
        .collect();
    assert_eq!(
        set,
        [
            ("dsn", "https://***@o77.ingest.sentry.io/5"),
            ("environment", "staging"),
            ("release", "shop@1.4.0"),
            ("traces_sample_rate", "0.2"),
            ("ignore_transactions", r#"["/health", "tick *"]"#),
            ("max_breadcrumbs", "50"),
            ("attach_stacktrace", "true"),
            ("shutdown_timeout", "5"),
        ]
    );
}

#[test]
fn what_is_printed_has_no_key_in_it() {
    let app: AppConfig = toml::from_str(TOML).unwrap();
    let options = app.sentry.options_from(&nothing).unwrap();
    for shown in [format!("{app:?}"), format!("{options:?}"), options.effective().to_string()] {
        assert!(shown.contains("https://***@o77.ingest.sentry.io/5"), "{shown}");
        assert!(!shown.contains("public") && !shown.contains("secret"), "{shown}");
    }
}

#[test]
fn code_goes_before_the_environment_and_the_environment_before_the_file() {
    let variable = |name: &str| {
        Some(format!("{name}-variable").replace("SENTRY_", "")).filter(|_| name == "SENTRY_ENVIRONMENT")
    };
    for (file, variables, code, expected) in [
        (false, false, false, ("production", Source::Default)),
        (true, false, false, ("file", Source::File)),
        (false, true, false, ("ENVIRONMENT-variable", Source::Environment("SENTRY_ENVIRONMENT"))),
        (true, true, false, ("ENVIRONMENT-variable", Source::Environment("SENTRY_ENVIRONMENT"))),
        (false, false, true, ("code", Source::Code)),
        (true, false, true, ("code", Source::Code)),
        (false, true, true, ("code", Source::Code)),
        (true, true, true, ("code", Source::Code)),
    ] {
        let text = if file { "environment = 'file'" } else { "" };
        let config: Config = toml::from_str(text).unwrap();
        let lookup = |name: &str| variable(name).filter(|_| variables);
        let mut options = config.options_from(&lookup).unwrap();
        if code {
            options = options.environment("code").unwrap();
        }
        let effective = options.fill_from(&lookup).unwrap().effective();
        let option = effective.get("environment").unwrap();
        assert_eq!((option.value.as_str(), option.source), expected, "{file} {variables} {code}");
    }
}

#[test]
fn an_empty_dsn_in_the_environment_switches_off_what_the_file_switches_on() {
    let config: Config = toml::from_str("dsn = 'https://k1@h/1'").unwrap();
    let options = config.options_from(&|name| (name == "SENTRY_DSN").then(String::new)).unwrap();
    let client = watchpost::new_client(options.use_environment(false)).unwrap();
    assert!(!client.is_active());
}

#[test]
fn a_misspelt_option_names_the_line_and_what_was_meant() {
    let error = toml::from_str::<AppConfig>("name = 'shop'\n[sentry]\ntraces_samplerate = 0.1\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unknown option \"traces_samplerate\": did you mean \"traces_sample_rate\"?"),
        "{error}"
    );
    let error = serde_yaml_ng::from_str::<AppConfig>("name: shop\nsentry:\n  debug: perhaps\n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("sentry: invalid option debug=\"perhaps\": expected true or false"), "{error}");
    assert!(error.contains("line 3"), "{error}");
}

#[test]
fn a_variable_that_is_missing_is_named_and_not_called_a_bad_dsn() {
    let config: Config = serde_yaml_ng::from_str("dsn: ${SHOP_DSN}").unwrap();
    let error = config.options_from(&nothing).unwrap_err();
    assert_eq!(error, InitError::Unset { option: "dsn", variable: "SHOP_DSN".into() });
}

#[test]
fn a_client_is_made_of_it() {
    let config: Config = toml::from_str("environment = 'eu'\nmax_breadcrumbs = 7").unwrap();
    let client = watchpost::new_client(&config).unwrap();
    assert_eq!(client.options().effective().get("environment").unwrap().value, "eu");
    let options = Options::try_from(config).unwrap();
    assert_eq!(options.effective().get("max_breadcrumbs").unwrap().source, Source::File);
}

#[test]
fn a_detected_value_says_so() {
    let client = watchpost::new_client(Options::new().use_environment(false)).unwrap();
    let effective = client.options().effective();
    assert_eq!(effective.get("server_name").unwrap().source, Source::Detected);
}
