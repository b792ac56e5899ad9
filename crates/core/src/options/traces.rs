//! Which traces are kept, what of them, and who is told of them (`protocol.md` §8).

use std::sync::Arc;

use watchpost_protocol::Transaction;

use super::Options;
use crate::error::InitError;
use crate::sampling::{Decision, SampleRate, SamplingContext};

impl Options {
    /// The share of traces that is kept, where neither a sampler nor the caller of this program decides. Not set means that tracing is
    /// off, which is not the same as 0.0 (`protocol.md` §8.6). Default: `SENTRY_TRACES_SAMPLE_RATE`, else not set.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn traces_sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.traces_sample_rate = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// Decides about each trace that begins here, before the parent's decision and `traces_sample_rate`. Runs on the thread that starts
    /// the root span. One that panics leaves the decision to those two. Default: none.
    pub fn traces_sampler(
        mut self,
        sampler: impl Fn(&SamplingContext<'_>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        self.traces_sampler = Some(Arc::new(sampler));
        self
    }

    /// Sees every transaction last, on the worker; as [`before_send`](Self::before_send). Default: none.
    pub fn before_send_transaction(
        mut self,
        hook: impl Fn(Transaction) -> Option<Transaction> + Send + Sync + 'static,
    ) -> Self {
        self.before_send_transaction = Some(Arc::new(hook));
        self
    }

    /// The id of the organization, for the check of incoming traces (§8.9). Default: the one in the DSN's host.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = Some(org_id.into());
        self
    }

    /// Whether only traces of the own organization are continued (§8.9). Default: false.
    pub fn strict_trace_continuation(mut self, strict: bool) -> Self {
        self.strict_trace_continuation = strict;
        self
    }

    /// Whether outgoing headers have a W3C `traceparent` too (§8.10). Default: false.
    pub fn propagate_traceparent(mut self, propagate: bool) -> Self {
        self.propagate_traceparent = propagate;
        self
    }
}
