//! A span that the program holds in its hand; dropping it ends it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use watchpost_protocol::{SpanId, SpanLink, SpanStatus, Timestamp, TraceId, TransactionSource};

use crate::fields::{FieldValue, Fields};
use crate::origin::{Site, SpanInit};
use crate::propagation_context::PropagationContext;
use crate::span_ref::SpanRef;

/// A timed piece of work. A root, which has no parent in this process, is sent as a transaction with all its children when it ends.
///
/// It ends when it is dropped, or by [`finish`](Self::finish). It does not become the current span by itself: see
/// [`enter`](Self::enter) for a block and [`in_span`](crate::future::FutureExt::in_span) for a future.
///
/// While tracing is off or its trace is not sampled, a span is the same type, does nothing and allocates nothing:
/// [`is_recording`](Self::is_recording) is false.
#[must_use = "a span that is not bound to a variable ends at once"]
pub struct Span {
    inner: Option<SpanRef>,
    /// The trace that a root was to be in that nothing came of, because tracing is off: what happens in it is in that trace all the same (§8.7).
    continued: Option<Arc<PropagationContext>>,
    /// Whether dropping it ends it: a span that was only looked up is somebody else's.
    owned: bool,
}

impl Span {
    pub(crate) fn owned(inner: Option<SpanRef>) -> Self {
        Span { inner, continued: None, owned: true }
    }

    /// One that is not recorded, in a trace that is known.
    pub(crate) fn continuing(continued: Option<Arc<PropagationContext>>) -> Self {
        Span { inner: None, continued, owned: true }
    }

    pub(crate) fn borrowed(inner: SpanRef) -> Self {
        Span { inner: Some(inner), continued: None, owned: false }
    }

    pub(crate) fn inner(&self) -> Option<&SpanRef> {
        self.inner.as_ref()
    }

    pub(crate) fn continued(&self) -> Option<&Arc<PropagationContext>> {
        self.continued.as_ref()
    }

    /// Whether what happens to it is kept.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.inner.as_ref().is_some_and(SpanRef::is_recorded)
    }

    /// Starts a child; `op` and the rest can be set on it.
    ///
    /// ```
    /// # let span = watchpost_core::api::start_transaction("checkout").start();
    /// let query = span.child("SELECT 1").with_op("db");
    /// query.finish();
    /// ```
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Span {
        let init = SpanInit { name: name.into(), op: None, origin: "manual", site: Site::default() };
        let inner = self.inner.as_ref().map(|parent| parent.child(init, &Fields::new()));
        // A child that is not recorded stands for its parent, which is not its own to end.
        let owned = inner.as_ref().is_some_and(SpanRef::is_own);
        Span { inner, continued: None, owned }
    }

    /// Sets the operation, as `db.query`, and hands the span back.
    pub fn with_op(self, op: impl Into<Cow<'static, str>>) -> Self {
        self.set_op(op);
        self
    }

    /// Sets the operation.
    pub fn set_op(&self, op: impl Into<Cow<'static, str>>) {
        if let Some(span) = &self.inner {
            span.set_op(op.into());
        }
    }

    /// Says when it began, and hands the span back; see [`SpanBuilder::start_timestamp`](crate::SpanBuilder::start_timestamp).
    pub fn with_start_timestamp(self, time: impl Into<Timestamp>) -> Self {
        if let Some(span) = &self.inner {
            span.set_start(time.into());
        }
        self
    }

    /// Sets the name. The name of a root is the transaction's; its source stays.
    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        if let Some(span) = &self.inner {
            span.set_name(name.into(), None);
        }
    }

    /// Sets the name, and for a root what the name is.
    pub fn set_name_with_source(&self, name: impl Into<Cow<'static, str>>, source: TransactionSource) {
        if let Some(span) = &self.inner {
            span.set_name(name.into(), Some(source));
        }
    }

    /// Sets an attribute; of a key that is set twice, the later value stays.
    pub fn set_attribute<'a>(&self, key: &str, value: impl Into<FieldValue<'a>>) {
        if let Some(span) = self.inner.as_ref().filter(|span| span.is_recorded()) {
            let mut fields = Fields::new();
            fields.push_owned_key(key, value.into());
            span.record(&fields);
        }
    }

    /// Sets the status; a span that ends without one is `ok`.
    pub fn set_status(&self, status: SpanStatus) {
        if let Some(span) = &self.inner {
            span.set_status(status);
        }
    }

    /// Links it to another span that it has to do with and that is not its parent, as the jobs that one batch is made of.
    ///
    /// ```
    /// # use watchpost_core::api::start_transaction;
    /// let enqueued = start_transaction("enqueue").start();
    /// let batch = start_transaction("batch").start();
    /// if let Some(link) = enqueued.to_link() {
    ///     batch.add_link(link);
    /// }
    /// ```
    pub fn add_link(&self, link: SpanLink) {
        if let Some(span) = &self.inner {
            span.add_link(link);
        }
    }

    /// Links it to a span that caused it and did not wait for it, as `tracing`'s `follows_from` does.
    pub fn follows_from(&self, cause: &Span) {
        if let (Some(span), Some(mut link)) = (&self.inner, cause.to_link()) {
            link.attributes.insert("sentry.link.type".into(), "follows_from".into());
            span.add_link(link);
        }
    }

    /// What another span says that links to this one; it may travel, as part of a message say. Of a span that is not recorded, the nearest's
    /// that stands for it; `None` while tracing is off.
    #[must_use]
    pub fn to_link(&self) -> Option<SpanLink> {
        self.inner.as_ref().map(SpanRef::to_link)
    }

    /// The status that was set.
    #[must_use]
    pub fn status(&self) -> Option<SpanStatus> {
        self.inner.as_ref()?.status()
    }

    /// The trace it belongs to; `None` while tracing is off.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.inner.as_ref().map(SpanRef::trace_id)
    }

    /// Its id; of a span that is not recorded, that of the nearest that stands for it.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.inner.as_ref().map(|span| span.span_id)
    }

    /// Lets it go on without this handle: whoever has the other ends it. For layers.
    #[must_use]
    pub fn detach(mut self) -> Option<SpanRef> {
        self.inner.take()
    }

    /// Ends it now. Ending twice counts once.
    pub fn finish(self) {
        drop(self);
    }

    /// Ends it now, as a span that was over at `time`: for work that is told of afterwards, with
    /// [`start_timestamp`](crate::SpanBuilder::start_timestamp). An end before the start is the start: the span took no time (`protocol.md` §6.1).
    ///
    /// ```
    /// # use watchpost_core::api::start_transaction;
    /// use std::time::{Duration, SystemTime};
    ///
    /// // What a worker says that reports nothing itself.
    /// let began = SystemTime::now() - Duration::from_secs(90);
    /// let render = start_transaction("render").op("task").start_timestamp(began).start();
    /// render.child("load").with_start_timestamp(began).finish_at(began + Duration::from_secs(2));
    /// render.finish_at(began + Duration::from_secs(60));
    /// ```
    pub fn finish_at(self, time: impl Into<Timestamp>) {
        if let (true, Some(span)) = (self.owned, &self.inner) {
            span.set_end(time.into());
        }
        drop(self);
    }

    /// Ends it with a status, unless it has one.
    pub fn finish_with(mut self, otherwise: SpanStatus) {
        self.end(otherwise);
    }

    fn end(&mut self, otherwise: SpanStatus) {
        if let (true, Some(span)) = (self.owned, self.inner.take()) {
            span.finish(otherwise);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.owned {
            // A span that a panic cuts off did not end well (`protocol.md` §6.5).
            self.end(if std::thread::panicking() { SpanStatus::InternalError } else { SpanStatus::Ok });
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("is_recording", &self.is_recording())
            .finish()
    }
}
