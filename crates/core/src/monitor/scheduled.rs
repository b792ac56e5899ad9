//! The body of a job for schedulers that call closures.

use std::future::Future;
use std::pin::Pin;

use super::{Monitor, Outcome};
use crate::future::FutureExt;

/// What a scheduler polls.
type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Monitor {
    /// What `tokio-cron-scheduler` runs, or any scheduler that calls a closure with two things of its own and polls what it returns: each run
    /// checks in as by [`run_async`](Self::run_async), and is a unit of work with scopes of its own.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_core::monitor::*; pub use watchpost_protocol::*; }
    /// # use std::{future::Future, pin::Pin};
    /// # struct Job;
    /// # struct Lock;
    /// # impl Job {
    /// #     fn new_async<T>(_: String, _: T) -> Result<Job, std::io::Error>
    /// #     where T: FnMut(u128, Lock) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static { Ok(Job) }
    /// # }
    /// use watchpost::{Crontab, monitor};
    ///
    /// async fn bill() -> Result<(), std::io::Error> {
    ///     Ok(())
    /// }
    ///
    /// let crontab: Crontab = "0 3 * * *".parse()?;
    /// let seconds_first = crontab.with_seconds(); // as that scheduler wants it
    /// let nightly = monitor("nightly-billing")?.crontab(crontab);
    /// let job = Job::new_async(seconds_first, nightly.job(|_id, _scheduler| bill()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn job<A, B, F, R>(self, mut start: F) -> impl FnMut(A, B) -> Body + Send + Sync + use<A, B, F, R>
    where
        F: FnMut(A, B) -> R + Send + Sync,
        R: Future<Output: Outcome + Send> + Send + 'static,
    {
        move |first, second| {
            let (monitor, job) = (self.clone(), start(first, second));
            let run = async move { drop(monitor.run_async(job).await) };
            Box::pin(async move { run.isolated().await })
        }
    }
}
