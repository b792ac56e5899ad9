//! The service: what happens when a request comes in.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;
use watchpost_core::layer::{Name, has_sampler, request_body_limit, sends_pii};
use watchpost_core::unharmed;
use watchpost_core::{Client, Fields, Scopes, UnitInit, mute};
use watchpost_protocol::{TransactionSource, User};

use crate::body::ResponseBody;
use crate::error::ServiceError;
use crate::framework;
use crate::future::ResponseFuture;
use crate::grpc;
use crate::head::{self, Head};
use crate::headers::Notable;
use crate::request_body::{BodyMode, SameBody};
use crate::response::{Watch, Watching};
use crate::settings::{Of, Settings};
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
        let Some((around, client)) = place_of_work() else {
            return ResponseFuture::unobserved(self.inner.call(request.map(|body| M::give(body, None))));
        };
        let (mut head, body) = request.into_parts();
        if let Some(scopes) = head.extensions.get::<Watched>().and_then(|Watched(scopes)| scopes.upgrade()) {
            see_again(&head, &scopes, &self.settings);
            let request = Request::from_parts(head, M::give(body, None));
            return ResponseFuture::unobserved(self.inner.call(request));
        }
        let limit = if M::captures() { request_body_limit(&client) } else { 0 };
        let data = BodyData::announced(&head.headers, limit);
        let body = M::give(body, data.tap());
        let mut watch = begin((&around, &client), &head, data, &self.settings);
        head.extensions.insert(Watched(Arc::downgrade(watch.scopes())));
        // What the service does before its future is polled belongs to the request too.
        let running = watch.enter();
        let future = self.inner.call(Request::from_parts(head, body));
        drop(running);
        ResponseFuture::observed(future, watch)
    }
}

/// The extension of a request that a layer further out watches already: it is one request, however many layers it passes. Until it is over: one that
/// is kept and sent again is another.
#[derive(Clone)]
struct Watched(Weak<Scopes>);

/// All that is left to do for a layer further in: what it was told to ask of a request, and the route, which the outer one may not have known.
fn see_again(request: &Parts, scopes: &Scopes, settings: &Settings) {
    if let Some(user) = ask(settings.user.as_ref(), request) {
        scopes.isolation().set_user(user);
    }
    let given = ask(settings.name.as_ref(), request);
    // The route of a call is its path, by which it is named already.
    let route = framework::route(&request.extensions).filter(|_| !grpc::is_request(&request.headers));
    if let (Some(route), Some(span)) = (&route, scopes.span()) {
        span.set_attribute("http.route", route.as_str());
    }
    match (given, route) {
        (Some(name), _) => scopes.name_transaction(name, TransactionSource::Custom),
        (None, Some(route)) => scopes.name_by_route(head::name(&request.method, route.as_str())),
        (None, None) => {}
    }
}

/// The recipe of `protocol.md` §15.7: scopes of its own without inherited breadcrumbs, the request, the trace, the transaction.
fn begin(place: (&Scopes, &Client), request: &Parts, data: BodyData, settings: &Arc<Settings>) -> Watch {
    let (around, client) = place;
    let mut notable = Notable::default();
    let head = Arc::new(Head::of(request, sends_pii(client), data, &mut notable));
    let init = UnitInit {
        sentry_trace: notable.sentry_trace,
        baggage: notable.baggage.as_deref(),
        request: Some(Arc::clone(&head) as _),
        session: true,
    };
    let mut scopes = around.begin_unit(client, init);
    if (settings.user.is_some() || head.pii)
        && let Some(user) = with_address(ask(settings.user.as_ref(), request), &head)
    {
        scopes.isolation().set_user(user);
    }
    open(client, &mut scopes, &head, ask(settings.name.as_ref(), request));
    Watch::new(Unit::of_work(scopes), Arc::clone(settings), Watching::of(&head))
}

/// Opens the transaction; with tracing off there is none, but events are named as it would be.
fn open(client: &Client, scopes: &mut Scopes, head: &Arc<Head>, given: Option<String>) {
    let name = || match &given {
        Some(name) => (name.clone().into(), TransactionSource::Custom),
        None => (Name::OfRequest(Arc::clone(head) as _), head.source()),
    };
    let mut attributes = Fields::new();
    if has_sampler(client) {
        head.describe(&mut |key, value| attributes.push(key, value.get()));
    }
    let kind = head.kind();
    let span = scopes.open_span(client, kind.span(), || kind.root(name()), &attributes);
    if span.is_none() {
        let (name, source) = name();
        scopes.current_scope().set_transaction_name(name.into_text(), source);
    }
    scopes.set_span_ref(span);
}

/// What a closure of the program says of a request; nothing if it panics.
fn ask<T>(of: Option<&Of<T>>, request: &Parts) -> Option<T> {
    let of = of?;
    let _muted = mute::enter(); // it is no part of the request yet, and what it reported would be somebody else's
    unharmed(|| of(request)).unwrap_or_else(|| {
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
