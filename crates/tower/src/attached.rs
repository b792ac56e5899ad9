//! An error that travels with its response: the handler knows the error, the layer knows the answer.

use std::error::Error;
use std::sync::Arc;

use http::Response;
use watchpost_core::layer::{any_active, capture_stack, exceptions};
use watchpost_core::unharmed;
use watchpost_core::{RawStack, mute};
use watchpost_protocol::{Exception, Mechanism};

/// Attaches an error to a response. The [`RequestLayer`](crate::RequestLayer) reports it once, with its causes, the stack of this place, the
/// request and the status of the response; whatever that status is, because the program has said so. Without the layer, or without a
/// client, nothing happens.
///
/// ```
/// use http::{Response, StatusCode};
/// use watchpost_tower::attach_error;
///
/// fn refuse(error: &std::io::Error) -> Response<String> {
///     let mut response = Response::new(error.to_string());
///     *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
///     attach_error(response, error)
/// }
/// ```
pub fn attach_error<B, E: Error + ?Sized>(mut response: Response<B>, error: &E) -> Response<B> {
    if any_active() && !mute::is_muted() {
        let exceptions = {
            let _muted = mute::enter(); // an error that attaches itself when it is printed would do so for ever
            // What the mechanism is, is known to the layer. An error that panics when printed costs itself and nothing else.
            unharmed(|| exceptions(error, Mechanism::default()))
        };
        if let Some(exceptions) = exceptions {
            let stack = capture_stack();
            response.extensions_mut().insert(Attached(Arc::new(Parts { exceptions, stack })));
        }
    }
    response
}

/// The extension in the response.
#[derive(Clone)]
pub(crate) struct Attached(Arc<Parts>);

struct Parts {
    exceptions: Vec<Exception>,
    stack: Option<RawStack>,
}

impl Attached {
    /// The exceptions, with the layer's mechanism on the one that was captured.
    pub(crate) fn exceptions(&self, origin: &'static str, handled: bool) -> Vec<Exception> {
        let mut exceptions = self.0.exceptions.clone();
        for (at, exception) in exceptions.iter_mut().rev().enumerate() {
            if let Some(mechanism) = exception.mechanism.as_mut() {
                mechanism.handled = Some(handled);
                if at == 0 {
                    mechanism.ty = origin.into();
                }
            }
        }
        exceptions
    }

    pub(crate) fn stack(&self) -> Option<RawStack> {
        self.0.stack.clone()
    }
}
