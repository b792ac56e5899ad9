//! Requests beside each other, and requests that nobody waits for.

use std::convert::Infallible;
use std::future::Future;
use std::task::{Context, Waker};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};
use watchpost::tower::request_layer;
use watchpost_testkit::capture;

use crate::shop::{ask, hang_up, shop, traced};

#[test]
fn requests_do_not_see_each_other() {
    let captured = capture(|| {
        watchpost::set_tag("host", "a");
        watchpost::add_breadcrumb(watchpost::Breadcrumb::new("the program begins"));
        traced(async {
            let mut app = shop();
            // Interleaved: all of them begin before any goes on.
            let requests = [13, 1, 13].map(|id| app.call(ask("POST", &format!("/checkout/{id}"))));
            let tasks = requests.map(|request| {
                tokio::spawn(async { request.await.unwrap().into_body().collect().await.unwrap() })
            });
            for task in tasks {
                task.await.unwrap();
            }
            watchpost::capture_message("afterwards");
        });
    });
    let failed = "\
error: Declined: the card was declined
  in POST /checkout/{id}
  user: customer-13
  tags: host=a
  - info: cart 13 loaded
http.server POST /checkout/{id} [invalid_argument]
  user: customer-13
  tags: host=a
  function checkout
";
    let fine = failed.lines().skip(5).collect::<Vec<_>>().join("\n") + "\n";
    let fine = fine.replace(" [invalid_argument]", "").replace("-13", "-1");
    let afterwards = "info: afterwards\n  tags: host=a\n  - info: the program begins\n";
    assert_eq!(captured.draw(), [failed, &fine, failed, afterwards].concat());
    let traces: std::collections::BTreeSet<_> = captured
        .transactions()
        .iter()
        .map(|transaction| transaction.contexts.trace.as_ref().unwrap().trace_id)
        .collect();
    assert_eq!(traces.len(), 3);
}

#[test]
fn a_request_that_is_dropped_is_cancelled_and_keeps_what_it_knows() {
    let captured = capture(|| {
        traced(async {
            let waits = get(|| async {
                watchpost::set_tag("waited_for", "the bank");
                let _says_goodbye = Goodbye;
                std::future::pending::<()>().await
            });
            let app = Router::new().route("/slow", waits).layer(request_layer());
            let mut request = Box::pin(app.oneshot(ask("GET", "/slow")));
            let mut context = Context::from_waker(Waker::noop());
            assert!(request.as_mut().poll(&mut context).is_pending());
        });
    });
    assert_eq!(
        captured.draw(),
        "\
info: goodbye
  in GET /slow
  tags: waited_for=the bank
http.server GET /slow [cancelled]
  tags: waited_for=the bank
"
    );
}

struct Goodbye;

impl Drop for Goodbye {
    fn drop(&mut self) {
        watchpost::capture_message("goodbye");
    }
}

/// A client that hangs up on a real server.
#[test]
fn a_client_that_hangs_up_cancels_its_request() {
    let captured = capture(|| {
        traced(hang_up());
    });
    assert_eq!(captured.draw(), "http.server GET /slow [cancelled]\n");
}

#[test]
fn without_a_client_the_service_is_as_it_was() {
    let answer: Result<_, Infallible> = traced(shop().oneshot(ask("POST", "/checkout/42")));
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
}
