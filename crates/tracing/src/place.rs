//! Where a span or an event is: in which scopes, and where in their trace.

use std::sync::{Arc, OnceLock};

use watchpost_core::Scopes;
use watchpost_core::layer::{Recorder, Slot, SpanRef, Trace};

/// What a span carries that begins something. Those that begin in the same entered scopes share one.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) scopes: Scopes,
    /// `None` while tracing is off.
    pub(crate) trace: Option<Arc<Trace>>,
    /// Whether the current scope is one span's own: what is set in it ends with the span.
    pub(crate) own_current: bool,
    /// Whether the span is left out, and only stands for the scopes that it began in.
    pub(crate) left_out: bool,
}

/// What becomes of a span whose parent is in a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Children {
    /// It is recorded in the node's trace.
    AreRecorded,
    /// Nothing is kept of it.
    AreNotKept,
    /// It begins in the node's scopes, as if nothing were around it.
    Begin,
}

/// Where a span is in its trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mark {
    pub(crate) slot: Slot,
    /// Whether the record is this span's own, to be written to and ended by it, or that of a span that stands for it.
    pub(crate) own: bool,
}

/// Where a span is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) node: Arc<Node>,
    pub(crate) mark: Mark,
}

impl Mark {
    /// In no trace, or not in it.
    pub(crate) const NONE: Mark = Mark { slot: Slot::ROOT, own: false };

    pub(crate) fn of(span: Option<&SpanRef>) -> Mark {
        span.map_or(Mark::NONE, |span| Mark { slot: span.slot(), own: span.is_own() })
    }

    /// What a child is that is not recorded: its parent stands for it.
    pub(crate) fn stood_for(self) -> Mark {
        Mark { own: false, ..self }
    }
}

impl Node {
    /// For a span that begins in scopes that were entered, and changes nothing of them. It is made once for those scopes: of a span that
    /// nothing is kept of, nothing is to be allocated, either (promise 2).
    fn of_entered(entered: &Scopes, left_out: bool) -> Arc<Node> {
        let made = entered.memo(<[OnceLock<Arc<Node>>; 2]>::default);
        let node = || {
            let trace = entered.span_ref().map(|span| Arc::clone(span.trace()));
            Arc::new(Node { scopes: entered.clone(), trace, own_current: false, left_out })
        };
        match made {
            Some(made) => Arc::clone(made[usize::from(left_out)].get_or_init(node)),
            None => node(),
        }
    }

    pub(crate) fn children(&self) -> Children {
        match &self.trace {
            Some(trace) if trace.is_recording() => Children::AreRecorded,
            None if self.left_out => Children::Begin,
            _ => Children::AreNotKept,
        }
    }

    /// Where the spans in it are recorded, if they are.
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.trace.as_ref()?.recorder()
    }

    fn span(&self, mark: Mark) -> Option<SpanRef> {
        let trace = self.trace.as_ref()?;
        Some(SpanRef::new(Arc::clone(trace), mark.slot, mark.own))
    }
}

impl Place {
    /// Of a span that begins in scopes that were entered: with a record of its own, or with the span that is open in them standing for it.
    pub(crate) fn in_entered(entered: &Scopes, own: Option<&SpanRef>) -> Place {
        let mark = own.map_or_else(|| Mark::of(entered.span_ref()).stood_for(), |span| Mark::of(Some(span)));
        Place { node: Node::of_entered(entered, false), mark }
    }

    /// Of a span that is left out: the one that is open in the scopes stands for it.
    pub(crate) fn standing_for(entered: &Scopes) -> Place {
        Place { node: Node::of_entered(entered, true), mark: Mark::of(entered.span_ref()).stood_for() }
    }

    /// The scopes with the span as the open one.
    pub(crate) fn to_scopes(&self) -> Scopes {
        self.node.scopes.with_span_ref(self.span())
    }

    pub(crate) fn span(&self) -> Option<SpanRef> {
        self.node.span(self.mark)
    }

    /// The span itself, if it is recorded.
    pub(crate) fn recorded(&self) -> Option<SpanRef> {
        if self.mark.own && self.node.recorder().is_some() { self.span() } else { None }
    }
}

/// Where an event happens.
pub(crate) enum EventPlace {
    Scopes(Arc<Scopes>),
    Span(Place),
}

impl EventPlace {
    /// The span that it happens in, or the one that stands for it.
    pub(crate) fn slot(&self) -> Option<Slot> {
        match self {
            EventPlace::Scopes(scopes) => scopes.span_ref().map(SpanRef::slot),
            EventPlace::Span(place) => Some(place.mark.slot),
        }
    }

    pub(crate) fn around(&self) -> (&Scopes, Option<&Trace>) {
        match self {
            EventPlace::Scopes(scopes) => (scopes, scopes.span_ref().map(|span| &**span.trace())),
            EventPlace::Span(place) => (&place.node.scopes, place.node.trace.as_deref()),
        }
    }

    pub(crate) fn to_scopes(&self) -> Scopes {
        match self {
            EventPlace::Scopes(scopes) => Scopes::clone(scopes),
            EventPlace::Span(place) => place.to_scopes(),
        }
    }
}
