//! An error that travels with its response: the handler knows the error, the layer knows the answer.

use std::sync::Arc;

use http::Response;
use watchpost_core::layer::{Beyond, Entry, ErrorRecord, any_active, capture_stack};
use watchpost_core::unharmed;
use watchpost_core::{AsError, RawStack, mute};
use watchpost_protocol::Mechanism;

/// Attaches an error to a response. The [`RequestLayer`](crate::RequestLayer) reports it once, with its causes, the stack of this place, the
/// request and the status of the response; whatever that status is, because the program has said so. Without the layer, or without a
/// client, nothing happens.
///
/// ```
/// # mod watchpost { pub use watchpost_tower as tower; }
/// use http::{Response, StatusCode};
/// use watchpost::tower::attach_error;
///
/// fn refuse(error: &std::io::Error) -> Response<String> {
///     let mut response = Response::new(error.to_string());
///     *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
///     attach_error(response, error)
/// }
/// ```
#[inline(never)]
pub fn attach_error<B, K, E: AsError<K> + ?Sized>(mut response: Response<B>, error: &E) -> Response<B> {
    if any_active() && !mute::is_muted() {
        let error = {
            let _muted = mute::enter(); // an error that attaches itself when it is printed would do so for ever
            // What the mechanism is, is known to the layer. An error that panics when printed costs itself and nothing else.
            unharmed(|| ErrorRecord::of(&error.view(), Mechanism::default()))
        };
        if let Some(error) = error {
            let stack = Entry::default().during(Beyond::Nothing, capture_stack);
            response.extensions_mut().insert(Attached(Arc::new(Parts { error, stack })));
        }
    }
    response
}

/// The extension in the response.
#[derive(Clone)]
pub(crate) struct Attached(Arc<Parts>);

struct Parts {
    error: ErrorRecord,
    stack: Option<RawStack>,
}

impl Attached {
    /// The error, with the layer's mechanism on the one that was captured.
    pub(crate) fn error(&self, origin: &'static str, handled: bool) -> ErrorRecord {
        let mut error = self.0.error.clone();
        for (at, exception) in error.exceptions.iter_mut().rev().enumerate() {
            if let Some(mechanism) = exception.mechanism.as_mut() {
                mechanism.handled = Some(handled);
                if at == 0 {
                    mechanism.ty = origin.into();
                }
            }
        }
        error
    }

    pub(crate) fn stack(&self) -> Option<RawStack> {
        self.0.stack.clone()
    }
}
