//! Clients as their users have them, over loopback.

use std::io;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use watchpost::protocol::{Level, SentryTrace};
use watchpost::reqwest::RequestBuilderExt;
use watchpost::tower::propagate_layer;
use watchpost::{FutureExt, start_transaction};
use watchpost_testkit::{Captured, capture};

use crate::run;

/// A server that answers what trace it was asked in.
async fn server() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echo = |headers: HeaderMap| async move {
        headers.get("sentry-trace").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let app = Router::new().route("/", get(echo)).route("/gone", get(|| async { StatusCode::GONE }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}

/// What is reported of work that asks the server, and what that one says it was asked in.
fn asked<F: Future<Output = String>>(ask: impl FnOnce(String) -> F) -> (Captured, String, String) {
    let (mut url, mut heard) = (String::new(), String::new());
    let captured = capture(|| {
        run(async {
            url = server().await.unwrap();
            heard = ask(url.clone()).in_span(start_transaction("work").start()).await;
        });
    });
    (captured, url, heard)
}

/// The request is the one span of the work, and the server was told of it.
#[track_caller]
fn is_one_trace((captured, url, heard): &(Captured, String, String), origin: &str) {
    assert_eq!(captured.draw(), format!("default work\n  http.client GET {url}/\n"));
    let span = &captured.transactions()[0].spans[0];
    assert_eq!(span.origin.as_deref(), Some(origin));
    let heard: SentryTrace = heard.parse().unwrap();
    assert_eq!((heard.trace_id, heard.span_id), (span.trace_id, span.span_id));
}

#[test]
fn hyper_behind_the_layer() {
    let asked = asked(async |url| {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let mut client = ServiceBuilder::new().layer(propagate_layer()).service(client);
        let response = client.ready().await.unwrap().call(crate::get(&url)).await.unwrap();
        let body = axum::body::to_bytes(Body::new(response.into_body()), 1000).await.unwrap();
        String::from_utf8(body.into()).unwrap()
    });
    is_one_trace(&asked, "auto.http.tower");
}

#[test]
fn reqwest_by_its_builder() {
    let asked = asked(async |url| {
        let sent = reqwest::Client::new().get(url).send_traced();
        sent.await.unwrap().text().await.unwrap()
    });
    is_one_trace(&asked, "auto.http.reqwest");
}

/// It belongs to who makes it, also if another task sends it.
#[test]
fn reqwest_from_another_task() {
    let asked = asked(async |url| {
        let sent = reqwest::Client::new().get(url).send_traced();
        tokio::spawn(async { sent.await.unwrap().text().await.unwrap() }).await.unwrap()
    });
    is_one_trace(&asked, "auto.http.reqwest");
}

#[test]
fn reqwest_as_a_service() {
    let asked = asked(async |url| {
        let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
        let client = propagate_layer().layer(reqwest::Client::new());
        client.oneshot(request).await.unwrap().text().await.unwrap()
    });
    is_one_trace(&asked, "auto.http.tower");
}

#[test]
fn a_request_that_cannot_be_built_is_an_error_and_nothing_else() {
    let (captured, ..) = asked(async |_| {
        assert!(reqwest::Client::new().get("no url").send_traced().await.unwrap_err().is_builder());
        String::new()
    });
    assert_eq!(captured.draw(), "default work\n");
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().middleware(watchpost::ureq::propagate).proxy(None).build();
    ureq::Agent::new_with_config(config)
}

/// ureq waits on the thread that calls it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(watchpost::Scopes::current().wrap(work)).await.unwrap()
}

#[test]
fn ureq_by_its_middleware() {
    let asked = asked(async |url| {
        blocking(move || agent().get(url).call().unwrap().body_mut().read_to_string().unwrap()).await
    });
    is_one_trace(&asked, "auto.http.ureq");
}

/// A status that ureq makes an error of is an answer; where nobody answers, there is none.
#[test]
fn what_ureq_calls_an_error() {
    let (captured, url, _) = asked(async |url| {
        blocking(move || {
            assert!(matches!(agent().get(format!("{url}/gone")).call(), Err(ureq::Error::StatusCode(410))));
            assert!(agent().get("http://127.0.0.1:1/").call().is_err());
            watchpost::capture_message("look");
        })
        .await;
        String::new()
    });
    let crumbs = captured.events().remove(0).breadcrumbs;
    assert_eq!((crumbs[0].level, crumbs[1].level), (Level::Warning, Level::Error));
    assert_eq!(crumbs[0].data["http.response.status_code"], 410);
    assert!(captured.draw().ends_with(&format!(
        "default work\n  http.client GET {url}/gone [invalid_argument]\n  http.client GET http://127.0.0.1:1/ [internal_error]\n"
    )));
}
