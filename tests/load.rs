//! A real server under load: what belongs to one request is on its own events and on no other's. It is a whole program, in a process of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fmt;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tracing::Instrument;
use tracing_subscriber::prelude::*;
use watchpost::protocol::Event;
use watchpost::tower::request_layer;
use watchpost::{Breadcrumb, User, add_breadcrumb, set_tag, set_user};
use watchpost_testkit::{install, options};

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 20;

#[derive(Debug)]
struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was declined")
    }
}

impl std::error::Error for Declined {}

/// A request that tells at every step who it is, and is interrupted between them: in its own task, in another, in a span.
async fn handle(Path(id): Path<String>) -> StatusCode {
    set_user(User::id(&id));
    yield_now().await;
    set_tag("request", &id);
    add_breadcrumb(Breadcrumb::new(format!("{id} begins")));
    yield_now().await;
    let name = id.clone();
    let elsewhere = async move {
        yield_now().await;
        tracing::info!("{name} goes on");
    };
    tokio::spawn(elsewhere.instrument(tracing::info_span!("elsewhere"))).await.unwrap();
    yield_now().await;
    watchpost::capture_error(&Declined);
    async { yield_now().await }.instrument(tracing::info_span!("afterwards")).await;
    StatusCode::SERVICE_UNAVAILABLE
}

#[test]
fn nothing_bleeds_between_requests_of_64_connections() {
    tracing_subscriber::registry().with(watchpost::tracing::layer()).init();
    let (guard, recorder) = install(options().release("shop@1.4.0").unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let app = Router::new().route("/{id}", get(handle)).layer(request_layer());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, app).await });
        let clients = (0..CONNECTIONS).map(|client| tokio::spawn(send(address, client)));
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    });
    drop(runtime);
    drop(guard);
    let captured = recorder.captured();

    let events = captured.events();
    assert_eq!(events.len(), CONNECTIONS * REQUESTS);
    let mut seen = BTreeMap::new();
    for event in &events {
        let id = check(event);
        *seen.entry(id).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), events.len(), "each request has one issue");
    let transactions = captured.transactions();
    assert_eq!(transactions.len(), events.len());
    for transaction in &transactions {
        let id = &transaction.user.as_ref().unwrap().id;
        assert_eq!(id.as_ref(), transaction.tags.get("request"));
        assert_eq!(transaction.spans.len(), 2);
    }
    let sessions: u64 = captured.session_aggregates().iter().map(|minute| minute.errored).sum();
    assert_eq!(sessions, events.len() as u64);
    assert_eq!(captured.losses(), [] as [&str; 0]);
}

/// The requests of one client, over one connection.
async fn send(address: std::net::SocketAddr, client: usize) {
    let mut connection = BufReader::new(TcpStream::connect(address).await.unwrap());
    for request in 0..REQUESTS {
        let head = format!("GET /{client}-{request} HTTP/1.1\r\nHost: shop.test\r\n\r\n");
        connection.get_mut().write_all(head.as_bytes()).await.unwrap();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            connection.read_line(&mut line).await.unwrap();
            assert!(!line.is_empty(), "the server hung up");
        }
    }
}

/// The request that an event is of: all that it knows is of that one.
fn check(event: &Event) -> String {
    let id = event.user.as_ref().unwrap().id.clone().unwrap();
    assert_eq!(event.tags.iter().collect::<Vec<_>>(), [(&"request".to_owned(), &id)]);
    let url = event.request.as_ref().unwrap().url.clone().unwrap();
    assert_eq!(url, format!("http://shop.test/{id}"));
    let trail: Vec<_> = event.breadcrumbs.iter().filter_map(|crumb| crumb.message.clone()).collect();
    assert_eq!(trail, [format!("{id} begins"), format!("{id} goes on")]);
    assert_eq!(event.transaction.as_deref(), Some("GET /{id}"));
    id
}
