//! The layer, and how it is set up.

use std::marker::PhantomData;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;
use watchpost_protocol::User;

use crate::request_body::{SameBody, TappedBody};
use crate::service::RequestService;
use crate::settings::Settings;

/// The layer, with every default.
#[must_use]
pub fn request_layer() -> RequestLayer {
    RequestLayer::new()
}

/// Wraps a service, so that each of its requests is a unit of work of its own; see the [crate documentation](crate).
///
/// `M` says how the service is given the body of a request; see [`with_request_body`](Self::with_request_body).
#[derive(Debug, Clone)]
pub struct RequestLayer<M = SameBody> {
    settings: Arc<Settings>,
    mode: PhantomData<M>,
}

impl Default for RequestLayer {
    fn default() -> Self {
        RequestLayer::new()
    }
}

impl RequestLayer {
    /// A layer with every default.
    #[must_use]
    pub fn new() -> Self {
        let failed = (500..=599).collect();
        let settings = Settings { failed, user: None, name: None };
        RequestLayer { settings: Arc::new(settings), mode: PhantomData }
    }

    /// Reports the bodies of requests of any type (with the option `send_default_pii`, and up to the option `max_request_body_size`): the service
    /// within is given a [`RequestBody`](crate::RequestBody), which copies what is read of it. Nothing is read ahead.
    ///
    /// Services that take any body, as those of tower-http, and handlers that are generic over it, do not notice. With axum this is not needed, and
    /// not possible: its routes take axum's own body and no other. Since that one can hold any body, the layer sees to it by itself (feature
    /// `axum`).
    #[must_use]
    pub fn with_request_body(self) -> RequestLayer<TappedBody> {
        RequestLayer { settings: self.settings, mode: PhantomData }
    }
}

impl<M> RequestLayer<M> {
    /// Which statuses of a response are an issue: a range, a list, or both. A status is an issue only if the request has not
    /// reported an error by then, which is taken for its cause. The outcome of a gRPC call counts as the HTTP status that means the same: `UNKNOWN`,
    /// `INTERNAL` and `DATA_LOSS` as 500, `UNAVAILABLE` as 503, `DEADLINE_EXCEEDED` as 504, all others as 4xx. Of each route it is another issue,
    /// unless the scope has a fingerprint. Of two layers that a request passes the outer one's setting holds. Default: 500 to 599.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_tower as tower; }
    /// let layer = watchpost::tower::request_layer().failed_request_status_codes((500..=599).chain([429]));
    /// ```
    #[must_use]
    pub fn failed_request_status_codes(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.set().failed = codes.into_iter().collect();
        self
    }

    /// Who makes a request, before the handler runs. A handler or a middleware that finds out later calls `set_user`, which is
    /// of its request only. Default: nobody.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_protocol::*; pub use watchpost_tower as tower; }
    /// use watchpost::User;
    ///
    /// let layer = watchpost::tower::request_layer().user(|request| {
    ///     Some(User::id(request.headers.get("x-customer")?.to_str().ok()?))
    /// });
    /// ```
    #[must_use]
    pub fn user(mut self, user: impl Fn(&Parts) -> Option<User> + Send + Sync + 'static) -> Self {
        self.set().user = Some(Arc::new(user));
        self
    }

    /// What the transaction of a request is named, with the source `custom`; `None` leaves it to the layer. It should name a
    /// kind of request, and not the one: names with an id in them group nothing. Default: `POST /checkout/{id}`, by method and route.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_tower as tower; }
    /// let layer = watchpost::tower::request_layer().transaction_name(|request| {
    ///     request.uri.path().starts_with("/assets/").then(|| "an asset".to_owned())
    /// });
    /// ```
    #[must_use]
    pub fn transaction_name(
        mut self,
        name: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.set().name = Some(Arc::new(name));
        self
    }

    fn set(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl<S, M> Layer<S> for RequestLayer<M> {
    type Service = RequestService<S, M>;

    fn layer(&self, inner: S) -> RequestService<S, M> {
        RequestService::new(inner, Arc::clone(&self.settings))
    }
}
