//! A transaction is named by the route, wherever the layer stands.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::middleware::{Next, from_fn};
use axum::routing::{MethodRouter, get};
use tower::{Layer, Service, ServiceExt, service_fn};
use watchpost::TransactionSource::{self, Custom, Route, Url};
use watchpost::User;
use watchpost::tower::request_layer;
use watchpost_testkit::{Captured, capture, capture_with};

use crate::shop::{ask, traced};

fn cart() -> MethodRouter {
    get(|| async { watchpost::capture_message("looked at").map(|_| ()).unwrap_or_default() })
}

/// What is reported of `GET path`, which is one message and one transaction.
fn asking(path: &str, app: Router) -> Captured {
    capture(|| {
        let _ = traced(app.oneshot(ask("GET", path)));
    })
}

/// The names of everything that was reported, and what kind of a name the transaction has.
fn names(captured: &Captured) -> (Vec<String>, TransactionSource) {
    let transactions = captured.transactions();
    let [transaction] = transactions.as_slice() else { panic!("not one transaction: {}", captured.draw()) };
    let of_events = captured.events().into_iter().map(|event| event.transaction.unwrap_or_default());
    let names = of_events.chain([transaction.transaction.clone()]).collect();
    (names, transaction.transaction_info.as_ref().unwrap().source)
}

#[track_caller]
fn assert_named(name: &str, source: TransactionSource, captured: &Captured) {
    assert_eq!(names(captured), (vec![name.to_owned(); 2], source));
}

#[test]
fn on_the_router() {
    let app = Router::new().route("/carts/{id}", cart()).layer(request_layer());
    assert_named("GET /carts/{id}", Route, &asking("/carts/42", app));
}

#[test]
fn on_the_routes() {
    let app = Router::new().route("/carts/{id}", cart()).route_layer(request_layer());
    assert_named("GET /carts/{id}", Route, &asking("/carts/42", app));
}

#[test]
fn on_one_route() {
    let app = Router::new().route("/carts/{id}", cart().layer(request_layer()));
    assert_named("GET /carts/{id}", Route, &asking("/carts/42", app));
}

#[test]
fn on_one_method() {
    let app = Router::new().route("/carts/{id}", cart().route_layer(request_layer()));
    assert_named("GET /carts/{id}", Route, &asking("/carts/42", app));
}

#[test]
fn around_a_nested_router() {
    let shop = Router::new().route("/carts/{id}", cart());
    let app = Router::new().nest("/shop", shop).layer(request_layer());
    assert_named("GET /shop/carts/{id}", Route, &asking("/shop/carts/42", app));
}

#[test]
fn within_a_nested_router_the_whole_address_is_reported() {
    let shop = Router::new().route("/carts/{id}", cart()).layer(request_layer());
    let captured = asking("/shop/carts/42", Router::new().nest("/shop", shop));
    assert_named("GET /shop/carts/{id}", Route, &captured);
    assert_eq!(captured.events()[0].request.as_ref().unwrap().url.as_deref(), Some("/shop/carts/42"));
    let trace = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert_eq!(trace.data["url.path"], "/shop/carts/42");
    assert_eq!(trace.data["http.route"], "/shop/carts/{id}");
}

#[test]
fn within_a_nested_service() {
    let shop = Router::new().route("/carts/{id}", cart()).layer(request_layer());
    let app = Router::new().nest_service("/shop", shop);
    assert_named("GET /shop/carts/{id}", Route, &asking("/shop/carts/42", app));
}

#[test]
fn on_one_of_two_merged_routers() {
    let shop = Router::new().route("/carts/{id}", cart()).layer(request_layer());
    let app = Router::new().route("/", get(|| async {})).merge(shop);
    assert_named("GET /carts/{id}", Route, &asking("/carts/42", app));
}

/// What stands around the whole router sees the request before it has a route.
#[test]
fn around_everything_it_is_named_by_path_unless_a_layer_within_knows_better() {
    for (routes, name, source) in [
        (Router::new().route("/carts/{id}", cart()), "GET /carts/42", Url),
        (Router::new().route("/carts/{id}", cart()).layer(request_layer()), "GET /carts/{id}", Route),
    ] {
        let captured = capture(|| {
            let _ = traced(request_layer().layer(routes).oneshot(ask("GET", "/carts/42")));
        });
        assert_named(name, source, &captured);
    }
}

#[test]
fn two_layers_are_one_request() {
    let shop = Router::new().route("/carts/{id}", cart().layer(request_layer())).layer(request_layer());
    let app = Router::new().nest("/shop", shop).layer(request_layer());
    let captured = asking("/shop/carts/42", app);
    assert_named("GET /shop/carts/{id}", Route, &captured);
}

/// What the program says is not overruled by a layer further in, which only knows the route.
#[test]
fn two_layers_keep_the_name_that_the_program_gave() {
    let rename = |request: Request<Body>, next: Next| {
        watchpost::set_transaction_name("the big one", Custom);
        next.run(request)
    };
    let named = || request_layer().transaction_name(|_| Some("the big one".to_owned()));
    let carts = || Router::new().route("/carts/{id}", cart());
    for options in [
        watchpost_testkit::options(),
        watchpost::Options::new().use_environment(false).dsn("https://k@localhost/1").unwrap(),
    ] {
        for app in [
            carts().layer(request_layer()).layer(named()),
            carts().layer(named()).layer(request_layer()),
            carts().layer(request_layer()).layer(from_fn(rename)).layer(request_layer()),
        ] {
            let captured = capture_with(options.clone(), || {
                let _ = traced(app.oneshot(ask("GET", "/carts/42")));
            });
            assert_eq!(captured.events()[0].transaction.as_deref(), Some("the big one"));
        }
    }
}

#[test]
fn a_layer_further_in_may_know_who_asks() {
    let known = request_layer().user(|_| Some(User::id("42")));
    let app = Router::new().route("/carts/{id}", cart()).layer(known).layer(request_layer());
    let captured = asking("/carts/42", app);
    let user = captured.events()[0].user.clone().unwrap();
    assert_eq!(user.id.as_deref(), Some("42"));
}

/// A service that answers with the request that it was sent.
#[test]
fn a_request_that_is_kept_and_sent_again_is_another() {
    let captured = capture(|| {
        traced(async {
            let keeps = service_fn(|request: Request<Body>| async {
                let mut response = Response::new(Body::empty());
                response.extensions_mut().insert(Arc::new(Mutex::new(Some(request))));
                Ok::<_, Infallible>(response)
            });
            let mut service = request_layer().layer(keeps);
            let mut request = ask("GET", "/again");
            for _ in 0..2 {
                let response = service.call(request).await.unwrap();
                let kept: &Arc<Mutex<Option<Request<Body>>>> = response.extensions().get().unwrap();
                request = kept.lock().unwrap().take().unwrap();
            }
        });
    });
    assert_eq!(captured.draw(), "http.server GET /again\n".repeat(2));
}

#[test]
fn without_tracing_events_are_named_as_well() {
    let captured = watchpost_testkit::capture_with(
        watchpost::Options::new().use_environment(false).dsn("https://k@localhost/1").unwrap(),
        || {
            let app = Router::new().route("/carts/{id}", cart()).layer(request_layer());
            let _ = traced(request_layer().layer(app).oneshot(ask("GET", "/carts/42")));
        },
    );
    assert_eq!(captured.events()[0].transaction.as_deref(), Some("GET /carts/{id}"));
}

#[test]
fn what_has_no_route_is_named_by_its_path_and_is_no_issue() {
    let routes = Router::new().route("/carts/{id}", cart());
    for app in
        [routes.clone().layer(request_layer()), Router::new().nest("/shop", routes).layer(request_layer())]
    {
        let captured = asking("/favicon.ico", app);
        assert_eq!(captured.draw(), "http.server GET /favicon.ico [not_found]\n");
        assert_eq!(names(&captured).1, Url);
    }
}

#[test]
fn a_name_of_the_programs_own() {
    let layer = request_layer().transaction_name(|request| match request.uri.path() {
        "/carts/1" => Some("the first cart".to_owned()),
        "/carts/2" => panic!("a closure that panics harms nobody"),
        _ => None,
    });
    for (path, name, source) in [
        ("/carts/1", "the first cart", Custom),
        ("/carts/2", "GET /carts/{id}", Route),
        ("/carts/3", "GET /carts/{id}", Route),
    ] {
        let app = Router::new().route("/carts/{id}", cart()).layer(layer.clone());
        assert_named(name, source, &asking(path, app));
    }
}

#[test]
fn a_handler_may_rename_it() {
    let renames = get(|| async {
        watchpost::set_transaction_name("the big one", Custom);
        watchpost::capture_message("looked at");
    });
    let app = Router::new().route("/carts/{id}", renames).layer(request_layer());
    assert_named("the big one", Custom, &asking("/carts/42", app));
}
