//! The layers of Watchpost for tower: one isolation scope, one continued trace and one transaction per request that comes in, or per job; and requests
//! that go out carry the trace on.
//!
//! ```
//! # mod watchpost { pub use watchpost_tower as tower; }
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//!
//! let app: Router = Router::new()
//!     .route("/carts/{id}", get(|| async { "a cart" }))
//!     .layer(watchpost::tower::request_layer());
//! # }
//! ```
//!
//! There is one layer, so layers cannot be in the wrong order; and it may stand on the router, on a nested one, on some routes or around
//! everything. A request that passes it twice is still one request. For each it
//!
//! 1. forks the isolation scope: what a handler sets stays with its request;
//! 2. continues the trace that `sentry-trace` and `baggage` name;
//! 3. opens an `http.server` transaction, named by the route (`POST /checkout/{id}`) where axum's `MatchedPath` is known (feature
//!    `axum`), else by the path. It is known on a router and below. Around the whole router, as around a `NormalizePath`, it is not, because axum
//!    has not routed yet; put the layer on the router too, and the inner one names the request;
//! 4. puts the request on everything that is reported meanwhile, without what is a secret or names a person
//!    (`send_default_pii`);
//! 5. maps the status of the response, and makes at most one issue of a failure: of the error that a handler has put on the response by
//!    [`attach_error`], of an error of the service or of the response's body, or else of a status from 500 to 599. An error that the handler has
//!    reported itself is not reported again, and a status says nothing new after an error. A 404 is no error.
//!
//! The request is over when the body of its response is: the transaction lasts as long as a streamed body does, and the scopes of the request
//! are current while the body is made. An answer without a body, and an upgrade (a websocket), end with their head.
//!
//! A handler or a body that panics is reported by the panic hook, in the scopes of its request. A request whose caller goes away half-way ends
//! as `cancelled`; so does a stream of events that only ends when its listener leaves.
//!
//! What a middleware finds out belongs to the request as what the handler does:
//!
//! ```
//! # mod watchpost { pub use watchpost_core::api::*; pub use watchpost_protocol::*; pub use watchpost_tower as tower; }
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, extract::Request, middleware::{Next, from_fn}, response::Response};
//! use watchpost::{User, set_user};
//!
//! async fn authenticate(request: Request, next: Next) -> Response {
//!     set_user(User::id("42")); // of this request only
//!     next.run(request).await
//! }
//!
//! // The layer that is added last stands outermost.
//! let app: Router = Router::new().layer(from_fn(authenticate)).layer(watchpost::tower::request_layer());
//! # }
//! ```
//!
//! # gRPC
//!
//! A call of gRPC, as tonic serves it, is a transaction `/shop.v1.Carts/Get` of the kind `grpc.server`; its status is the one in the trailers. A
//! failure of the server (`INTERNAL`, `UNKNOWN`, `UNAVAILABLE`, `DEADLINE_EXCEEDED`, `DATA_LOSS`) is an issue as a 5xx is.
//!
//! # Work that is no request
//!
//! For services over something else than HTTP, as jobs of a queue or invocations of a function, there is [`job_layer`].
//!
//! # Requests that go out
//!
//! [`propagate_layer`] wraps a client: hyper's, a channel of tonic, whatever takes an [`http::Request`]. Each request carries the trace on to where it goes, and is a span
//! and a breadcrumb of the work that makes it; see [`PropagateLayer`]. With the feature `reqwest` there is `send_traced` for the requests of that library (0.13), with the
//! feature `ureq` a middleware for the agents of that one (3). Neither is on by default: their cost is that of the library, which whoever asks for them has already.
//!
//! For other clients, and other versions, there is no layer, because each would tie this crate to one more library. The headers are two lines:
//!
//! ```
//! # use watchpost_core::api as watchpost;
//! use watchpost::trace_headers_for;
//!
//! let url = "https://api.example.com/carts/7";
//! let mut request = http::Request::get(url); // or what another client builds
//! for (name, value) in trace_headers_for(url) {
//!     request = request.header(name, value);
//! }
//! ```
//!
//! # Release health
//!
//! With the option `release`, each request is counted as a session: as exited, as errored if an error was reported that the program has dealt with, as unhandled if
//! there was one that nobody has. It is the issue that says so, not the status: a 5xx that is an issue by itself is unhandled, and so is one with an attached error,
//! an error of the service, a panic. A 5xx whose handler has logged or captured its error is errored: the issue is that error, and it was dealt with
//! (`protocol.md` §12.3). None counts as crashed, as long as the process goes on. Errors count though they are sampled out; those that `before_send` or an event
//! processor drops do not. The counts leave within a minute. With the option `session_mode` the run of the program is the session instead, and
//! `auto_session_tracking(false)` counts nothing.
//!
//! # What it tells about persons
//!
//! By default nothing: the method, the address without a password, the query and the headers, with `[Filtered]` for what is a secret or names
//! the client. With the option `send_default_pii` also cookies, credentials, the address of the client (from `X-Forwarded-For`, `X-Real-IP`, or
//! axum's `ConnectInfo`), and the body of the request: JSON or a form, up to the option `max_request_body_size`, as far as the handler has read it
//! to its end, and without the values of fields whose names say that they are secrets. It is copied while the handler reads it; nothing is
//! read ahead. For bodies other than axum's see [`RequestLayer::with_request_body`].

mod attached;
mod body;
mod client;
mod error;
mod form;
mod future;
mod grpc;
mod head;
mod headers;
mod job;
mod kind;
mod layer;
mod print;
mod request_body;
mod response;
mod service;
mod settings;
mod statuses;
mod tap;
mod unit;

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "axum")]
use self::axum as framework;

#[cfg(not(feature = "axum"))]
mod plain;
#[cfg(not(feature = "axum"))]
use self::plain as framework;

pub use attached::attach_error;
pub use body::ResponseBody;
#[cfg(feature = "reqwest")]
pub use client::reqwest;
#[cfg(feature = "ureq")]
pub use client::ureq;
pub use client::{
    ClientRequest, ClientResponse, PropagateFuture, PropagateLayer, PropagateService, propagate_layer,
};
pub use error::ServiceError;
pub use future::ResponseFuture;
pub use job::{Job, JobFuture, JobLayer, JobService, job_layer};
pub use layer::{RequestLayer, request_layer};
pub use request_body::{BodyMode, RequestBody, SameBody, TappedBody};
pub use service::RequestService;
