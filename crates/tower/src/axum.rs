//! What axum knows of a request, from its extensions.

use std::any::{Any, TypeId};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use http::{Extensions, Uri};

use crate::request_body::{BodyMode, TappedBody};
use crate::tap::Tap;

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

/// What axum has wrapped when a body failed.
pub(crate) fn inner_error(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    error.downcast_ref::<axum::Error>()?.source()
}

/// Whether [`tapped`] can do anything with bodies of this type: axum's is one type for every body, so it can be given another in its place.
pub(crate) fn captures<B: 'static>() -> bool {
    TypeId::of::<B>() == TypeId::of::<Body>()
}

/// The body, copied while it is read, if it is one of axum's; any other as it is.
pub(crate) fn tapped<B: 'static>(mut body: B, tap: Arc<Tap>) -> B {
    let any: &mut dyn Any = &mut body;
    if let Some(body) = any.downcast_mut::<Body>() {
        *body = Body::new(TappedBody::give(std::mem::take(body), Some(tap)));
    }
    body
}
