//! Requests that go out: what they carry, and what is reported of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed, and a client fails on purpose"
)]

mod cost;
mod headers;
mod libraries;
mod scopes;
mod spans;

use std::convert::Infallible;
use std::future::Future;

use axum::body::Body;
use axum::http::{Request, Response};
use tokio::runtime::Builder;
use tower::util::BoxCloneService;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use watchpost::tower::propagate_layer;

type Client = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

/// A client that is answered by `answer`, behind the layer.
fn client<F>(answer: impl Fn(Request<Body>) -> F + Clone + Send + 'static) -> Client
where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let client = service_fn(move |request| {
        let answer = answer(request);
        async { Ok(answer.await) }
    });
    ServiceBuilder::new().layer(propagate_layer()).service(client).boxed_clone()
}

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

fn run<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
