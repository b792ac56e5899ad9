//! Profiles: which functions were on the processor, of the program as a whole and of single transactions.
//!
//! `cargo run --example profiling` prices some carts, some of them badly, and ends. Without `SENTRY_DSN` the functions in which the time went are drawn in
//! this terminal. It takes the feature `profiling`; on Linux and macOS.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use watchpost::profiler::{self, Profile};
use watchpost::{Options, ProfileLifecycle, start_transaction};

/// So long each part works: enough for some samples, of which there are a hundred in a second.
const WORK: Duration = Duration::from_millis(400);

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env()?
        .release(watchpost::release_name!())?
        .traces_sample_rate(1.0)?
        .profile_session_sample_rate(1.0)? // every run of this program; in production, less
        .profile_lifecycle(ProfileLifecycle::Manual)
        .console();
    let _guard = watchpost::init(options)?;

    // From here to there, with every thread that works meanwhile.
    profiler::start();
    let printer = std::thread::Builder::new().name("printer".into()).spawn(|| work(print_invoice))?;
    work(price_cart);
    if printer.join().is_err() {
        return Err("the printer is out of order".into());
    }
    profiler::stop();

    // Of one transaction. That it was asked for is enough; by `profiles_sample_rate` a share of all transactions has one.
    let import = start_transaction("import prices").op("task").start();
    let profile = Profile::new(&import);
    work(sort_prices);
    profile.finish();
    import.finish();
    Ok(())
}

fn work(task: fn() -> u64) {
    let began = Instant::now();
    while began.elapsed() < WORK {
        black_box(task());
    }
}

/// Most of its time is in what it calls.
#[inline(never)]
fn price_cart() -> u64 {
    (0..100).map(|item| search_price(black_box(item)) + 1).sum()
}

/// Looks at every price, in a list that is sorted.
#[inline(never)]
fn search_price(item: u64) -> u64 {
    let prices = (0..2_000_u64).map(|price| price * 7);
    prices.filter(|price| black_box(*price) >= item * 70).min().unwrap_or_default()
}

#[inline(never)]
fn print_invoice() -> u64 {
    (0..200).map(|line: u64| format!("{line:>8} {:>12.2} EUR", line as f64 * 1.99).len() as u64).sum()
}

#[inline(never)]
fn sort_prices() -> u64 {
    let mut prices: Vec<u64> = (0..20_000_u64).map(|item| item.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    prices.sort_unstable();
    prices[prices.len() / 2]
}
