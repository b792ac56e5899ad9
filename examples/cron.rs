//! Jobs that have to run again and again: each says when it begins and how it ended, so that a missed one is noticed, too.
//!
//! `cargo run --example cron` runs four jobs, one of which fails, and ends. Without `SENTRY_DSN` what it reports is drawn in this terminal.
//! The schedules are for the server to know: whatever starts your jobs (cron, systemd, Kubernetes, a scheduler in the program) stays as it is.

use std::error::Error;
use std::time::Duration;

use watchpost::{CheckInStatus, IntervalUnit, Options, monitor};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = watchpost::init(Options::from_env()?.console())?;

    // Around a closure or a future. The monitor is created on the server by its first check-in, because it has a schedule.
    let nightly =
        monitor("nightly-billing")?.schedule("0 3 * * *")?.timezone("Europe/Vienna").max_runtime(30);
    nightly.run(|| println!("billing"));
    let import = monitor("import")?.schedule((10, IntervalUnit::Minute))?.checkin_margin(2);
    if let Err(error) = import.run_async(fetch("catalogue")).await {
        println!("the import has failed, and its check-in says so: {error}");
    }

    // On a function: the slug and the crontab are checked when the program is compiled.
    clean_up().await;

    // By hand: a heartbeat, and a run whose end is told elsewhere.
    monitor("worker-is-alive")?.check_in(CheckInStatus::Ok).send();
    let report = monitor("report")?.schedule("0 8 * * mon")?;
    let id = report.check_in(CheckInStatus::InProgress).send();
    report.check_in(CheckInStatus::Ok).id(id).duration(Duration::from_secs(3)).send();
    Ok(())
}

async fn fetch(what: &str) -> Result<(), String> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    Err(format!("nobody offers a {what}"))
}

#[watchpost::monitor("clean-up", schedule = "*/15 * * * *", failure_issue_threshold = 2)]
async fn clean_up() {
    println!("cleaning up");
}
