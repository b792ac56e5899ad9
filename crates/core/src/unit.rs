//! How a unit of work begins: a request, a job (`protocol.md` §15.7).

use std::sync::Arc;

use crate::client::Client;
use crate::current::{Memo, Scopes};
use crate::propagation_context::PropagationContext;
use crate::scope::RequestSource;
use crate::{diag, hints};

/// What a unit of work begins with, besides what is set around it.
#[derive(Default)]
pub struct UnitInit<'a> {
    /// The `sentry-trace` that came with it; without one it is a trace that begins here.
    pub sentry_trace: Option<&'a str>,
    /// The `baggage` that came with it.
    pub baggage: Option<&'a str>,
    /// What is known of its request.
    pub request: Option<Arc<dyn RequestSource>>,
    /// Whether it is a request to a server: then it is a session, if the client counts them.
    pub session: bool,
}

impl Scopes {
    /// Scopes for a unit of work that reports to `client`: forks of what is set around it (§15.1), without breadcrumbs and without an open span, in the trace that came with it. All
    /// of it is set before anybody else can see the scopes, so nothing is locked or copied twice.
    #[must_use]
    pub fn begin_unit(&self, client: &Client, init: UnitInit<'_>) -> Scopes {
        let own_org = client.config().org_id.as_deref();
        let strict = client.options().strict_trace_continuation;
        let trace = Arc::new(PropagationContext::continued(
            init.sentry_trace,
            init.baggage,
            own_org,
            strict,
            client.rng(),
        ));
        if diag::enabled() && !self.unit && self.isolation.data().user.is_some() {
            hints::user_of_the_process();
        }
        let session = if init.session { client.begin_request() } else { None };
        let (isolation, current) = self.isolation.begin(&self.current, (trace, session), |data| {
            data.request = init.request;
            data.response_status = None;
        });
        Scopes {
            client: self.client.clone(),
            isolation,
            current,
            span: None,
            unit: true,
            memo: Memo::default(),
        }
    }
}

impl std::fmt::Debug for UnitInit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnitInit")
            .field("sentry_trace", &self.sentry_trace)
            .field("baggage", &self.baggage)
            .field("has_request", &self.request.is_some())
            .field("session", &self.session)
            .finish()
    }
}
