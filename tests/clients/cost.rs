//! What the layer costs where it has nothing to do.

use std::convert::Infallible;
use std::future::ready;

use axum::body::Body;
use axum::http::{Request, Response};
use tower::{Layer, Service, service_fn};
use watchpost::tower::propagate_layer;

use crate::get;

#[test]
fn without_a_client_nothing() {
    let answer = |_: Request<Body>| ready(Ok::<_, Infallible>(Response::<Body>::default()));
    let (mut bare, mut layered) = (service_fn(answer), propagate_layer().layer(service_fn(answer)));
    drop(layered.call(get("http://api.test/carts"))); // what is made once for the process, or for a thread, is made now
    let (first, second) = (get("http://api.test/carts?page=2"), get("http://api.test/carts?page=2"));
    let without = allocation_counter::measure(|| drop(bare.call(first)));
    let with = allocation_counter::measure(|| drop(layered.call(second)));
    assert_eq!(with.count_total, without.count_total);
}
