//! The body of a request: copied for the report while the handler reads it, and otherwise as it was.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::framework;
use crate::tap::Tap;

/// How the service within is given the body of a request: [`SameBody`] or [`TappedBody`].
pub trait BodyMode<B>: sealed::Sealed {
    /// The body that the service within is given.
    type Body;

    #[doc(hidden)]
    fn captures() -> bool;

    #[doc(hidden)]
    fn give(body: B, tap: Option<Arc<Tap>>) -> Self::Body;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::SameBody {}
    impl Sealed for super::TappedBody {}
}

/// The service within is given a body of the type that comes in. The body can be reported if that is the body of axum (feature `axum`). The
/// default.
#[derive(Debug, Clone, Copy)]
pub struct SameBody;

impl<B: 'static> BodyMode<B> for SameBody {
    type Body = B;

    fn captures() -> bool {
        framework::captures::<B>()
    }

    fn give(body: B, tap: Option<Arc<Tap>>) -> B {
        match tap {
            Some(tap) => framework::tapped(body, tap),
            None => body,
        }
    }
}

/// The service within is given a [`RequestBody`], so that bodies of any type can be reported; see
/// [`with_request_body`](crate::RequestLayer::with_request_body).
#[derive(Debug, Clone, Copy)]
pub struct TappedBody;

impl<B> BodyMode<B> for TappedBody {
    type Body = RequestBody<B>;

    fn captures() -> bool {
        true
    }

    fn give(body: B, tap: Option<Arc<Tap>>) -> RequestBody<B> {
        RequestBody { body, tap, read: 0 }
    }
}

pin_project! {
    /// The body of a request that is copied while it is read, up to the option `max_request_body_size`; nothing is read ahead, and nothing is
    /// changed for who reads it. It can be had from a bare body by `Default` and `From`, and is then that body and nothing more.
    #[derive(Debug, Clone, Default)]
    pub struct RequestBody<B> {
        #[pin]
        body: B,
        tap: Option<Arc<Tap>>,
        // How many bytes: a copy that is sent when this one was not answered is not told besides.
        read: usize,
    }
}

impl<B> RequestBody<B> {
    /// The body within. What is still to be read of it is read unseen.
    pub fn into_inner(self) -> B {
        self.body
    }
}

impl<B> From<B> for RequestBody<B> {
    fn from(body: B) -> Self {
        RequestBody { body, tap: None, read: 0 }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(context));
        if let Some(tap) = this.tap {
            match &frame {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        let whole = Some(data.chunk()).filter(|chunk| chunk.len() == data.remaining());
                        tap.copy(*this.read, whole);
                        *this.read = this.read.saturating_add(data.remaining());
                    }
                    if frame.is_trailers() || this.body.is_end_stream() {
                        tap.complete();
                    }
                }
                Some(Err(_)) => {}
                None => tap.complete(),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
