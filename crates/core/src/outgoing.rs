//! What goes along with a request or a message, so that its trace goes on where it arrives (`protocol.md` §8.10).

use std::sync::Arc;

use watchpost_protocol::propagation::{self, merge_baggage};
use watchpost_protocol::{DynamicSamplingContext, SentryTrace};

use crate::client::Client;
use crate::current::Scopes;
use crate::dsc;

/// What is told of the trace that is open in some scopes. To ask for it freezes the sampling context of the trace.
#[derive(Debug)]
pub struct Outgoing {
    trace: SentryTrace,
    context: Arc<DynamicSamplingContext>,
    /// Whether others than Sentry are told too.
    traceparent: bool,
}

impl Outgoing {
    /// Of the open span, else of the trace that these scopes are in; `client` is theirs.
    #[must_use]
    pub fn of(scopes: &Scopes, client: &Client) -> Self {
        let traceparent = client.options().propagate_traceparent;
        match &scopes.span {
            Some(span) => Outgoing { trace: span.header(), context: span.trace.dsc(), traceparent },
            None => {
                let propagation = scopes.propagation(client);
                let trace = SentryTrace {
                    trace_id: propagation.trace_id,
                    span_id: propagation.span_id,
                    sampled: propagation.parent_sampled,
                };
                Outgoing { trace, context: dsc::of_scope(&propagation, client.config()), traceparent }
            }
        }
    }

    /// The value of `sentry-trace`.
    #[must_use]
    pub fn sentry_trace(&self) -> String {
        self.trace.to_string()
    }

    /// The value of `baggage`, behind what others have put there. It may be empty: then there is nothing to say.
    #[must_use]
    pub fn baggage(&self, of_others: Option<&str>) -> String {
        merge_baggage(of_others, &self.context)
    }

    /// The value of `traceparent`, where the option `propagate_traceparent` asks for it.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let SentryTrace { trace_id, span_id, sampled } = self.trace;
        self.traceparent.then(|| propagation::traceparent(trace_id, span_id, sampled))
    }

    /// All of them, for a request that has none yet.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("sentry-trace", self.sentry_trace())];
        let baggage = self.baggage(None);
        if !baggage.is_empty() {
            headers.push(("baggage", baggage));
        }
        headers.extend(self.traceparent().map(|value| ("traceparent", value)));
        headers
    }
}
