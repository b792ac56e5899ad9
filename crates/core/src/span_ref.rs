//! A handle to a span of a trace: where it is recorded, if it is, and the ids under which others know it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use watchpost_protocol::{
    SentryTrace, SpanId, SpanLink, SpanStatus, Timestamp, TraceContext, TraceId, TransactionSource, Value,
};

use crate::fields::{FieldValue, Fields};
use crate::flags;
use crate::origin::{Origin, SpanInit};
use crate::pipeline::EventTrace;
use crate::propagation_context::PropagationContext;
use crate::record::{Buffer, NO_KEY, Slot};
use crate::scope::Scope;
use crate::trace::Trace;

/// A span of a trace, for layers that keep one for somebody else; dropping it does not end the span. In a program, use
/// [`Span`](crate::Span).
///
/// A span that is not recorded (of an unsampled trace, or one too many) has a handle to the nearest that stands for it: what such a handle
/// is told says nothing about that span.
#[derive(Clone)]
pub struct SpanRef {
    pub(crate) trace: Arc<Trace>,
    pub(crate) slot: Slot,
    /// Whether it is the span itself.
    pub(crate) own: bool,
    pub(crate) span_id: SpanId,
    pub(crate) parent: Option<SpanId>,
}

impl SpanRef {
    /// A handle to the span at `slot`; `own` says whether it is for that span itself, and not for one that is not recorded and is stood
    /// for by it.
    #[must_use]
    pub fn new(trace: Arc<Trace>, slot: Slot, own: bool) -> SpanRef {
        let (span_id, parent) = trace.ids(slot);
        SpanRef { trace, slot, own, span_id, parent }
    }

    /// The root of a trace.
    pub(crate) fn root(trace: Arc<Trace>) -> SpanRef {
        let (span_id, parent) = trace.root_ids();
        SpanRef { trace, slot: Slot::ROOT, own: true, span_id, parent }
    }

    /// Starts a child by hand. One that finds no room, or a parent that has ended, is stood for by its parent.
    pub(crate) fn child(&self, init: SpanInit, fields: &Fields) -> SpanRef {
        // Asked first: of an unsampled trace, a child makes no place for what it would begin with.
        let opened = if self.trace.is_recording() {
            self.trace.open(self.slot, Origin::ByHand(Box::new(init)), NO_KEY, fields)
        } else {
            None
        };
        match opened {
            Some((slot, span_id)) => SpanRef {
                trace: Arc::clone(&self.trace),
                slot,
                own: true,
                span_id,
                parent: Some(self.span_id),
            },
            None => SpanRef { own: false, ..self.clone() },
        }
    }

    /// Whether both are recorded at the same place, or stood for by the same span.
    pub(crate) fn is_at(&self, other: &SpanRef) -> bool {
        Arc::ptr_eq(&self.trace, &other.trace) && self.slot == other.slot
    }

    pub(crate) fn is_root(&self) -> bool {
        self.own && self.slot == Slot::ROOT
    }

    /// Ends the span; a root ends its trace. `otherwise` is the status of a span that nobody has given one.
    pub fn finish(&self, otherwise: SpanStatus) {
        if self.own {
            self.trace.close(self.slot, otherwise);
        }
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut Buffer, Slot) -> T) -> Option<T> {
        let recorder = self.trace.recorder().filter(|_| self.own)?;
        Some(recorder.edit(|buffer| edit(buffer, self.slot)))
    }

    /// Whether it is recorded.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.own && self.trace.is_recording()
    }

    /// The trace that it belongs to.
    #[must_use]
    pub fn trace(&self) -> &Arc<Trace> {
        &self.trace
    }

    /// Where it is recorded, or the span that stands for it.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// Whether it is the span itself, and not one that stands for it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// Adds attributes; of a key that is set twice, the later value stays.
    pub fn record(&self, fields: &Fields) {
        self.edit(|buffer, slot| buffer.record(slot, fields));
    }

    /// Whether it has an attribute with such a name; `named` is shown one after the other until it is the one.
    pub(crate) fn has_attribute(&self, mut named: impl FnMut(&str) -> bool) -> bool {
        self.edit(|buffer, slot| buffer.has_field(slot, &mut named)).unwrap_or(false)
    }

    /// Tells of a flag; not if the span tells of ten others already.
    pub(crate) fn add_feature_flag(&self, name: &str, value: &Value) {
        if !self.is_recorded() {
            return;
        }
        let key = format!("{}{name}", flags::ATTRIBUTE);
        let mut known = BTreeSet::new();
        let is_known = self.has_attribute(|attribute| {
            if attribute.starts_with(flags::ATTRIBUTE) {
                known.insert(attribute.to_owned());
            }
            attribute == key
        });
        if !is_known && known.len() >= flags::MAX_SPAN_FLAGS {
            return;
        }
        let text;
        let value = match value {
            Value::Bool(value) => FieldValue::Bool(*value),
            Value::String(value) => FieldValue::Str(value),
            other => {
                text = other.to_string();
                other
                    .as_i64()
                    .map(FieldValue::I64)
                    .or(other.as_f64().map(FieldValue::F64))
                    .unwrap_or(FieldValue::Str(&text))
            }
        };
        let mut fields = Fields::new();
        fields.push_owned_key(&key, value);
        self.record(&fields);
    }

    /// Sets the status.
    pub fn set_status(&self, status: SpanStatus) {
        self.edit(|buffer, slot| buffer.set_status(slot, status));
    }

    /// Sets the status, unless the program has: how work has ended says more than what went wrong on the way.
    pub fn settle(&self, status: SpanStatus) {
        self.edit(|buffer, slot| {
            if buffer.status(slot).is_none() {
                buffer.set_status(slot, status);
            }
        });
    }

    /// The status that was set.
    #[must_use]
    pub fn status(&self) -> Option<SpanStatus> {
        self.edit(|buffer, slot| buffer.status(slot)).flatten()
    }

    /// Sets the operation.
    pub fn set_op(&self, op: Cow<'static, str>) {
        self.edit(|buffer, slot| buffer.set_op(slot, op));
    }

    /// Says when it began.
    pub(crate) fn set_start(&self, start: Timestamp) {
        self.edit(|buffer, slot| buffer.set_start(slot, start));
    }

    /// Says when it ends; nothing if it has ended.
    pub(crate) fn set_end(&self, end: Timestamp) {
        self.edit(|buffer, slot| buffer.set_end(slot, end));
    }

    /// Adds a link to another span.
    pub fn add_link(&self, link: SpanLink) {
        self.edit(|buffer, slot| buffer.add_link(slot, link));
    }

    /// What another span says that links to this one.
    #[must_use]
    pub fn to_link(&self) -> SpanLink {
        SpanLink {
            trace_id: self.trace_id(),
            span_id: self.span_id,
            sampled: Some(self.trace.is_sampled()),
            ..SpanLink::default()
        }
    }

    /// Renames the span; the root's name is also the transaction's, whatever it is named by (`source`).
    pub fn set_name(&self, name: Cow<'static, str>, source: Option<TransactionSource>) {
        if self.is_root() {
            self.trace.rename(name, source);
        } else {
            self.edit(|buffer, slot| buffer.set_name(slot, name));
        }
    }

    /// Says in which scopes a root lives: what is set there is on its transaction. Nothing for another span.
    pub(crate) fn live_in(&self, isolation: &Scope, current: &Scope) {
        if self.is_root() {
            self.trace.live_in(isolation, current);
        }
    }

    /// What an outgoing `sentry-trace` says of this span.
    pub(crate) fn header(&self) -> SentryTrace {
        SentryTrace {
            trace_id: self.trace_id(),
            span_id: self.span_id,
            sampled: Some(self.trace.is_sampled()),
        }
    }

    pub(crate) fn trace_id(&self) -> TraceId {
        self.trace.id()
    }

    /// The trace data of an event that is captured in this span.
    pub(crate) fn event_trace(&self) -> EventTrace {
        let name = self.trace.name();
        EventTrace {
            context: Some(TraceContext {
                trace_id: self.trace_id(),
                span_id: self.span_id,
                parent_span_id: self.parent,
                ..TraceContext::default()
            }),
            dsc: Some(self.trace.dsc()),
            transaction: (!name.is_empty()).then(|| name.into_owned()),
        }
    }
}

/// The trace context of an event while no span is open (§8.7).
pub(crate) fn propagated_context(propagation: &PropagationContext) -> TraceContext {
    TraceContext {
        trace_id: propagation.trace_id,
        span_id: propagation.span_id,
        parent_span_id: propagation.parent_span_id,
        ..TraceContext::default()
    }
}

impl fmt::Debug for SpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanRef")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id)
            .field("is_recorded", &self.is_recorded())
            .finish()
    }
}
