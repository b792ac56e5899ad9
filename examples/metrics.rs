//! Metrics: counters, gauges and distributions, with units and attributes.
//!
//! `cargo run --example metrics` works off some orders and ends. Without `SENTRY_DSN` what it reports is drawn in this terminal.

use std::error::Error;
use std::time::Instant;

use watchpost::{Options, metrics, start_transaction};

fn main() -> Result<(), Box<dyn Error>> {
    let _guard = watchpost::init(Options::from_env()?.traces_sample_rate(1.0)?.console())?;
    watchpost::set_attribute("shop", "vienna"); // on every metric and log of the program

    let orders = [("pro", 120), ("free", 5), ("pro", 48)];
    for (waiting, (plan, items)) in orders.iter().enumerate() {
        metrics::gauge("orders.waiting", orders.len() - waiting);
        // In a span, so that whoever looks at a number finds the trace that it comes from.
        let _work = start_transaction("order").op("task").enter();
        let began = Instant::now();
        let cents = price(*items);
        metrics::count("orders.placed", 1).attribute("plan", *plan);
        metrics::distribution("order.value", cents as f64 / 100.0).unit("euro").attribute("plan", *plan);
        metrics::distribution("order.duration", began.elapsed()).unit("second");
    }
    Ok(())
}

fn price(items: u64) -> u64 {
    (0..items).map(|item| 199 + item % 7).sum()
}
