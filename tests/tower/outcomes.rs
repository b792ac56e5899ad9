//! How requests end: for each end exactly the transaction, its status, the issue and the session that the protocol asks for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use bytes::Bytes;
use futures_core::Stream;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use watchpost::tower::{attach_error, propagate_layer, request_layer};
use watchpost::{FutureExt, Options};
use watchpost_testkit::{Captured, options};

use crate::shop::{Declined, answer_over_loopback, ask, hang_up, traced};
use crate::support::Watched;
use crate::support::clock::Wound;

/// Everything that one program reports: pictures of its issues and transactions, and its sessions.
fn outcome(program: impl AsyncFnOnce()) -> String {
    picture(&captured(options(), program))
}

/// With the facade's defaults: its panic hook is one of them.
fn captured(options: Options, program: impl AsyncFnOnce()) -> Captured {
    let watched = Watched::new(options.release("shop@1.4.0").unwrap());
    watched.run(|| traced(program()));
    watched.close()
}

fn picture(captured: &Captured) -> String {
    captured.draw() + &sessions(captured)
}

/// How many sessions there were, by their end.
fn sessions(captured: &Captured) -> String {
    let mut lines = String::new();
    for minute in captured.session_aggregates() {
        let counts = [
            (minute.exited, "exited"),
            (minute.errored, "errored"),
            (minute.abnormal, "abnormal"),
            (minute.unhandled, "unhandled"),
            (minute.crashed, "crashed"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        lines.extend(counts.map(|(count, end)| format!("session: {count} {end}\n")));
    }
    lines
}

/// One request in process, to the end of its body.
async fn request(app: Router, path: &str) {
    let response = app.oneshot(ask("GET", path)).await.unwrap();
    let _ = response.into_body().collect().await;
}

async fn answers(answer: impl IntoResponse + Clone + Send + Sync + 'static) {
    let app = Router::new().route("/", get(move || std::future::ready(answer.clone())));
    request(app.layer(request_layer()), "/").await;
}

#[test]
fn an_answer() {
    assert_eq!(outcome(async || answers("hello").await), "http.server GET /\nsession: 1 exited\n");
}

#[test]
fn a_404() {
    let app = Router::new().route("/", get(|| async {})).fallback(|| async { StatusCode::NOT_FOUND });
    assert_eq!(
        outcome(async || request(app.layer(request_layer()), "/nowhere").await),
        "http.server GET /nowhere [not_found]\nsession: 1 exited\n"
    );
}

#[test]
fn a_redirect() {
    assert_eq!(
        outcome(async || answers(Redirect::to("/elsewhere")).await),
        "http.server GET /\nsession: 1 exited\n"
    );
}

#[test]
fn a_500() {
    assert_eq!(
        outcome(async || answers(StatusCode::INTERNAL_SERVER_ERROR).await),
        "\
error: HTTP 500: Internal Server Error
  in GET /
http.server GET / [internal_error]
session: 1 unhandled
"
    );
}

/// An error that the handler has made an answer of, as it should.
#[test]
fn an_error_of_a_handler() {
    let app = Router::new().route("/", get(|| async { Err::<(), _>(Declined) })).layer(request_layer());
    assert_eq!(
        outcome(async || request(app, "/").await),
        "\
error: Declined: the card was declined
  in GET /
http.server GET / [invalid_argument]
session: 1 errored
"
    );
}

#[test]
fn an_error_of_the_service() {
    let outcome = outcome(async || {
        let fails = service_fn(|_: Request<()>| async { Err::<Response<Body>, _>(Declined) });
        let service = ServiceBuilder::new().layer(request_layer()).service(fails);
        assert!(service.oneshot(Request::new(())).await.is_err());
    });
    assert_eq!(
        outcome,
        "\
error: Declined: the card was declined
  in GET /
http.server GET / [internal_error]
session: 1 unhandled
"
    );
}

#[test]
fn a_panic() {
    let panics = || async {
        if true {
            panic!("out of stock");
        }
    };
    let app = Router::new().route("/", get(panics)).layer(request_layer());
    let outcome = outcome(async || {
        let set = tokio::task::LocalSet::new();
        let request = set.run_until(async { tokio::task::spawn_local(app.oneshot(ask("GET", "/"))).await });
        assert!(request.await.unwrap_err().is_panic());
    });
    assert_eq!(
        outcome,
        "\
fatal: panic: out of stock
  in GET /
http.server GET / [internal_error]
session: 1 unhandled
"
    );
}

/// The client goes away while the handler is at work.
#[test]
fn cancelled_half_way() {
    let outcome = outcome(hang_up);
    assert_eq!(outcome, "http.server GET /slow [cancelled]\nsession: 1 exited\n");
}

/// A body that takes two seconds by the program's clock: the transaction lasts as long.
#[test]
fn streamed_for_two_seconds() {
    let clock = Wound::new();
    let captured = captured(options().clock(clock.clone()), async || {
        let stream = Ticks { clock, at: 0 };
        let stream = Arc::new(std::sync::Mutex::new(Some(stream)));
        let handler = move || async move { Body::from_stream(stream.lock().unwrap().take().unwrap()) };
        request(Router::new().route("/feed", get(handler)).layer(request_layer()), "/feed").await;
    });
    assert_eq!(picture(&captured), "http.server GET /feed\nsession: 1 exited\n");
    let transaction = &captured.transactions()[0];
    let (began, ended) = (transaction.start_timestamp.unwrap(), transaction.timestamp.unwrap());
    assert_eq!(ended.saturating_since(began).as_secs(), 2);
}

/// A part of a body every second.
struct Ticks {
    clock: Wound,
    at: u64,
}

impl Stream for Ticks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if self.at == 2 {
            return std::task::Poll::Ready(None);
        }
        self.at += 1;
        self.clock.set(self.at);
        std::task::Poll::Ready(Some(Ok(Bytes::from_static(b"tick"))))
    }
}

/// The request is over when the protocol changes; what is said afterwards is no part of it.
#[test]
fn a_websocket() {
    let outcome = outcome(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/ws", get(upgrade)).layer(request_layer());
        let server = tokio::spawn(async { axum::serve(listener, app).await }.with_current_scopes());
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        client.write_all(b"ping").await.unwrap();
        let mut echo = [0; 4];
        client.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"ping");
        server.abort();
    });
    assert_eq!(outcome, "http.server GET /ws\nsession: 1 exited\n");
}

/// Echoes four bytes, as the other protocol.
async fn upgrade(mut request: Request<Body>) -> Response<Body> {
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut connection = hyper_util::rt::TokioIo::new(upgraded.await.unwrap());
        let mut four = [0; 4];
        connection.read_exact(&mut four).await.unwrap();
        connection.write_all(&four).await.unwrap();
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket")];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Whatever is not sent, or whoever looks away: what happened has happened.
#[test]
fn an_error_counts_though_it_is_sampled_out() {
    let unsampled = options().sample_rate(0.0).unwrap();
    let captured = captured(unsampled, async || {
        answers(StatusCode::INTERNAL_SERVER_ERROR).await;
        request(
            Router::new().route("/", get(|| async { Err::<(), _>(Declined) })).layer(request_layer()),
            "/",
        )
        .await;
    });
    assert_eq!(captured.events().len(), 0);
    assert_eq!(sessions(&captured), "session: 1 errored\nsession: 1 unhandled\n");
}

/// What a hook refuses did not happen (§12.3).
#[test]
fn an_error_that_a_hook_drops_does_not_count() {
    let by_hook = captured(options().before_send(|_| None), async || answers(StatusCode::BAD_GATEWAY).await);
    assert_eq!(sessions(&by_hook), "session: 1 exited\n");
    let by_processor = captured(options(), async || {
        watchpost::isolation_scope().add_event_processor(|_| None);
        answers(StatusCode::BAD_GATEWAY).await;
    });
    assert_eq!(sessions(&by_processor), "session: 1 exited\n");
}

#[test]
fn a_message_is_no_error_and_an_error_event_is_one() {
    let says = |say: fn()| {
        let captured = captured(options(), async move || {
            let handler = move || async move { say() };
            request(Router::new().route("/", get(handler)).layer(request_layer()), "/").await;
        });
        sessions(&captured)
    };
    assert_eq!(
        says(|| _ = watchpost::capture_message_at(watchpost::Level::Error, "no")),
        "session: 1 exited\n"
    );
    assert_eq!(says(|| tracing::error!("yes")), "session: 1 errored\n");
    assert_eq!(says(|| _ = watchpost::capture_error(&Declined)), "session: 1 errored\n");
    let warning = || {
        let level = Some(watchpost::Level::Warning);
        watchpost::capture_event(watchpost::Event { level, ..Default::default() });
    };
    assert_eq!(says(warning), "session: 1 exited\n");
}

/// What a task that the request has started reports belongs to it, as long as it lasts.
#[test]
fn an_error_in_a_fork_of_the_request_counts() {
    let captured = captured(options(), async || {
        let handler = || async { async { watchpost::capture_error(&Declined) }.isolated().await.map(drop) };
        let handler = move || async move { handler().await.map_or("", |()| "") };
        request(Router::new().route("/", get(handler)).layer(request_layer()), "/").await;
    });
    assert_eq!(sessions(&captured), "session: 1 errored\n");
}

#[test]
fn a_request_under_two_layers_is_one_session() {
    let app = Router::new().route("/", get(|| async {})).layer(request_layer()).layer(request_layer());
    assert_eq!(outcome(async || request(app, "/").await), "http.server GET /\nsession: 1 exited\n");
}

#[test]
fn nothing_is_counted_without_a_release_or_without_leave() {
    let without = Watched::new(options());
    without.run(|| traced(answers("hello")));
    assert_eq!(sessions(&without.close()), "");
    let off = captured(options().auto_session_tracking(false), async || answers("hello").await);
    assert_eq!(sessions(&off), "");
}

/// The issue says what its session comes to (§12.3), and of a failure there is one.
#[test]
fn a_5xx_is_unhandled_unless_the_program_has_reported_why() {
    const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    let handlers = [
        (get(|| async { FAILED }), "unhandled"),
        (get(|| async { attach_error(FAILED.into_response(), &std::fmt::Error) }), "unhandled"),
        (get(|| async { watchpost::capture_error(&std::fmt::Error).map_or(FAILED, |_| FAILED) }), "errored"),
        (
            get(|| async {
                tracing::error!("no stock");
                FAILED
            }),
            "errored",
        ),
    ];
    for (at, (handler, end)) in handlers.into_iter().enumerate() {
        let app = Router::new().route("/", handler).layer(request_layer());
        let captured = captured(options(), async || request(app, "/").await);
        let seen = (captured.events().len(), sessions(&captured));
        assert_eq!(seen, (1, format!("session: 1 {end}\n")), "handler {at}");
    }
}

/// Over a connection, several requests: they are counted by the minute in which they began.
#[test]
fn requests_are_counted_by_the_minute() {
    let clock = Wound::new();
    let captured = captured(options().clock(clock.clone()), async || {
        for (second, status) in [(5, 200), (40, 500), (59, 200), (60, 200)] {
            clock.set(second);
            let status = StatusCode::from_u16(status).unwrap();
            let app = Router::new().route("/", get(move || async move { status })).layer(request_layer());
            let bytes = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            assert!(answer_over_loopback(app, bytes).await.starts_with("HTTP/1.1"));
        }
    });
    let counted: Vec<_> = captured
        .session_aggregates()
        .iter()
        .map(|minute| (minute.started.as_micros() / 1_000_000, minute.exited, minute.unhandled))
        .collect();
    assert_eq!(counted, [(0, 2, 1), (60, 1, 0)]);
}

/// Asks somebody else, by a client that is watched.
async fn call_out() {
    let answers = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let client = ServiceBuilder::new().layer(propagate_layer()).service(answers);
    client.oneshot(ask("GET", "https://stock.test/lamps")).await.unwrap();
}

#[test]
fn a_request_that_goes_out_ends_nothing_of_the_one_that_came_in() {
    for rate in [0.0, 1.0] {
        let options = || options().traces_sample_rate(rate).unwrap();
        let reported = captured(options(), async || {
            let handler = get(|| async {
                call_out().await;
                watchpost::capture_error(&Declined);
                call_out().await;
            });
            request(Router::new().route("/", handler).layer(request_layer()), "/").await;
        });
        assert_eq!(sessions(&reported), "session: 1 errored\n", "at rate {rate}");
        let failed = captured(options(), async || {
            let handler = get(|| async {
                call_out().await;
                StatusCode::INTERNAL_SERVER_ERROR
            });
            request(Router::new().route("/", handler).layer(request_layer()), "/").await;
        });
        assert_eq!(sessions(&failed), "session: 1 unhandled\n", "at rate {rate}");
    }
}

#[test]
fn what_was_logged_on_the_way_does_not_make_a_failure_of_an_answer() {
    for (answer, drawn) in
        [(StatusCode::OK, "http.server GET /\n"), (StatusCode::NOT_FOUND, "http.server GET / [not_found]\n")]
    {
        let captured = captured(options(), async || {
            let handler = get(async move || {
                tracing::error!("the cache is cold");
                answer
            });
            request(Router::new().route("/", handler).layer(request_layer()), "/").await;
        });
        assert!(captured.draw().ends_with(drawn), "{}", captured.draw());
    }
}
