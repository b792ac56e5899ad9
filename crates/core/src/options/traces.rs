//! Which traces are kept, what of them, and who is told of them (`protocol.md` §8).

use std::sync::Arc;

use watchpost_protocol::Transaction;

use super::Options;
use crate::error::InitError;
use crate::filters::SpanRule;
use crate::pattern::Pattern;
use crate::sampling::{Decision, SampleRate, SamplingContext};

impl Options {
    /// The share of traces that is kept, where neither a sampler nor the caller of this program decides. Not set means that tracing is
    /// off, which is not the same as 0.0. Default: `SENTRY_TRACES_SAMPLE_RATE`, else not set.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn traces_sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.traces_sample_rate = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// Decides about each trace that begins here, before the parent's decision and `traces_sample_rate`. Runs on the thread that starts
    /// the root span. One that panics leaves the decision to those two. Default: none.
    ///
    /// It sees the root as it starts: its name, its operation, and the attributes that it starts with.
    ///
    /// ```
    /// # use watchpost_core::{Decision, Options};
    /// let options = Options::new().traces_sampler(|root| match (root.op, root.attributes.get("tenant")) {
    ///     (Some("queue.process"), _) => Decision::Rate(0.01),
    ///     (_, Some(tenant)) if tenant == "acme".into() => Decision::Keep,
    ///     _ => Decision::Inherit,
    /// });
    /// ```
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

    /// Transactions that are not wanted, by their whole name: `/health`, or `tick *`, in which `*` is anything. A path also names the requests to
    /// it, by whatever method: `/health` is `GET /health`. Such a root is not sampled, and neither is what continues its trace elsewhere,
    /// whatever the sampler and the caller say; it is counted as `sample_rate`. One that is given its name later is dropped when it ends,
    /// and counted as `event_processor`. Replaces what was set before. Default: none.
    pub fn ignore_transactions<P: Into<Pattern>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.ignore_transactions = names.into_iter().map(Into::into).collect();
        self
    }

    /// Spans that are not wanted, by their whole name (`poll*`, in which `*` is anything) or by a [`SpanRule`]. That is decided on the worker, by what a
    /// span is called in the end. The children of such a span move up to its parent; with a root goes its whole trace. They are counted
    /// as `ignored`. Replaces what was set before. Default: none.
    pub fn ignore_spans<R: Into<SpanRule>>(mut self, rules: impl IntoIterator<Item = R>) -> Self {
        self.ignore_spans = rules.into_iter().map(Into::into).collect();
        self
    }

    /// Transactions that are not wanted, by what they answered: those whose `http.response.status_code` is one of these, as `[404]` or
    /// `300..400`. They are dropped when they end, and counted as `event_processor`. Replaces what was set before.
    /// Default: none.
    pub fn trace_ignore_status_codes(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.trace_ignore_status_codes = codes.into_iter().collect();
        self
    }

    /// The URLs whose requests are given headers of the trace, by the layers for clients and by [`trace_headers_for`](crate::api::trace_headers_for): those that contain one of these texts, or, with
    /// the feature `regex`, in which one of these expressions is found. A text is found anywhere, in the query of somebody else's URL too;
    /// `https://api.example.com/` says more than `api.example.com`. An empty list is no URL at all. The host of the DSN is never
    /// one of them. Default: every URL.
    ///
    /// ```
    /// # use watchpost_core::Options;
    /// let options = Options::new().trace_propagation_targets(["https://api.example.com/", "http://localhost"]);
    /// let nowhere = Options::new().trace_propagation_targets::<&str>([]);
    /// ```
    pub fn trace_propagation_targets<P: Into<Pattern>>(mut self, urls: impl IntoIterator<Item = P>) -> Self {
        self.trace_propagation_targets = Some(urls.into_iter().map(Into::into).collect());
        self
    }

    /// The id of the organization, for the check of incoming traces. Default: the one in the DSN's host.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = Some(org_id.into());
        self
    }

    /// Whether only traces of the own organization are continued. Default: false.
    pub fn strict_trace_continuation(mut self, strict: bool) -> Self {
        self.strict_trace_continuation = strict;
        self
    }

    /// Whether outgoing headers have a W3C `traceparent` too. Default: false.
    pub fn propagate_traceparent(mut self, propagate: bool) -> Self {
        self.propagate_traceparent = propagate;
        self
    }
}
