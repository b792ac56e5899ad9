//! Requests of [`ureq`] 3 that carry their trace.
//!
//! ```
//! # use watchpost_tower as watchpost;
//! let config = ureq::Agent::config_builder().middleware(watchpost::ureq::propagate).build();
//! let agent = ureq::Agent::new_with_config(config);
//! ```

use ::ureq::middleware::MiddlewareNext;
use ::ureq::{Body, Error, SendBody};
use http::{Request, Response, StatusCode};

use super::call::Call;
use crate::kind::Kind;

static KIND: Kind = Kind { op: "http.client", origin: "auto.http.ureq" };

/// The middleware: does for the requests of an agent what [`PropagateLayer`](crate::PropagateLayer) does for those of a service.
///
/// # Errors
/// Those of the request, as they come.
pub fn propagate(
    mut request: Request<SendBody<'_>>,
    next: MiddlewareNext<'_>,
) -> Result<Response<Body>, Error> {
    let Some(mut call) = Call::begin(&mut request, &KIND) else { return next.handle(request) };
    let running = call.enter();
    let result = next.handle(request);
    drop(running);
    match &result {
        Ok(response) => call.answered(response),
        Err(error) => match status(error) {
            Some(status) => call.ended_with(status, None),
            None => call.failed(),
        },
    }
    result
}

/// An agent makes an error of a status unless it is told not to; it is an answer all the same.
fn status(error: &Error) -> Option<StatusCode> {
    match error {
        Error::StatusCode(code) => StatusCode::from_u16(*code).ok(),
        _ => None,
    }
}
