//! Requests of [`reqwest`] 0.13 that carry their trace.
//!
//! ```
//! # use watchpost_tower as watchpost;
//! # async fn ask(client: reqwest::Client) -> Result<(), reqwest::Error> {
//! use watchpost::reqwest::RequestBuilderExt as _;
//!
//! let cart = client.get("https://api.example.com/carts/7").send_traced().await?.text().await?;
//! # Ok(()) }
//! ```
//!
//! A client of reqwest is a service of tower too: `propagate_layer().layer(client)` does the same for requests that are built already.
//!
//! Of `reqwest-middleware` and `reqwest-tracing` the spans are known already; what is left are the headers:
//!
//! ```
//! # use watchpost_core::api as watchpost;
//! use http::{Extensions, HeaderValue};
//! use reqwest::{Request, Response};
//! use reqwest_middleware::{Middleware, Next, Result};
//! use watchpost::trace_headers_for;
//!
//! struct Propagate; // `.with(Propagate)`, behind `.with(TracingMiddleware::default())`
//!
//! #[async_trait::async_trait]
//! impl Middleware for Propagate {
//!     async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
//!         for (name, value) in trace_headers_for(request.url().as_str()) {
//!             if let Ok(value) = HeaderValue::try_from(value) {
//!                 request.headers_mut().insert(name, value);
//!             }
//!         }
//!         next.run(request, extensions).await
//!     }
//! }
//! ```

use std::borrow::Cow;
use std::future::Future;

use ::reqwest::{Client, Error, Request, RequestBuilder, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::layer::PropagateLayer;
use super::message::{ClientRequest, ClientResponse};
use crate::kind::Kind;

static KIND: Kind = Kind { op: "http.client", origin: "auto.http.reqwest" };

/// Sends what a [`RequestBuilder`] has built.
pub trait RequestBuilderExt: Sized {
    /// As `send`, with what [`PropagateLayer`] does: a span, a breadcrumb, and the headers of the trace.
    ///
    /// # Errors
    /// Those of `send`.
    fn send_traced(self) -> impl Future<Output = Result<Response, Error>> + Send;
}

impl RequestBuilderExt for RequestBuilder {
    fn send_traced(self) -> impl Future<Output = Result<Response, Error>> + Send {
        let (client, request) = self.build_split();
        // Begun here and not when it is first polled: it belongs to who makes it, also if another task sends it.
        let sent = request.map(|request| traced(client).call(request));
        async { sent?.await }
    }
}

fn traced(client: Client) -> impl Service<Request, Response = Response, Error = Error, Future: Send> {
    PropagateLayer::of(&KIND).layer(client)
}

impl ClientRequest for Request {
    fn method(&self) -> &Method {
        self.method()
    }

    fn uri(&self) -> Cow<'_, Uri> {
        // The two agree on what a URL is, but for some that nobody can send.
        Cow::Owned(self.url().as_str().parse().unwrap_or_default())
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

impl ClientResponse for Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}
