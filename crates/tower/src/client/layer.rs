//! The layer for clients, and its service.

use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::call::Call;
use super::future::PropagateFuture;
use super::kind;
use super::message::{ClientRequest, ClientResponse};
use crate::kind::Kind;

/// The layer for clients: the requests that pass it carry the trace on, and are a span and a breadcrumb of the work that makes them.
///
/// ```
/// # mod watchpost { pub use watchpost_tower as tower; }
/// # async fn send() -> Result<(), Box<dyn std::error::Error>> {
/// use http::{Request, Response};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use watchpost::tower::propagate_layer;
///
/// # let client = service_fn(|_: Request<String>| async { Ok::<_, std::io::Error>(Response::new(String::new())) });
/// // `client` is one of hyper-util, a channel of tonic, or whatever takes an `http::Request`.
/// let mut client = ServiceBuilder::new().layer(propagate_layer()).service(client);
/// let request = Request::get("https://api.example.com/carts/7").body(String::new())?;
/// let response = client.ready().await?.call(request).await?;
/// # Ok(()) }
/// ```
///
/// See [`PropagateLayer`] for what it does.
#[must_use]
pub fn propagate_layer() -> PropagateLayer {
    PropagateLayer { kind: &kind::HTTP }
}

/// Wraps a client; made by [`propagate_layer`]. Of each request it
///
/// - opens an `http.client` span, named `GET https://api.example.com/carts/7`, where a sampled span is open that it is a child of; a call of gRPC
///   is `grpc.client` and named `/shop.v1.Carts/Get`. It ends with the head of the response, with its status; with a request that fails, as
///   `internal_error`; with one that is dropped half-way, as `cancelled`;
/// - puts `sentry-trace` and `baggage` on it, with the option `propagate_traceparent` also `traceparent`, if the option
///   `trace_propagation_targets` names its URL. That needs neither a span nor tracing to be on. A `sentry-trace` that is there already
///   says what is continued, and nothing is changed then; a `baggage` of others keeps its members;
/// - leaves a breadcrumb of the type `http` when it is over.
///
/// Requests to the host of the DSN are left alone. Without a client of Watchpost nothing is done at all.
///
/// The time in which the body of the response is read is not in the span: to know when it ends, the type of the body would have to change. So
/// the outcome of a gRPC call is known if it stands in the head, as it does where a call is refused or has failed before its first message.
///
/// What the client reports or opens while it works belongs to the request, on whatever task it is polled. The layer stands outside of one that
/// sends a request again (then all attempts are one span) or inside of it (then each is one); inside of a `Buffer` it would not see the
/// work that the request belongs to, for that one runs on a task of its own.
///
/// A tonic client has no host in its requests unless it was made by `with_origin`; until then, targets are compared with a path alone. Redirects
/// that a client follows by itself keep the headers of the first request.
#[derive(Debug, Clone)]
pub struct PropagateLayer {
    kind: &'static Kind,
}

#[cfg(feature = "reqwest")]
impl PropagateLayer {
    /// As [`propagate_layer`], for what else is known to make these requests.
    pub(crate) fn of(kind: &'static Kind) -> Self {
        PropagateLayer { kind }
    }
}

impl<S> Layer<S> for PropagateLayer {
    type Service = PropagateService<S>;

    fn layer(&self, inner: S) -> PropagateService<S> {
        PropagateService { inner, kind: self.kind }
    }
}

/// A client whose requests are seen; made by [`PropagateLayer`].
#[derive(Debug, Clone)]
pub struct PropagateService<S> {
    inner: S,
    kind: &'static Kind,
}

impl<S, R> Service<R> for PropagateService<S>
where
    R: ClientRequest,
    S: Service<R>,
    S::Response: ClientResponse,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = PropagateFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        let mut call = Call::begin(&mut request, self.kind);
        // What the client does before its future is polled belongs to the request too.
        let running = call.as_mut().map(Call::enter);
        let future = self.inner.call(request);
        drop(running);
        PropagateFuture::new(future, call)
    }
}
