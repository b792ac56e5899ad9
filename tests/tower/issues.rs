//! What becomes an issue, and what does not: once, and with everything that is known of the request.

use std::future::Future;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use watchpost::tower::{RequestLayer, request_layer};
use watchpost_testkit::{Captured, capture, capture_with, options};

use crate::shop::{Declined, ask, reported, shop, traced};
use crate::support::Watched;

#[test]
fn a_5xx_is_one_issue() {
    let captured = reported([ask("GET", "/broken")]);
    assert_eq!(
        captured.draw(),
        "\
error: HTTP 503: Service Unavailable
  in GET /broken
  tags: stock=low
http.server GET /broken [unavailable]
  tags: stock=low
"
    );
    let event = &captured.events()[0];
    let mechanism = event.exception[0].mechanism.as_ref().unwrap();
    assert_eq!((mechanism.ty.as_ref(), mechanism.handled), ("auto.http.axum", Some(false)));
    assert_eq!(event.request.as_ref().unwrap().method.as_deref(), Some("GET"));
    assert_eq!(event.contexts.response.as_ref().unwrap().status_code, Some(503));
}

#[test]
fn an_error_of_a_handler_is_one_issue_whatever_the_status() {
    let captured = reported([ask("POST", "/checkout/13")]);
    assert_eq!(
        captured.draw(),
        "\
error: Declined: the card was declined
  in POST /checkout/{id}
  user: customer-13
  - info: cart 13 loaded
http.server POST /checkout/{id} [invalid_argument]
  user: customer-13
  function checkout
"
    );
    let mechanism = captured.events()[0].exception[0].mechanism.clone().unwrap();
    assert_eq!((mechanism.ty.as_ref(), mechanism.handled), ("auto.http.axum", Some(true)), "it was answered");
}

/// Captured in the handler, and again on its way out.
#[test]
fn an_error_that_is_not_sampled_is_not_rolled_for_twice() {
    let captured = capture_with(options().sample_rate(0.0).unwrap(), || {
        let fails = service_fn(|_: Request<()>| async {
            watchpost::capture_error(&Declined);
            Err::<Response<Body>, _>(Declined)
        });
        let service = ServiceBuilder::new().layer(request_layer()).service(fails);
        let request = Request::builder().uri("/pay").body(()).unwrap();
        assert!(traced(service.oneshot(request)).is_err());
    });
    assert_eq!(captured.losses(), ["sample_rate/error: 1"]);
}

#[test]
fn an_error_of_the_service_is_one_issue() {
    let captured = capture(|| {
        let fails = service_fn(|_: Request<()>| async { Err::<Response<Body>, _>(Declined) });
        let service = ServiceBuilder::new().layer(request_layer()).service(fails);
        let request = Request::builder().uri("/pay").body(()).unwrap();
        assert!(traced(service.oneshot(request)).is_err());
    });
    assert_eq!(
        captured.draw(),
        "error: Declined: the card was declined\n  in GET /pay\nhttp.server GET /pay [internal_error]\n"
    );
}

#[test]
fn a_panic_is_an_unhandled_issue_of_its_request() {
    // With the facade's defaults: the panic hook is one of them.
    let watched = Watched::new(options());
    watched.run(|| {
        traced(async {
            let set = tokio::task::LocalSet::new();
            let request = set
                .run_until(async { tokio::task::spawn_local(shop().oneshot(ask("GET", "/report"))).await });
            assert!(request.await.unwrap_err().is_panic());
            tracing::error!("afterwards");
        });
    });
    let captured = watched.close();
    assert_eq!(
        captured.draw(),
        "\
fatal: panic: nothing to add up
  in GET /report
  user: admin
  tags: year=2026
  - info: adding up
http.server GET /report [internal_error]
  user: admin
  tags: year=2026
error: afterwards
"
    );
    let event = &captured.events()[0];
    assert_eq!(event.exception[0].mechanism.as_ref().unwrap().handled, Some(false));
    assert_eq!(event.request.as_ref().unwrap().method.as_deref(), Some("GET"));
    let frames = &event.exception[0].stacktrace.as_ref().unwrap().frames;
    let innermost = frames.last().unwrap().function.as_deref().unwrap_or_default();
    assert!(innermost.contains("report"), "the stack ends where the panic was: {innermost}");
}

/// What one request to a handler reports.
fn answering<F, R>(layer: RequestLayer, handler: impl Fn() -> F + Clone + Send + Sync + 'static) -> Captured
where
    F: Future<Output = R> + Send,
    R: IntoResponse + 'static,
{
    capture(|| {
        let app = Router::new().route("/", get(handler)).layer(layer);
        drop(traced(app.oneshot(ask("GET", "/"))));
    })
}

/// The titles of the issues, one a line.
fn titles(captured: &Captured) -> String {
    let picture = captured.draw();
    let issues = picture.lines().filter(|line| line.starts_with("error: ") || line.starts_with("fatal: "));
    issues.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_failures_are_issues() {
    for (status, issue) in [
        (200, ""),
        (302, ""),
        (304, ""),
        (404, ""),
        (499, ""),
        (500, "error: HTTP 500: Internal Server Error"),
        (504, "error: HTTP 504: Gateway Timeout"),
        (599, "error: HTTP 599: Unknown"),
        (600, ""),
    ] {
        let captured =
            answering(request_layer(), move || async move { StatusCode::from_u16(status).unwrap() });
        assert_eq!(titles(&captured), issue, "{status}");
    }
}

/// They have no stack: without a fingerprint the server would make one issue of them all.
#[test]
fn a_status_is_an_issue_of_its_route() {
    let fails = || async { StatusCode::GATEWAY_TIMEOUT };
    let fingerprints = |options: watchpost::Options, outside: bool| {
        let captured = capture_with(options, || {
            traced(async {
                let app = Router::new().route("/carts/{id}", get(fails)).route("/v1/orders/{id}", get(fails));
                let app = if outside { app } else { app.layer(request_layer()) };
                for path in ["/carts/1", "/carts/2", "/v1/orders/7"] {
                    let (app, ask) = (app.clone(), ask("GET", path));
                    if outside {
                        let around = ServiceBuilder::new().layer(request_layer()).service(app);
                        around.oneshot(ask).await.unwrap();
                    } else {
                        app.oneshot(ask).await.unwrap();
                    }
                }
            });
        });
        captured.events().iter().map(|event| event.fingerprint.join("|")).collect::<Vec<_>>()
    };
    let by_route = ["GET /carts/{id}", "GET /carts/{id}", "GET /v1/orders/{id}"];
    let by_path = ["GET /carts/*", "GET /carts/*", "GET /v1/orders/*"];
    let without_traces =
        || watchpost::Options::new().use_environment(false).dsn("https://k@localhost/1").unwrap();
    for (outside, places) in [(false, by_route), (true, by_path)] {
        let expected = places.map(|place| format!("{{{{ default }}}}|{place}"));
        assert_eq!(fingerprints(options(), outside), expected, "outside: {outside}");
        assert_eq!(fingerprints(without_traces(), outside), expected, "without traces, outside: {outside}");
    }
    let said = answering(request_layer(), || async {
        watchpost::isolation_scope().set_fingerprint(["timeouts"]);
        StatusCode::GATEWAY_TIMEOUT
    });
    assert_eq!(said.events()[0].fingerprint, ["timeouts"], "what the program says holds");
}

#[test]
fn what_a_failure_is_can_be_said() {
    let layer = request_layer().failed_request_status_codes((500..=502).chain([429]));
    for (status, issues) in [(429, 1), (428, 0), (500, 1), (502, 1), (503, 0)] {
        let captured = answering(layer.clone(), move || async move { StatusCode::from_u16(status).unwrap() });
        assert_eq!(captured.events().len(), issues, "{status}");
    }
}

/// However an error is told of before it becomes an answer, it is one issue.
#[test]
fn an_error_that_was_reported_already_is_not_reported_again() {
    let by_hand = answering(request_layer(), || async {
        watchpost::capture_error(&Declined);
        Declined
    });
    assert_eq!(titles(&by_hand), "error: Declined: the card was declined");
    let by_an_event = answering(request_layer(), || async {
        tracing::error!(error = &Declined as &dyn std::error::Error);
        Declined
    });
    assert_eq!(titles(&by_an_event), "error: Declined: the card was declined");
    let by_a_status = answering(request_layer(), || async {
        watchpost::capture_error(&Declined);
        StatusCode::INTERNAL_SERVER_ERROR
    });
    assert_eq!(titles(&by_a_status), "error: Declined: the card was declined");
}

#[test]
fn another_error_is_another_issue() {
    let attached = answering(request_layer(), || async {
        watchpost::capture_error(&std::fmt::Error);
        Declined
    });
    assert_eq!(attached.events().len(), 2);
    let after_a_message = answering(request_layer(), || async {
        watchpost::capture_message("all is well");
        StatusCode::INTERNAL_SERVER_ERROR
    });
    assert_eq!(titles(&after_a_message), "error: HTTP 500: Internal Server Error");
}

#[test]
fn what_another_request_has_reported_counts_for_nothing() {
    let captured = capture(|| {
        watchpost::capture_error(&Declined);
        traced(async {
            let app = Router::new().route("/", get(|| async { Declined })).layer(request_layer());
            for _ in 0..2 {
                app.clone().oneshot(ask("GET", "/")).await.unwrap();
            }
        });
    });
    assert_eq!(captured.events().len(), 3);
}

#[test]
fn the_error_of_a_service_that_it_has_reported_itself_is_one_issue() {
    let captured = capture(|| {
        let fails = service_fn(|_: Request<()>| async {
            watchpost::capture_error(&Declined);
            Err::<Response<Body>, _>(tower::BoxError::from(Declined))
        });
        let service = ServiceBuilder::new().layer(request_layer()).service(fails);
        assert!(traced(service.oneshot(Request::new(()))).is_err());
    });
    assert_eq!(titles(&captured), "error: Declined: the card was declined");
}

/// A layer within that makes an answer of a panic, as tower-http's `CatchPanic` does.
#[test]
fn a_panic_that_becomes_an_answer_is_one_issue() {
    let watched = Watched::new(options());
    watched.run(|| {
        traced(async {
            let app =
                shop().layer(axum::middleware::from_fn(|request, next: axum::middleware::Next| async {
                    let task = tokio::spawn(watchpost::FutureExt::with_current_scopes(next.run(request)));
                    task.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
                }));
            let app = app.layer(request_layer());
            assert_eq!(app.oneshot(ask("GET", "/report")).await.unwrap().status(), 500);
        });
    });
    let captured = watched.close();
    assert_eq!(titles(&captured), "fatal: panic: nothing to add up");
    assert_eq!(captured.transactions().len(), 1);
}

/// An error whose text cannot be had costs its own report, and nothing else.
#[test]
fn an_error_that_panics_when_it_is_printed_harms_nobody() {
    struct Unprintable;
    impl std::fmt::Display for Unprintable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no words")
        }
    }
    let captured = capture(|| {
        let fails = service_fn(|_: Request<()>| async { Err::<Response<Body>, _>(Unprintable) });
        let service = ServiceBuilder::new().layer(request_layer()).service(fails);
        assert!(traced(service.oneshot(Request::new(()))).is_err());
    });
    assert_eq!(captured.draw(), "http.server GET / [internal_error]\n");
}
