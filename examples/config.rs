//! Reporting as a section of an application's own configuration.
//!
//! `cargo run --example config` reads `config.toml`, which names variables of the environment; prints which options hold and where each comes from;
//! and reports an error. Without `SENTRY_DSN` what it reports is drawn in this terminal.

use std::error::Error;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct AppConfig {
    port: u16,
    sentry: watchpost::Config,
}

fn main() -> Result<(), Box<dyn Error>> {
    let config: AppConfig = toml::from_str(include_str!("config.toml"))?;

    // What is known at compile time is set in code, which goes before the environment and the file.
    let options = config.sentry.options()?.release(watchpost::release_name!())?;
    let guard = watchpost::init(options)?;
    println!("{}", guard.client().options().effective());

    println!("listening on port {}", config.port);
    watchpost::capture_error(&"no".parse::<u16>().unwrap_err());
    Ok(())
}
