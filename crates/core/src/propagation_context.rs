//! The trace that work belongs to when no span is open ("tracing without performance", `protocol.md` §8.7).

use std::sync::{Arc, OnceLock};

use watchpost_protocol::propagation::{continues, format_sample_rand};
use watchpost_protocol::{DynamicSamplingContext, SentryTrace, SpanId, TraceId};

use crate::rng::{self, Rng};

/// The ids of a trace, and what the process that started it has decided.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PropagationContext {
    pub(crate) trace_id: TraceId,
    /// What stands for a span in events of this trace while none is open.
    pub(crate) span_id: SpanId,
    /// The span of the other process that this trace continues.
    pub(crate) parent_span_id: Option<SpanId>,
    /// The other process's decision; `None` if it left the decision to us.
    pub(crate) parent_sampled: Option<bool>,
    /// The sampling context that came with the trace. `None` if this process is the head of the trace.
    pub(crate) incoming: Option<Arc<DynamicSamplingContext>>,
    /// The sampling context that has left the process, with a request or an envelope: it never changes any more (§8.4).
    pub(crate) frozen: OnceLock<Arc<DynamicSamplingContext>>,
    pub(crate) sample_rand: f64,
    /// Whether it is of the process as a whole, because the program that started it gave it the trace: then every root joins it that begins
    /// in the process's own scope, and not only the one that it was continued for.
    pub(crate) of_process: bool,
}

impl PropagationContext {
    /// A trace that begins here.
    pub(crate) fn fresh(rng: &dyn Rng) -> Self {
        PropagationContext {
            trace_id: rng::trace_id(rng),
            span_id: rng::span_id(rng),
            parent_span_id: None,
            parent_sampled: None,
            incoming: None,
            frozen: OnceLock::new(),
            sample_rand: rng::sample_rand(rng),
            of_process: false,
        }
    }

    /// The trace that `sentry-trace` and `baggage` name (§8.8), or a fresh one if they name none or one that is not ours to
    /// continue (§8.9).
    pub(crate) fn continued(
        sentry_trace: Option<&str>,
        baggage: Option<&str>,
        own_org: Option<&str>,
        strict: bool,
        rng: &dyn Rng,
    ) -> Self {
        let Some(head) = sentry_trace.and_then(|value| value.parse::<SentryTrace>().ok()) else {
            return Self::fresh(rng);
        };
        let mut dsc = baggage.map(DynamicSamplingContext::from_baggage).unwrap_or_default();
        if !continues(dsc.org_id(), own_org, strict) {
            crate::debug!("the incoming trace belongs to another organization: a new one was started");
            return Self::fresh(rng);
        }
        let sample_rand = match dsc.sample_rand() {
            Some(rand) => rand,
            None => {
                let rand = backfill(head.sampled, dsc.sample_rate(), rng);
                match rand {
                    Some(rand) if !dsc.is_empty() => dsc.set("sample_rand", format_sample_rand(rand)),
                    // What stands there is no number, and none agrees with the decision.
                    _ => dsc.remove("sample_rand"),
                }
                rand.unwrap_or(if head.sampled == Some(true) { 0.0 } else { 0.999_999 })
            }
        };
        PropagationContext {
            trace_id: head.trace_id,
            span_id: rng::span_id(rng),
            parent_span_id: Some(head.span_id),
            parent_sampled: head.sampled,
            incoming: Some(Arc::new(dsc)),
            frozen: OnceLock::new(),
            sample_rand,
            of_process: false,
        }
    }

    /// The rate that the head of the trace says it used.
    pub(crate) fn parent_sample_rate(&self) -> Option<f64> {
        self.incoming.as_ref().and_then(|dsc| dsc.sample_rate())
    }
}

/// A `sample_rand` that agrees with the decision that came in (§8.5); `None` where no number does.
fn backfill(sampled: Option<bool>, rate: Option<f64>, rng: &dyn Rng) -> Option<f64> {
    let interval = watchpost_protocol::propagation::sample_rand_interval(sampled, rate);
    let (low, high) = ((interval.start * 1e6).floor() as u64, (interval.end * 1e6).floor() as u64);
    (low < high).then(|| (low + rng.next_u64() % (high - low)) as f64 / 1e6)
}
