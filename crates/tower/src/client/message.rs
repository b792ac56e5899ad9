//! What has to be known of a client's requests and responses, whatever library makes them.

use std::borrow::Cow;

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

/// A request that a client sends. Every [`http::Request`] is one, whatever its body, and with the feature `reqwest` that library's.
pub trait ClientRequest {
    /// The method.
    fn method(&self) -> &Method;
    /// Where it goes.
    fn uri(&self) -> Cow<'_, Uri>;
    /// The headers.
    fn headers(&self) -> &HeaderMap;
    /// The headers, to be added to.
    fn headers_mut(&mut self) -> &mut HeaderMap;
}

/// What a client is answered. Every [`http::Response`] is one, whatever its body, and with the feature `reqwest` that library's.
pub trait ClientResponse {
    /// The status.
    fn status(&self) -> StatusCode;
    /// The headers.
    fn headers(&self) -> &HeaderMap;
}

impl<B> ClientRequest for Request<B> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn uri(&self) -> Cow<'_, Uri> {
        Cow::Borrowed(self.uri())
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

impl<B> ClientResponse for Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}
