//! The dynamic sampling context of a trace (`protocol.md` §8.4): as it came in, or what this process says as the head of the trace.

use std::sync::Arc;

use watchpost_protocol::propagation::{format_rate, format_sample_rand};
use watchpost_protocol::{DynamicSamplingContext, TransactionSource};

use crate::config::Config;
use crate::propagation_context::PropagationContext;
use crate::sampling::Sampled;

/// The context of a trace without a decision. From now on it is frozen.
pub(crate) fn of_scope(propagation: &PropagationContext, config: &Config) -> Arc<DynamicSamplingContext> {
    let frozen = propagation.frozen.get_or_init(|| match &propagation.incoming {
        Some(incoming) => Arc::clone(incoming),
        None => Arc::new(of_head(propagation, config)),
    });
    Arc::clone(frozen)
}

/// The context of a trace with a decision, unless it is frozen already; from now on it is. What came in is changed by a sampler's own
/// decision alone.
pub(crate) fn of_trace(
    propagation: &PropagationContext,
    config: &Config,
    sampled: &Sampled,
    name: impl FnOnce() -> (String, TransactionSource),
) -> Arc<DynamicSamplingContext> {
    let frozen = propagation.frozen.get_or_init(|| match &propagation.incoming {
        Some(incoming) if !sampled.by_sampler || incoming.is_empty() => Arc::clone(incoming),
        Some(incoming) => {
            let mut dsc = (**incoming).clone();
            write_decision(&mut dsc, sampled);
            Arc::new(dsc)
        }
        None => {
            let mut dsc = of_head(propagation, config);
            if !dsc.is_empty() {
                write_decision(&mut dsc, sampled);
                let (name, source) = name();
                if source != TransactionSource::Url {
                    dsc.set("transaction", name);
                }
            }
            Arc::new(dsc)
        }
    });
    Arc::clone(frozen)
}

fn of_head(propagation: &PropagationContext, config: &Config) -> DynamicSamplingContext {
    let mut dsc = DynamicSamplingContext::default();
    let Some(destination) = &config.dsn else {
        return dsc; // nobody to sample for: the console, a transport of one's own
    };
    dsc.set("trace_id", propagation.trace_id.to_string());
    dsc.set("public_key", destination.public_key());
    dsc.set("sample_rand", format_sample_rand(propagation.sample_rand));
    if let Some(release) = &config.release {
        dsc.set("release", release.to_string());
    }
    dsc.set("environment", config.environment.to_string());
    if let Some(org_id) = &config.org_id {
        dsc.set("org_id", org_id.clone());
    }
    dsc
}

fn write_decision(dsc: &mut DynamicSamplingContext, sampled: &Sampled) {
    if let Some(rate) = sampled.rate {
        dsc.set("sample_rate", format_rate(rate));
    }
    dsc.set("sampled", if sampled.sampled { "true" } else { "false" });
}
