//! The body of a response: the request is over when its body is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::error::ServiceError;
use crate::response::Watch;

pin_project! {
    /// The body of a response whose request is reported; made by [`RequestService`](crate::RequestService).
    ///
    /// It is the body of the service within, frame by frame. While it is polled the scopes of its request are current, and the transaction
    /// ends when it does:
    ///
    /// - at its end, with the status of the response;
    /// - with an error, which is an issue, as `internal_error`;
    /// - dropped half-way, because nobody listens any more, as `cancelled`. One that was never asked for anything was replaced by another,
    ///   or had no reader from the start; that says nothing about the request, which ends with the status of the response.
    pub struct ResponseBody<B> {
        // `None` once it is over or dropped. It ends before the transaction does, under the scopes of its request.
        #[pin]
        body: Option<B>,
        reading: Option<Reading>,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.reading.as_ref().map(|reading| reading.watch.scopes().attach());
            this.body.set(None);
            match this.reading.take() {
                Some(reading) if !reading.begun || reading.left == Some(0) => reading.watch.finish(),
                half_way => drop(half_way),
            }
        }
    }
}

#[derive(Debug)]
struct Reading {
    watch: Watch,
    begun: bool,
    /// How many bytes are still to come, if that is known. A server that has sent as many as it announced does not ask for the end.
    left: Option<u64>,
}

impl<B> ResponseBody<B> {
    pub(crate) fn unobserved(body: B) -> Self {
        ResponseBody { body: Some(body), reading: None }
    }

    /// The response, whose body ends the request unless there is none.
    pub(crate) fn of(response: Response<B>, watch: Watch) -> Response<Self>
    where
        B: Body,
    {
        let (head, body) = response.into_parts();
        let body = match watch.answered(&head, &body) {
            Some((watch, announced)) => ResponseBody::observed(body, watch, announced),
            None => ResponseBody::unobserved(body),
        };
        Response::from_parts(head, body)
    }

    /// Of a response that announces this many bytes.
    pub(crate) fn observed(body: B, watch: Watch, announced: Option<u64>) -> Self {
        let reading = Reading { watch, begun: false, left: announced };
        ResponseBody { body: Some(body), reading: Some(reading) }
    }
}

impl<B: Body> Body for ResponseBody<B>
where
    B::Error: ServiceError,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(reading) = this.reading.as_mut() else {
            let Some(body) = this.body.as_pin_mut() else { return Poll::Ready(None) };
            return body.poll_frame(context);
        };
        reading.begun = true;
        let running = reading.watch.enter();
        let Some(mut body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let frame = ready!(body.as_mut().poll_frame(context));
        // Nothing comes after the trailers, though a body need not say so.
        let more = matches!(&frame, Some(Ok(frame)) if !frame.is_trailers());
        let over = !more || body.is_end_stream();
        if over {
            this.body.set(None); // what it held goes before the request is over
        }
        drop(running);
        match &frame {
            Some(Ok(frame)) => reading.see(frame),
            Some(Err(error)) => reading.watch.broke_off(error),
            None => {}
        }
        if over && let Some(reading) = this.reading.take() {
            reading.watch.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Reading {
    fn see<D: Buf>(&mut self, frame: &Frame<D>) {
        if let Some(trailers) = frame.trailers_ref() {
            self.watch.judge_call(trailers);
        }
        if let (Some(left), Some(data)) = (self.left.as_mut(), frame.data_ref()) {
            *left = left.saturating_sub(data.remaining() as u64);
        }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        ResponseBody::unobserved(B::default())
    }
}

impl<B> std::fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseBody").field("reading", &self.reading).finish_non_exhaustive()
    }
}
