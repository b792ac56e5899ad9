//! A small shop, and what several themes do with it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::yield_now;
use tower::{Service, ServiceExt};
use tracing::instrument;
use tracing_subscriber::prelude::*;
use watchpost::tower::{attach_error, request_layer};
use watchpost::{FutureExt, User};
use watchpost_testkit::{Captured, capture};

#[derive(Debug)]
pub(crate) struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was declined")
    }
}

impl std::error::Error for Declined {}

impl IntoResponse for Declined {
    fn into_response(self) -> Response<Body> {
        attach_error(StatusCode::PAYMENT_REQUIRED.into_response(), &self)
    }
}

#[instrument]
pub(crate) async fn checkout(Path(id): Path<u32>) -> Result<&'static str, Declined> {
    watchpost::set_user(User::id(format!("customer-{id}")));
    tracing::info!("cart {id} loaded");
    yield_now().await;
    if id == 13 { Err(Declined) } else { Ok("thank you") }
}

pub(crate) async fn broken() -> StatusCode {
    watchpost::set_tag("stock", "low");
    StatusCode::SERVICE_UNAVAILABLE
}

pub(crate) async fn report() -> &'static str {
    watchpost::set_user(User::id("admin"));
    watchpost::set_tag("year", 2026);
    tracing::info!("adding up");
    yield_now().await;
    panic!("nothing to add up")
}

pub(crate) fn shop() -> Router {
    Router::new()
        .route("/checkout/{id}", post(checkout))
        .route("/broken", get(broken))
        .route("/report", get(report))
        .route("/slow", get(std::future::pending::<()>))
        .layer(request_layer())
}

pub(crate) fn ask(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

/// Runs `program` with the tracing layer, on one thread.
pub(crate) fn traced<T>(program: impl Future<Output = T>) -> T {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(program)
    })
}

/// What is reported of these requests, one after the other.
pub(crate) fn reported(requests: impl IntoIterator<Item = Request<Body>>) -> Captured {
    capture(|| {
        traced(async {
            for request in requests {
                let response = shop().oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            }
        });
    })
}

/// What a real server on loopback answers to these bytes.
pub(crate) async fn answer_over_loopback<M, S>(app: M, request: &str) -> String
where
    M: for<'a> Service<IncomingStream<'a, TcpListener>, Error = Infallible, Response = S> + Send + 'static,
    for<'a> <M as Service<IncomingStream<'a, TcpListener>>>::Future: Send,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async { axum::serve(listener, app).await }.with_current_scopes());
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    server.abort();
    answer
}

/// A client of a real server that goes away while the handler is at work; until the handler is gone too.
pub(crate) async fn hang_up() {
    let (here, mut told) = unbounded_channel();
    let waits = get(move || async move {
        let _tells = Tells(here.clone());
        let _ = here.send("begun");
        std::future::pending::<()>().await
    });
    let app = Router::new().route("/slow", waits).layer(request_layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async { axum::serve(listener, app).await }.with_current_scopes());
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
    assert_eq!(told.recv().await, Some("begun"));
    drop(client);
    assert_eq!(told.recv().await, Some("dropped"));
    server.abort();
}

/// Says when it is dropped.
struct Tells(UnboundedSender<&'static str>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}
