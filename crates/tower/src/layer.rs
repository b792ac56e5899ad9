//! The layer and its service: what happens when a request comes in.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use watchpost_core::layer::{any_active, continue_trace, sends_pii};
use watchpost_core::{Scopes, Span, mute};

use crate::future::ResponseFuture;
use crate::request::Head;

/// The layer, with every default.
#[must_use]
pub fn request_layer() -> RequestLayer {
    RequestLayer::new()
}

/// Wraps a service, so that each of its requests is a unit of work of its own; see the [crate documentation](crate).
#[derive(Debug, Clone)]
pub struct RequestLayer {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) failed: RangeInclusive<u16>,
    pub(crate) origin: &'static str,
}

impl Default for RequestLayer {
    fn default() -> Self {
        RequestLayer::new()
    }
}

impl RequestLayer {
    /// A layer with every default.
    #[must_use]
    pub fn new() -> Self {
        let origin = if cfg!(feature = "axum") { "auto.http.axum" } else { "auto.http.tower" };
        RequestLayer { settings: Arc::new(Settings { failed: 500..=599, origin }) }
    }

    /// Which statuses of a response are an issue (features E20). Default: 500 to 599.
    #[must_use]
    pub fn failed_request_status_codes(mut self, codes: RangeInclusive<u16>) -> Self {
        Arc::make_mut(&mut self.settings).failed = codes;
        self
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService { inner, settings: Arc::clone(&self.settings) }
    }
}

/// A service whose requests are reported; made by [`RequestLayer`].
#[derive(Debug, Clone)]
pub struct RequestService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: std::fmt::Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !any_active() || mute::is_muted() {
            return ResponseFuture::unobserved(self.inner.call(request));
        }
        let (scopes, span) = self.begin(&request);
        let scopes = Arc::new(scopes.with_span(&span));
        let future = {
            // What the service does before its future is polled belongs to the request too.
            let _entered = scopes.attach();
            self.inner.call(request)
        };
        ResponseFuture::observed(future, scopes, span, Arc::clone(&self.settings))
    }
}

impl<S> RequestService<S> {
    /// The recipe of `protocol.md` §15.7: a scope of its own without inherited breadcrumbs, the request, the trace, the transaction.
    fn begin<B>(&self, request: &Request<B>) -> (Scopes, Span) {
        let scopes = Scopes::current().isolated().with_span_ref(None);
        scopes.isolation().clear_breadcrumbs();
        let head = Head::of(request, sends_pii(&scopes));
        let builder = continue_trace(&scopes, request.headers())
            .name(head.name())
            .source(head.source())
            .op("http.server")
            .origin(self.settings.origin);
        let span = head.describe(builder).start_in(&scopes);
        scopes.current_scope().set_transaction_name(head.name(), head.source());
        scopes.isolation().set_request(Some(Arc::new(move || head.print())));
        (scopes, span)
    }
}
