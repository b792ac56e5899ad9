//! Libraries as their users have them: what becomes of what they say. Those that are too much to build for a test are imitated in the
//! tests of the tracing crate.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::TracingMiddleware;
use serde_json::Value;
use sqlx_core::connection::LogSettings;
use sqlx_core::logger::QueryLogger;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::trace::TraceLayer;
use tracing::{Instrument, Level, info_span};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;
use watchpost::protocol::SpanRecord;
use watchpost::tracing::{CaptureLayer, Levels, layer};
use watchpost_testkit::{Captured, capture};

fn captured(layer: CaptureLayer, work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(layer);
    capture(|| tracing::subscriber::with_default(subscriber, work))
}

fn run<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The attributes without the place in the program.
fn told(span: &SpanRecord) -> Value {
    let mut data = span.data.clone();
    data.retain(|key, _| !key.starts_with("code.") && !key.starts_with("thread."));
    Value::Object(data)
}

/// What sqlx does with a query, without a database: it tells of it when the logger goes.
fn sqlx(query: &str, settings: LogSettings) {
    let mut logger = QueryLogger::new(query, settings);
    logger.increment_rows_returned();
}

const LONG: &str = "SELECT id, total FROM carts WHERE owner = $1";

#[test]
fn a_query_of_sqlx_is_a_span_that_has_ended_and_a_breadcrumb() {
    let captured = captured(layer(), || {
        info_span!("checkout").in_scope(|| {
            sqlx(LONG, LogSettings::default());
            sqlx("BEGIN", LogSettings::default());
            watchpost::capture_message("look");
        });
    });
    assert_eq!(
        captured.draw(),
        format!(
            "info: look\n  in checkout\n  - info: {LONG}\n  - info: BEGIN\nfunction checkout\n  db {LONG}\n  db BEGIN\n"
        )
    );
    let checkout = captured.transactions().remove(0);
    let query = &checkout.spans[0];
    assert_eq!(query.origin.as_deref(), Some("auto.db.sqlx"));
    assert_eq!(
        told(query),
        serde_json::json!({"db.query.text": LONG, "db.response.affected_rows": 0, "db.response.returned_rows": 1})
    );
    assert!(
        checkout.start_timestamp <= Some(query.start_timestamp) && query.start_timestamp <= query.timestamp
    );
    let crumb = captured.events()[0].breadcrumbs[0].clone();
    assert_eq!(crumb.category.as_deref(), Some("query"));
    assert_eq!(crumb.data["db.response.returned_rows"], 1);
}

#[test]
fn a_query_that_is_a_span_already_is_not_a_second_one() {
    // sea-orm 2.0, `sea_orm::database::tracing_spans`: a span, in which sqlx is told to speak at INFO.
    let captured = captured(layer(), || {
        info_span!("checkout").in_scope(|| {
            let span = info_span!(
                target: "sea_orm::database::db_connection",
                "sea_orm.query_one",
                otel.kind = "client",
                db.system = "sqlite",
                db.operation = "SELECT",
                db.statement = tracing::field::Empty,
                otel.status_code = tracing::field::Empty,
            );
            span.record("db.statement", LONG);
            let mut info = LogSettings::default();
            info.log_statements(log::LevelFilter::Info);
            span.in_scope(|| sqlx(LONG, info));
            span.record("otel.status_code", "OK");
        });
    });
    assert_eq!(captured.draw(), format!("function checkout\n  db {LONG}\n"));
    assert_eq!(captured.transactions()[0].spans[0].origin.as_deref(), Some("auto.db.sea_orm"));
}

#[test]
fn a_slow_query_is_a_warning_and_one_outside_of_a_span_no_transaction() {
    let captured = captured(layer(), || {
        let mut slow = LogSettings::default();
        slow.log_slow_statements(log::LevelFilter::Warn, Duration::ZERO);
        sqlx(LONG, slow);
        watchpost::capture_message("look");
    });
    assert_eq!(captured.draw(), format!("info: look\n  - warning: {LONG}\n"));
}

#[test]
fn whoever_wants_no_breadcrumbs_and_no_spans_gets_none_of_sqlx() {
    let silent = layer().breadcrumbs(LevelFilter::OFF).spans(LevelFilter::WARN);
    let captured = captured(silent, || {
        tracing::warn_span!("checkout").in_scope(|| {
            sqlx(LONG, LogSettings::default());
            watchpost::capture_message("look");
        });
    });
    assert_eq!(captured.draw(), "info: look\n  in checkout\nfunction checkout\n");
}

/// A query counts as INFO where it is a breadcrumb; who asks for logs up to INFO gets none that says DEBUG.
#[test]
fn a_query_is_a_log_at_its_own_level() {
    let logs = |level: tracing::Level| {
        let captured = captured(layer().logs(level), || sqlx(LONG, LogSettings::default()));
        captured.logs().len()
    };
    assert_eq!([logs(tracing::Level::INFO), logs(tracing::Level::DEBUG)], [0, 1]);
}

#[test]
fn levels_of_a_target_say_more_than_what_is_known_of_the_library() {
    let silent = layer().target("sqlx::query", Levels::off());
    let captured = captured(silent, || {
        info_span!("checkout").in_scope(|| {
            sqlx(LONG, LogSettings::default());
            watchpost::capture_message("look");
        });
    });
    assert_eq!(captured.draw(), "info: look\n  in checkout\nfunction checkout\n");
}

async fn overloaded(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    Ok(response)
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[test]
fn a_request_of_tower_http_ends_as_it_says_and_is_no_issue() {
    let captured = captured(layer().spans(Level::DEBUG), || {
        let service = ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(service_fn(overloaded));
        run(service.oneshot(request("/carts/3?page=2"))).unwrap();
    });
    assert_eq!(captured.draw(), "http.server GET /carts/3 [unavailable]\n");
    let root = captured.transactions().remove(0).contexts.trace.unwrap();
    assert_eq!(root.origin.as_deref(), Some("auto.http.tower_http"));
    assert_eq!(
        (&root.data["http.response.status_code"], &root.data["url.query"]),
        (&503.into(), &"page=2".into())
    );
}

#[test]
fn the_failure_that_tower_http_reports_is_no_second_issue() {
    let captured = captured(layer(), || {
        let handler = || async { StatusCode::INTERNAL_SERVER_ERROR };
        let app = Router::new()
            .route("/carts/{id}", get(handler))
            .layer(TraceLayer::new_for_http())
            .layer(watchpost::tower::request_layer());
        run(app.oneshot(request("/carts/3"))).unwrap();
    });
    let events = captured.events();
    assert_eq!(events.len(), 1, "{}", captured.draw());
    assert_eq!(events[0].breadcrumbs[0].message.as_deref(), Some("response failed"));
}

#[test]
fn a_connection_of_h2_is_no_transaction() {
    let everything = layer().spans(Level::TRACE);
    let captured = captured(everything, || {
        run(async {
            let (here, there) = tokio::io::duplex(4096);
            let (server, client) = tokio::join!(h2::server::handshake(there), h2::client::handshake(here));
            let (mut server, (client, connection)) = (server.unwrap(), client.unwrap());
            let serve = async {
                let (_, mut respond) = server.accept().await.unwrap().unwrap();
                respond.send_response(Response::new(()), true).unwrap();
                // Polled until the client goes.
                assert!(server.accept().await.is_none());
            };
            let ask = async {
                let mut client = client.ready().await.unwrap();
                let request = Request::get("http://shop.example/").body(()).unwrap();
                let (response, _) = client.send_request(request, true).unwrap();
                response.instrument(info_span!("ask")).await.unwrap().status()
            };
            let connection = async { connection.await.unwrap() };
            let ((), status, ()) = tokio::join!(serve, ask, connection);
            assert_eq!(status, StatusCode::OK);
        });
    });
    assert_eq!(captured.draw(), "function ask\n");
}

#[test]
fn a_request_of_reqwest_ends_as_its_answer_says() {
    let captured = captured(layer(), || {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let app = Router::new().route("/carts", get(|| async { StatusCode::NOT_FOUND }));
            let client = ClientBuilder::new(reqwest::Client::builder().no_proxy().build().unwrap())
                .with(TracingMiddleware::default())
                .build();
            let ask = async {
                let answer = client.get(format!("http://{address}/carts")).send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::NOT_FOUND);
            };
            tokio::select! {
                served = async { axum::serve(listener, app).await } => served.unwrap(),
                () = ask.instrument(info_span!("work")) => {}
            }
            // Nobody listens any more.
            let refused = client.get(format!("http://{address}/carts")).send();
            assert!(refused.instrument(info_span!("again")).await.is_err());
        });
    });
    let transactions = captured.transactions();
    let spans: Vec<_> = transactions.iter().map(|root| &root.spans[0]).collect();
    let port = &spans[0].data["server.port"];
    assert!(port.is_u64(), "it is printed by the library: {port}");
    assert_eq!(
        captured.draw(),
        format!(
            "function work\n  http.client GET http://127.0.0.1:{port} [not_found]\n\
             function again\n  http.client GET http://127.0.0.1:{port} [internal_error]\n"
        )
    );
    assert_eq!(spans[0].origin.as_deref(), Some("auto.http.reqwest"));
}
