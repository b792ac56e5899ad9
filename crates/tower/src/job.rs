//! Work that is no request: jobs of a queue, invocations of a function, whatever a tower service takes.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use watchpost_core::api::start_transaction;
use watchpost_core::layer::Incoming;
use watchpost_core::unharmed;
use watchpost_core::{Client, FieldValue, Scopes, SpanBuilder, UnitInit, mute};
use watchpost_protocol::TransactionSource;

use crate::error::ServiceError;
use crate::unit::{Unit, place_of_work};

/// What a job is, as far as its transaction tells; made by the closure of [`job_layer`].
#[derive(Debug)]
#[must_use = "a job is described for the layer that asks"]
pub struct Job {
    transaction: SpanBuilder,
    origin: &'static str,
    incoming: Incoming,
}

impl Job {
    /// A job of this kind: its transaction's name, and not one that is different for each.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let transaction = start_transaction(name).source(TransactionSource::Task).op("queue.process");
        Job { transaction, origin: "auto.queue.tower", incoming: Incoming::default() }
    }

    /// The operation, as `function.aws`. Default: `queue.process`.
    pub fn op(mut self, op: impl Into<Cow<'static, str>>) -> Self {
        self.transaction = self.transaction.op(op);
        self
    }

    /// What watches it, as `auto.function.lambda`; also what issues say of where they come from. Default: `auto.queue.tower`.
    pub fn origin(mut self, origin: &'static str) -> Self {
        self.origin = origin;
        self
    }

    /// What the name is. Default: `task`.
    pub fn source(mut self, source: TransactionSource) -> Self {
        self.transaction = self.transaction.source(source);
        self
    }

    /// An attribute of the transaction, as `messaging.destination.name`.
    pub fn attribute<'a>(mut self, key: &'static str, value: impl Into<FieldValue<'a>>) -> Self {
        self.transaction = self.transaction.attribute(key, value);
        self
    }

    /// Continues the trace that travels with the job, in headers or metadata named `sentry-trace` and `baggage`, each of which may come in several
    /// pieces. What else is among them is left alone. Default: a trace that begins here.
    pub fn continue_trace<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        headers: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (name, value) in headers {
            self.incoming.add(name.as_ref(), value.as_ref());
        }
        self
    }

    /// Begins it: scopes of its own without inherited breadcrumbs, the trace, the transaction.
    fn begin(self, around: &Scopes, client: &Client) -> Unit {
        let Incoming { sentry_trace, baggage } = &self.incoming;
        let (sentry_trace, baggage) = (sentry_trace.as_deref(), baggage.as_deref());
        let scopes = around.begin_unit(client, UnitInit { sentry_trace, baggage, ..UnitInit::default() });
        let transaction = self.transaction.origin(self.origin).start_in(&scopes);
        Unit::of_work(scopes.with_span_ref(transaction.detach()))
    }
}

/// A layer for services whose requests are not HTTP's: each is a unit of work of its own, with a transaction. An error is an issue, once, and ends the
/// transaction as `internal_error`; a job that is dropped half-way ends as `cancelled`.
///
/// ```
/// # mod watchpost { pub use watchpost_tower as tower; }
/// use watchpost::tower::{Job, job_layer};
///
/// struct Resize { picture: u64, trace: Vec<(String, String)> }
///
/// let layer = job_layer(|task: &Resize| {
///     let trace = task.trace.iter().map(|(name, value)| (name, value));
///     Job::new("resize").attribute("picture", task.picture).continue_trace(trace)
/// });
/// ```
///
/// `describe` is asked before the job runs. One that panics leaves the job without a name, and harms it in no other way.
#[must_use]
pub fn job_layer<T, F: Fn(&T) -> Job>(describe: F) -> JobLayer<F> {
    JobLayer { describe: Arc::new(describe) }
}

/// Made by [`job_layer`].
pub struct JobLayer<F> {
    describe: Arc<F>,
}

impl<F> Clone for JobLayer<F> {
    fn clone(&self) -> Self {
        JobLayer { describe: Arc::clone(&self.describe) }
    }
}

impl<S, F> Layer<S> for JobLayer<F> {
    type Service = JobService<S, F>;

    fn layer(&self, inner: S) -> JobService<S, F> {
        JobService { inner, describe: Arc::clone(&self.describe) }
    }
}

/// A service whose jobs are reported; made by [`JobLayer`].
pub struct JobService<S, F> {
    inner: S,
    describe: Arc<F>,
}

impl<S: Clone, F> Clone for JobService<S, F> {
    fn clone(&self) -> Self {
        JobService { inner: self.inner.clone(), describe: Arc::clone(&self.describe) }
    }
}

impl<S, F, T> Service<T> for JobService<S, F>
where
    S: Service<T>,
    S::Error: ServiceError,
    F: Fn(&T) -> Job,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = JobFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, task: T) -> Self::Future {
        let Some((around, client)) = place_of_work() else {
            return JobFuture { future: Some(self.inner.call(task)), watch: None };
        };
        let job = {
            let _muted = mute::enter(); // what it reported would be somebody else's
            unharmed(|| (self.describe)(&task))
        };
        let job = job.unwrap_or_else(|| {
            watchpost_core::debug!("the closure that describes a job panicked: the job has no name");
            Job::new("")
        });
        let origin = job.origin;
        let mut unit = job.begin(&around, &client);
        // What the service does before its future is polled belongs to the job too.
        let running = unit.enter();
        let future = self.inner.call(task);
        drop(running);
        JobFuture { future: Some(future), watch: Some(Watch { unit, origin }) }
    }
}

pin_project! {
    /// Resolves to what the service within says; made by [`JobService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct JobFuture<F> {
        // `None` once it is done or dropped. It ends before the transaction does, under the scopes of its job.
        #[pin]
        future: Option<F>,
        watch: Option<Watch>,
    }

    impl<F> PinnedDrop for JobFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.watch.as_ref().map(|watch| watch.unit.scopes().attach());
            this.future.set(None);
        }
    }
}

#[derive(Debug)]
struct Watch {
    unit: Unit,
    origin: &'static str,
}

impl<F, T, E> Future for JobFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: ServiceError,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(watch) = this.watch.as_mut() else {
            let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
            return future.poll(context);
        };
        let running = watch.unit.enter();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let result = ready!(future.poll(context));
        this.future.set(None); // what it held goes before the job is over
        drop(running);
        if let Some(mut watch) = this.watch.take() {
            if let Err(error) = &result {
                watch.unit.fail(error, watch.origin);
            }
            watch.unit.finish();
        }
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for JobLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobLayer").finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, F> fmt::Debug for JobService<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for JobFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobFuture").field("watch", &self.watch).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_in_several_pieces_is_one_list() {
        let pieces = [("baggage", "a=1"), ("sentry-trace", "t"), ("Baggage", "b=2"), ("sentry-trace", "u")];
        let job = Job::new("resize").continue_trace(pieces);
        let Incoming { sentry_trace, baggage } = job.incoming;
        assert_eq!((sentry_trace.as_deref(), baggage.as_deref()), (Some("t,u"), Some("a=1,b=2")));
    }
}
