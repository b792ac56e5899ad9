//! Structured logs: by hand, and from the `tracing` events that a program has anyway.
//!
//! `cargo run --example logs` sells three lamps and ends. Without `SENTRY_DSN` what it reports is drawn in this terminal.

use std::error::Error;

use tracing_subscriber::prelude::*;
use watchpost::protocol::{AttributeValue, Log};
use watchpost::{LogLevel, Options, User, logger};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env()?.traces_sample_rate(1.0)?.console();
    let _guard = watchpost::init(options.before_send_log(wanted))?;
    // INFO and above: each is a log, and a breadcrumb of the next issue.
    let layer = watchpost::tracing::layer().logs(tracing::Level::INFO);
    tracing_subscriber::registry().with(layer).init();

    watchpost::set_attribute("shop", "vienna"); // on every log and metric of the program
    logger::info!("the shop is open");
    for (order, customer) in [(1, "ann"), (2, "bob"), (3, "eve")] {
        sell(order, customer);
    }
    Ok(())
}

/// Each order is a trace; what is logged in it belongs to the span that is open.
#[tracing::instrument]
fn sell(order: u32, customer: &str) {
    watchpost::set_user(User::id(customer)); // of this order only
    tracing::info!(order, "order received");
    let left = check_stock(order);
    if left == 0 {
        // The text groups by its template; the parameters can be searched, with their types.
        logger::warn!(shelf = 7; "no {article} is left for order {order}", article = "lamp", order = order);
    } else {
        logger::info!("order {order} leaves {left} in stock", order = order, left = left);
    }
}

#[tracing::instrument]
fn check_stock(order: u32) -> u32 {
    logger::debug!("looking into the stock");
    2_u32.saturating_sub(order)
}

/// Sees every log last: what nobody looks at need not be sent.
fn wanted(mut log: Log) -> Option<Log> {
    if log.level <= LogLevel::Debug {
        return None;
    }
    if log.attributes.get("shelf") == Some(&AttributeValue::Integer(7)) {
        log.attributes.insert("floor".to_owned(), "ground".into());
    }
    Some(log)
}
