//! What axum knows of a request, from its extensions.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use http::{Extensions, Uri};

pub(crate) const ORIGIN: &str = "auto.http.axum";

/// The route as it was written down, with the paths of the routers around it: `/shop/{id}`.
pub(crate) type Route = MatchedPath;

pub(crate) fn route(extensions: &Extensions) -> Option<Route> {
    extensions.get::<MatchedPath>().cloned()
}

/// The address that was asked for. A nested router sees only its own part of it.
pub(crate) fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|original| &original.0)
}

/// Who is at the other end of the connection, if the server was made with connect info.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}
