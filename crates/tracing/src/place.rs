//! Where a span or an event is: in which scopes, and where in their trace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use watchpost_core::Scopes;
use watchpost_core::layer::{InTrace, Recorder, Slot, SpanRef, Trace};

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
    /// The span that was given it late, if it was.
    pub(crate) late_of: Option<u64>,
    pub(crate) late: Late,
}

/// The nodes of spans in a node that asked for a current scope of their own when they were open already.
///
/// They live in that node and not in the layer's table, because the layer may not be told when such a span closes: a filter in front of it
/// may hide that span. So what is left of it ends with the node, and no later span of its id is taken for it in another unit of work.
#[derive(Debug, Default)]
pub(crate) struct Late {
    any: AtomicBool,
    nodes: Mutex<Vec<(u64, Arc<Node>)>>,
}

/// More than so many are not kept in one node: then a span has to do with the current scope that is around it.
const MAX_LATE: usize = 1000;

impl Late {
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Arc<Node>)>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Node>> {
        self.lock().iter().find(|(of, _)| *of == id).map(|(_, node)| Arc::clone(node))
    }

    /// Gives a span its place, unless another thread was first: then that one's. `None` if there are too many.
    pub(crate) fn insert(&self, id: u64, own: Place) -> Option<Place> {
        let mut nodes = self.lock();
        if let Some((_, first)) = nodes.iter().find(|(of, _)| *of == id) {
            return Some(Place { node: Arc::clone(first), ..own });
        }
        if nodes.len() >= MAX_LATE {
            return None;
        }
        nodes.push((id, Arc::clone(&own.node)));
        self.any.store(true, Ordering::Release);
        Some(own)
    }

    /// Takes the node of a span that closes.
    pub(crate) fn remove(&self, id: u64) -> Option<Arc<Node>> {
        let mut nodes = self.lock();
        let at = nodes.iter().position(|(of, _)| *of == id)?;
        Some(nodes.swap_remove(at).1)
    }
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
            Node::new(entered.clone(), trace, false, left_out)
        };
        match made {
            Some(made) => Arc::clone(made[usize::from(left_out)].get_or_init(node)),
            None => node(),
        }
    }

    pub(crate) fn new(
        scopes: Scopes,
        trace: Option<Arc<Trace>>,
        own_current: bool,
        left_out: bool,
    ) -> Arc<Node> {
        Arc::new(Node { scopes, trace, own_current, left_out, late_of: None, late: Late::default() })
    }

    /// The same with a current scope of its own; for whom, if it is not in the layer's table.
    pub(crate) fn with_own_current(&self, late_of: Option<u64>) -> Arc<Node> {
        let (scopes, trace, left_out) = (self.scopes.forked(), self.trace.clone(), self.left_out);
        Arc::new(Node { scopes, trace, own_current: true, left_out, late_of, late: Late::default() })
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

    /// The span that is recorded at a mark, whoever's it is: in a span that is left out, the open one is the one around it.
    fn span(&self, mark: Mark) -> Option<SpanRef> {
        let trace = self.trace.as_ref()?;
        Some(SpanRef::new(Arc::clone(trace), mark.slot, true))
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
    pub(crate) fn around(&self) -> (&Scopes, Option<InTrace<'_>>) {
        match self {
            EventPlace::Scopes(scopes) => (scopes, scopes.in_trace()),
            EventPlace::Span(Place { node, mark }) => {
                (&node.scopes, node.trace.as_deref().map(|trace| (trace, mark.slot)))
            }
        }
    }

    pub(crate) fn to_scopes(&self) -> Scopes {
        match self {
            EventPlace::Scopes(scopes) => Scopes::clone(scopes),
            EventPlace::Span(place) => place.to_scopes(),
        }
    }
}
