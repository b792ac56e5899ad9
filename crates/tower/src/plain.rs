//! What is known of a request without a framework: the same names as in `axum.rs`.

use std::any::Any;
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use http::{Extensions, Uri};

use crate::tap::Tap;

pub(crate) const ORIGIN: &str = "auto.http.tower";

/// There are no routes.
#[derive(Debug, Clone)]
pub(crate) enum Route {}

impl Route {
    pub(crate) fn as_str(&self) -> &str {
        match *self {}
    }
}

pub(crate) fn route(_: &Extensions) -> Option<Route> {
    None
}

pub(crate) fn original_uri(_: &Extensions) -> Option<&Uri> {
    None
}

pub(crate) fn peer(_: &Extensions) -> Option<IpAddr> {
    None
}

pub(crate) fn inner_error(_: &dyn Any) -> Option<&(dyn Error + 'static)> {
    None
}

/// A body of an unknown type cannot be given another in its place.
#[expect(clippy::extra_unused_type_parameters, reason = "a framework would have to know it")]
pub(crate) fn captures<B>() -> bool {
    false
}

pub(crate) fn tapped<B>(body: B, _: Arc<Tap>) -> B {
    body
}
