//! Futures whose errors are captured.

use std::future::Future;

use super::capture::CaptureErr;

/// Captures the error that a future ends with, and passes it on; for what is handed to somebody else to be awaited.
///
/// Where the future is awaited in place, `future.await.capture_err()?` says the same. The error belongs to the scopes in which the future is polled
/// last.
///
/// ```
/// # use watchpost_core::api as watchpost;
/// use watchpost::CaptureErrors;
///
/// async fn import() -> Result<(), std::io::Error> {
///     Ok(())
/// }
/// # fn spawn<F: Future + Send + 'static>(_: F) {}
/// spawn(import().capture_errors());
/// ```
pub trait CaptureErrors<K>: Future<Output: CaptureErr<K>> + Sized {
    /// Captures the error, if there is one; as [`capture_err`](CaptureErr::capture_err).
    fn capture_errors(self) -> impl Future<Output = Self::Output> {
        async move { self.await.capture_err() }
    }
}

impl<K, F: Future<Output: CaptureErr<K>>> CaptureErrors<K> for F {}
