//! What is known of a request without a framework: the same names as in `axum.rs`.

use std::net::IpAddr;

use http::{Extensions, Uri};

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
