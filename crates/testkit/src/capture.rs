//! Running something and seeing what it reports.

use std::sync::Arc;
use std::time::Duration;

use watchpost_core::{Client, Guard, InitError, Options, Scopes, api};

use crate::captured::Captured;
use crate::recorder::Recorder;

/// How long a test waits for the worker. On a machine that is busy with other tests the default of a program is too short.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options for a test: every trace is sampled, the environment of the process is not read, the DSN leads nowhere, what is captured arrives in
/// that order, and the guard waits for a minute rather than for two seconds.
pub fn options() -> Options {
    let options = Options::new().use_environment(false).shutdown_timeout(PATIENCE).max_in_flight(1);
    let options = options.traces_sample_rate(1.0);
    let options = options.and_then(|options| options.dsn("https://testkit@o1.ingest.invalid/1"));
    options.unwrap_or_default()
}

/// Runs `work` with a client of its own, with the [`options`] of a test, and hands back what it captured. A panic goes on: what it reports is captured
/// where `work` itself catches it, with an integration that reports panics.
pub fn capture(work: impl FnOnce()) -> Captured {
    capture_with(options(), work)
}

/// As [`capture`], with options of your own; their transport is replaced. Options that cannot work capture nothing.
pub fn capture_with(options: Options, work: impl FnOnce()) -> Captured {
    let recorder = Recorder::new();
    let Ok(client) = Client::new(options.transport(recorder.clone())) else { return Captured::default() };
    {
        let _entered = Arc::new(Scopes::of_client(&client)).attach();
        work();
    }
    client.close(Some(PATIENCE));
    recorder.captured()
}

/// Makes a recording client the process's own, for a test of a whole program. The process has one client: give such a test a file of its own.
///
/// # Errors
/// As [`init`](watchpost_core::api::init).
pub fn install(options: Options) -> Result<(Guard, Recorder), InitError> {
    let recorder = Recorder::new();
    let guard = api::init(options.transport(recorder.clone()))?;
    Ok((guard, recorder))
}
