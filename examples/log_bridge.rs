//! A program that logs by the `log` crate: its logger goes on as before, and Watchpost listens.
//!
//! `cargo run --example log_bridge` writes a few records and ends. Without `SENTRY_DSN` the issue is drawn in this terminal, with what led up to it.

use std::error::Error;

use log::{error, info, warn};
use watchpost::log::LogBridge;
use watchpost::{Options, start_transaction};

fn main() -> Result<(), Box<dyn Error>> {
    let _guard = watchpost::init(Options::from_env()?.traces_sample_rate(1.0)?.console())?;

    // In the place of `env_logger::init()`. Any logger can stand here: fern's, syslog's, your own.
    let logger = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).build();
    log::set_max_level(logger.filter()); // the bridge raises it to what it wants itself, and no further
    LogBridge::wrapping(logger).init()?;

    // Each order is work of its own: the trail of the second does not begin with the first.
    let pay = |item: &&str| watchpost::with_isolation_scope(|_| pay(item));
    let paid = ["lamp", "chair"].into_iter().filter(pay).count();
    println!(
        "{paid} of 2 orders were paid; 1 issue was reported, and its trail is the infos and warnings before it"
    );
    Ok(())
}

fn pay(item: &str) -> bool {
    let _work = start_transaction("pay").op("task").enter();
    info!(item; "charging the card"); // a breadcrumb, with its fields
    if item == "lamp" {
        return true;
    }
    warn!("the bank is slow"); // a breadcrumb too
    error!("the card was declined"); // an issue
    false
}
