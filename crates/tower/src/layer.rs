//! The layer and its service: what happens when a request comes in.

use std::fmt;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;
use watchpost_core::layer::{any_active, continue_trace, sends_pii};
use watchpost_core::{Scopes, mute};
use watchpost_protocol::User;

use crate::body::ResponseBody;
use crate::error::ServiceError;
use crate::future::ResponseFuture;
use crate::request::Head;
use crate::response::Watch;
use crate::unit::Unit;

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

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) failed: RangeInclusive<u16>,
    pub(crate) origin: &'static str,
    user: Option<UserOf>,
}

type UserOf = Arc<dyn Fn(&HeaderMap, &Extensions) -> Option<User> + Send + Sync>;

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("failed", &self.failed)
            .field("origin", &self.origin)
            .field("user", &self.user.is_some())
            .finish()
    }
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
        RequestLayer { settings: Arc::new(Settings { failed: 500..=599, origin, user: None }) }
    }

    /// Which statuses of a response are an issue (features E20). Default: 500 to 599.
    #[must_use]
    pub fn failed_request_status_codes(mut self, codes: RangeInclusive<u16>) -> Self {
        Arc::make_mut(&mut self.settings).failed = codes;
        self
    }

    /// Who makes a request, from its headers and extensions, before the handler runs (features X10). A handler or a middleware that finds out later
    /// calls `set_user`, which is of its request only. Default: nobody.
    ///
    /// ```
    /// use watchpost_protocol::User;
    ///
    /// let layer = watchpost_tower::request_layer().user(|headers, _extensions| {
    ///     Some(User::id(headers.get("x-customer")?.to_str().ok()?))
    /// });
    /// ```
    #[must_use]
    pub fn user(
        mut self,
        user: impl Fn(&HeaderMap, &Extensions) -> Option<User> + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.settings).user = Some(Arc::new(user));
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
    S::Error: ServiceError,
    R: Body,
    R::Error: ServiceError,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !any_active() || mute::is_muted() {
            return ResponseFuture::unobserved(self.inner.call(request));
        }
        let mut watch = Watch::new(self.begin(&request), Arc::clone(&self.settings), request.method());
        // What the service does before its future is polled belongs to the request too.
        let future = watch.run(|| self.inner.call(request));
        ResponseFuture::observed(future, watch)
    }
}

impl<S> RequestService<S> {
    /// The recipe of `protocol.md` §15.7: a scope of its own without inherited breadcrumbs, the request, the trace, the transaction.
    fn begin<B>(&self, request: &Request<B>) -> Unit {
        let scopes = Scopes::current().isolated().with_span_ref(None);
        scopes.isolation().clear_breadcrumbs();
        if let Some(user) = &self.settings.user {
            let user = catch_unwind(AssertUnwindSafe(|| user(request.headers(), request.extensions())));
            scopes.isolation().set_user(user.unwrap_or_default());
        }
        let head = Head::of(request, sends_pii(&scopes));
        let builder = continue_trace(&scopes, request.headers())
            .name(head.name())
            .source(head.source())
            .op("http.server")
            .origin(self.settings.origin);
        let span = head.describe(builder).start_in(&scopes);
        scopes.current_scope().set_transaction_name(head.name(), head.source());
        scopes.isolation().set_request(Some(Arc::new(move || head.print())));
        Unit::new(&scopes, span)
    }
}
