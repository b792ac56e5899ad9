//! Where the spans of a sampled trace are recorded while it lasts.
//!
//! It is apart from the [`Trace`](crate::trace::Trace) because a thread that works in a trace holds on to it, so that a child costs no look-up
//! and no count: it holds nothing of the program's, and nothing at all once the trace has ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchpost_protocol::{SpanId, SpanStatus, Timestamp};

use crate::clock::Clock;
use crate::fields::Fields;
use crate::origin::{Callsite, Origin};
use crate::record::{Buffer, NO_KEY, Opening, Outliving, Slot, SpanKey};
use crate::rng::{self, Rng};

/// Records the spans of one trace. For layers that keep spans for somebody else.
pub struct Recorder {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    state: Mutex<State>,
}

struct State {
    buffer: Buffer,
    /// The spans that were still open when the trace ended; `None` while it has not.
    outliving: Option<Vec<Outliving>>,
}

/// How a span begins that a layer keeps for somebody else.
#[derive(Debug, Clone, Copy)]
pub struct LayerSpan {
    /// What the layer will say about it.
    pub callsite: Callsite,
    /// How the layer knows it; see [`Recorder::find`].
    pub key: SpanKey,
}

/// Why a span is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecorded {
    /// The trace has as many spans as it may have; it counts what it had no room for.
    Full,
    /// The trace has ended. The span is lost, which is the caller's to count.
    Ended,
}

impl Recorder {
    /// `buffer` is empty.
    pub(crate) fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>, buffer: Buffer) -> Self {
        Recorder { clock, rng, state: Mutex::new(State { buffer, outliving: None }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a child of the span at `parent`.
    ///
    /// # Errors
    /// [`Unrecorded`] says why it is not recorded; its parent stands for it then.
    pub fn open(&self, parent: Slot, span: LayerSpan, fields: &Fields) -> Result<Slot, Unrecorded> {
        let (slot, _) = self.open_as(parent, Origin::Layer(span.callsite), span.key, fields)?;
        Ok(slot)
    }

    pub(crate) fn open_as(
        &self,
        parent: Slot,
        origin: Origin,
        key: SpanKey,
        fields: &Fields,
    ) -> Result<(Slot, SpanId), Unrecorded> {
        self.open_and(parent, origin, key, fields, |_, _| {})
    }

    /// Starts a child, and does something to it before anybody else can.
    fn open_and(
        &self,
        parent: Slot,
        origin: Origin,
        key: SpanKey,
        fields: &Fields,
        then: impl FnOnce(&mut Buffer, Slot),
    ) -> Result<(Slot, SpanId), Unrecorded> {
        let span_id = rng::span_id(&*self.rng);
        let start = self.clock.monotonic(); // the program's, maybe: before the lock
        let mut state = self.lock();
        if state.outliving.is_some() {
            return Err(Unrecorded::Ended);
        }
        let opening = Opening { span_id, parent, origin, key, start, fields };
        let slot = state.buffer.open(opening).ok_or(Unrecorded::Full)?;
        then(&mut state.buffer, slot);
        Ok((slot, span_id))
    }

    /// The first span, which began when the trace did.
    pub(crate) fn open_root(&self, time: Timestamp, root: Opening<'_>) {
        let mut state = self.lock();
        state.buffer.anchor = Some((time, root.start));
        state.buffer.open(root);
    }

    /// Ends a span. `otherwise` is its status if nobody has given it one.
    pub fn close(&self, slot: Slot, otherwise: SpanStatus) {
        let end = self.clock.monotonic();
        let mut state = self.lock();
        state.buffer.close(slot, end, otherwise);
        if let Some(outliving) = &mut state.outliving {
            outliving.retain(|span| span.slot != slot); // its key may come again, for another span
        }
    }

    /// Ends the root, and with it everything; hands over what was recorded. `None` if it has ended before: the first end counts.
    pub(crate) fn finish(&self, otherwise: SpanStatus) -> Option<Buffer> {
        let end = self.clock.monotonic();
        let mut state = self.lock();
        if state.outliving.is_some() {
            return None;
        }
        state.buffer.close(Slot::ROOT, end, otherwise);
        state.outliving = Some(state.buffer.outliving());
        let mut buffer = std::mem::take(&mut state.buffer);
        drop(state);
        buffer.fit();
        Some(buffer)
    }

    /// How many spans are lost if nobody ends the trace any more; `None` if it has ended.
    pub(crate) fn abandoned(&self) -> Option<u64> {
        let state = self.lock();
        state.outliving.is_none().then(|| state.buffer.span_count())
    }

    /// The open span that a layer knows by this key: for a thread that has not met it yet.
    #[must_use]
    pub fn find(&self, key: SpanKey) -> Option<Slot> {
        let mut state = self.lock();
        let open = state.buffer.find(key);
        let outliving = || state.outliving.iter().flatten().find(|span| span.key == key);
        open.or_else(|| Some(outliving()?.slot))
    }

    /// The ids of a child and of its parent.
    pub(crate) fn ids(&self, slot: Slot) -> Option<(SpanId, SpanId)> {
        let state = self.lock();
        let outliving = || state.outliving.iter().flatten().find(|span| span.slot == slot);
        state.buffer.ids(slot).or_else(|| outliving().map(|span| (span.span_id, span.parent)))
    }

    /// Changes what is recorded; nothing is found there any more once the trace has ended.
    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut Buffer) -> T) -> T {
        edit(&mut self.lock().buffer)
    }

    /// Records a span that has ended just now, and that took this long: for what is said only afterwards.
    ///
    /// # Errors
    /// As [`open`](Recorder::open).
    pub fn add(
        &self,
        parent: Slot,
        callsite: Callsite,
        took: Duration,
        fields: &Fields,
    ) -> Result<(), Unrecorded> {
        let end = |buffer: &mut Buffer, slot| buffer.close_back_dated(slot, took);
        self.open_and(parent, Origin::Layer(callsite), NO_KEY, fields, end)?;
        Ok(())
    }

    /// Says that something went wrong in a span. It ends with `internal_error`, unless the program or what the attributes mean says
    /// otherwise.
    pub fn fail(&self, slot: Slot) {
        self.edit(|buffer| buffer.fail(slot));
    }

    /// Whether a span has an attribute with such a name; not once the trace has ended. `named` runs under a lock.
    #[must_use]
    pub fn has_field(&self, slot: Slot, named: impl Fn(&str) -> bool) -> bool {
        self.edit(|buffer| buffer.has_field(slot, named))
    }

    /// The attributes of a span and of those around it, the root's first; none once the trace has ended.
    #[must_use]
    pub fn fields_around(&self, slot: Slot) -> Fields {
        self.edit(|buffer| buffer.fields_around(slot))
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
