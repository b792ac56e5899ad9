//! The service: what happens when a request comes in.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use tower_service::Service;
use watchpost_core::layer::{continue_trace, request_body_limit, sends_pii};
use watchpost_core::{Scopes, SpanBuilder, mute};
use watchpost_protocol::{TransactionSource, User};

use crate::body::ResponseBody;
use crate::error::ServiceError;
use crate::framework;
use crate::future::ResponseFuture;
use crate::head::{self, Head};
use crate::layer::{Of, Settings};
use crate::request_body::{BodyMode, SameBody};
use crate::response::Watch;
use crate::tap::BodyData;
use crate::unit::{Unit, place_of_work};

/// A service whose requests are reported; made by [`RequestLayer`](crate::RequestLayer).
#[derive(Debug, Clone)]
pub struct RequestService<S, M = SameBody> {
    inner: S,
    settings: Arc<Settings>,
    mode: PhantomData<M>,
}

impl<S, M> RequestService<S, M> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        RequestService { inner, settings, mode: PhantomData }
    }
}

impl<S, M, B, R> Service<Request<B>> for RequestService<S, M>
where
    M: BodyMode<B>,
    S: Service<Request<M::Body>, Response = Response<R>>,
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
        let Some(around) = place_of_work() else {
            return ResponseFuture::unobserved(self.inner.call(request.map(|body| M::give(body, None))));
        };
        let (mut head, body) = request.into_parts();
        if let Some(Watched(scopes)) = head.extensions.get() {
            name_by_route(&head, scopes);
            let request = Request::from_parts(head, M::give(body, None));
            return ResponseFuture::unobserved(self.inner.call(request));
        }
        let limit = if M::captures() { request_body_limit(&around) } else { 0 };
        let data = BodyData::announced(&head.headers, limit);
        let body = M::give(body, data.tap());
        let mut watch = begin(&around, &head, data, &self.settings);
        head.extensions.insert(Watched(Arc::clone(watch.scopes())));
        // What the service does before its future is polled belongs to the request too.
        let future = watch.run(|| self.inner.call(Request::from_parts(head, body)));
        ResponseFuture::observed(future, watch)
    }
}

/// The extension of a request that a layer further out watches already: it is one request, however many layers it passes.
#[derive(Clone)]
struct Watched(Arc<Scopes>);

/// All that is left to do for a layer further in, which may know the route when the outer one could not.
fn name_by_route(request: &Parts, scopes: &Scopes) {
    let Some(route) = framework::route(&request.extensions) else { return };
    let name = head::name(&request.method, route.as_str());
    match scopes.span() {
        Some(span) => {
            span.set_name_with_source(name, TransactionSource::Route);
            span.set_attribute("http.route", route.as_str());
        }
        None => scopes.current_scope().set_transaction_name(name, TransactionSource::Route),
    }
}

/// The recipe of `protocol.md` §15.7: a scope of its own without inherited breadcrumbs, the request, the trace, the transaction.
fn begin(around: &Scopes, request: &Parts, data: BodyData, settings: &Arc<Settings>) -> Watch {
    let scopes = around.isolated().with_span_ref(None);
    scopes.isolation().clear_breadcrumbs();
    let head = Head::of(request, sends_pii(&scopes), data);
    let user = ask(settings.user.as_ref(), request);
    if let Some(user) = with_address(user, &head) {
        scopes.isolation().set_user(user);
    }
    let given = ask(settings.name.as_ref(), request).map(|name| (name, TransactionSource::Custom));
    let (name, source) = given.unwrap_or_else(|| head.name());
    let (op, origin) = (head.op(), head.origin());
    let span = incoming(&scopes, &request.headers).name(name).source(source).op(op).origin(origin);
    let unit = Unit::new(&scopes, span.start_in(&scopes));
    unit.record(|fields| head.describe(fields));
    let watch = Watch::new(unit, Arc::clone(settings), &head);
    scopes.isolation().set_request(Some(Arc::new(move || head.print())));
    watch
}

/// What a closure of the program says of a request; nothing if it panics.
fn ask<T>(of: Option<&Of<T>>, request: &Parts) -> Option<T> {
    let of = of?;
    let _muted = mute::enter(); // it is no part of the request yet, and what it reported would be somebody else's
    catch_unwind(AssertUnwindSafe(|| of(request))).unwrap_or_else(|_| {
        watchpost_core::debug!(
            "a closure of the request layer panicked: the request goes on without its answer"
        );
        None
    })
}

/// Who makes the request, with the address of the client if that may be collected (§16.4).
fn with_address(user: Option<User>, head: &Head) -> Option<User> {
    let address = head.client().and_then(|client| client.parse::<IpAddr>().ok());
    match (user, address) {
        (user, None) => user,
        (user, Some(address)) => {
            let user = user.unwrap_or_default();
            Some(if user.ip_address.is_none() { user.ip_address(address) } else { user })
        }
    }
}

/// The trace that the caller has named, or one that begins here.
fn incoming(scopes: &Scopes, headers: &HeaderMap) -> SpanBuilder {
    let trace = headers.get("sentry-trace").map(|value| ("sentry-trace", value));
    let baggage = headers.get_all("baggage").iter().map(|value| ("baggage", value));
    continue_trace(scopes, trace.into_iter().chain(baggage))
}
