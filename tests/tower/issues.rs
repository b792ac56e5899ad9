//! What becomes an issue, and what does not: once, and with everything that is known of the request.

use axum::body::Body;
use axum::http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use watchpost::tower::request_layer;
use watchpost_testkit::{capture, options};

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
