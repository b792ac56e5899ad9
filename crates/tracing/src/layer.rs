//! The layer itself: what happens to a span and to an event, in the order of their life.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use watchpost_core::layer::{SpanInit, SpanKey, SpanRef, any_active, set_span_source};
use watchpost_core::{Fields, Scopes, mute};
use watchpost_protocol::{SpanStatus, TransactionSource};

use crate::nodes::{Node, Nodes};
use crate::source::{Dispatcher, Lookup};
use crate::visit::{SpanVisitor, with_scratch};
use crate::{cache, event, span_fields};

/// The layer, with every default.
#[must_use]
pub fn layer() -> CaptureLayer {
    CaptureLayer::new()
}

/// The layer for a tracing registry; see the [crate documentation](crate).
///
/// It reports to whatever client the process has when something happens, so it may be installed before `init`, and no client costs next to
/// nothing.
#[derive(Debug)]
pub struct CaptureLayer {
    serial: u32,
    lookup: Option<Lookup>,
    nodes: Nodes,
    issues: LevelFilter,
    breadcrumbs: LevelFilter,
    spans: LevelFilter,
}

impl Default for CaptureLayer {
    fn default() -> Self {
        CaptureLayer::new()
    }
}

impl CaptureLayer {
    /// A layer with every default.
    #[must_use]
    pub fn new() -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(1);
        CaptureLayer {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            lookup: None,
            nodes: Nodes::default(),
            issues: LevelFilter::ERROR,
            breadcrumbs: LevelFilter::INFO,
            spans: LevelFilter::INFO,
        }
    }

    /// Up to which level events become issues. Default: `ERROR`.
    #[must_use]
    pub fn issues(mut self, level: impl Into<LevelFilter>) -> Self {
        self.issues = level.into();
        self
    }

    /// Up to which level events that are no issues become breadcrumbs. Default: `INFO`.
    #[must_use]
    pub fn breadcrumbs(mut self, level: impl Into<LevelFilter>) -> Self {
        self.breadcrumbs = level.into();
        self
    }

    /// Up to which level spans are recorded. A span that is not is as if it were not there: its children belong to its parent. Default:
    /// `INFO`.
    #[must_use]
    pub fn spans(mut self, level: impl Into<LevelFilter>) -> Self {
        self.spans = level.into();
        self
    }

    pub(crate) fn key(&self, id: &Id) -> SpanKey {
        (self.serial, id.into_u64())
    }

    pub(crate) fn lookup(&self) -> Option<Lookup> {
        self.lookup
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    fn node<S>(&self, id: &Id, context: &Context<'_, S>) -> Option<Arc<Node>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.nodes.find(self.key(id), || context.span(id))
    }

    fn takes_span(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.spans
    }

    /// Where something happens now on this thread: in scopes that were entered, else in a span, else in the process's own.
    fn place_of<S>(&self, current: Option<&Id>, context: &Context<'_, S>) -> Place
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(entered) = Scopes::innermost(current.map(|id| self.key(id))) {
            return Place::Scopes(entered);
        }
        let node = current.and_then(|id| self.node(id, context));
        node.map_or_else(|| Place::Scopes(Scopes::base()), Place::Node)
    }

    /// Where a new span begins: in the node of its parent, or in scopes of its own.
    fn origin_of<S>(&self, attributes: &Attributes<'_>, context: &Context<'_, S>) -> Origin
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let current = context.current_span();
        let contextual = attributes.is_contextual();
        let parent = if contextual { current.id() } else { attributes.parent() };
        if contextual || parent.is_none() {
            // Scopes that were entered after the current span: what begins now begins in them.
            if let Some(entered) = Scopes::innermost(current.id().map(|id| self.key(id))) {
                let scopes = Scopes::clone(&entered);
                return Origin::Scopes(if contextual { scopes } else { scopes.with_span_ref(None) });
            }
        }
        if let Some(parent) = parent.and_then(|id| self.node(id, context)) {
            return Origin::Parent(parent);
        }
        // `parent: None` inside of a span begins a trace of its own, in the unit of work that it is in.
        let around = current.id().and_then(|id| self.node(id, context));
        let scopes = around.map_or_else(|| Scopes::clone(&Scopes::base()), |node| node.to_scopes());
        Origin::Scopes(scopes.with_span_ref(None))
    }

    /// Starts the record of a span with its fields; `start` says where, and whether there is one.
    fn open(
        attributes: &Attributes<'_>,
        start: impl FnOnce(SpanInit, &Fields) -> Option<SpanRef>,
    ) -> Option<SpanRef> {
        with_scratch(|fields| {
            attributes.record(&mut SpanVisitor(fields));
            let span = start(span_fields::init(attributes.metadata(), fields), fields)?;
            span_fields::status(&span, fields);
            Some(span)
        })
    }
}

/// Where something happens.
enum Place {
    Scopes(Arc<Scopes>),
    Node(Arc<Node>),
}

/// Where a new span begins.
enum Origin {
    Parent(Arc<Node>),
    Scopes(Scopes),
}

impl<S> Layer<S> for CaptureLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_layer(&mut self, _: &mut S) {
        self.lookup = Some(Lookup::of::<S>());
        set_span_source(&Dispatcher);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !any_active() || mute::is_muted() || !self.takes_span(attributes.metadata()) {
            return;
        }
        let key = self.key(id);
        let node = match self.origin_of(attributes, &context) {
            Origin::Parent(parent) if !parent.keeps_children() => {
                cache::put(key, &parent, false); // it stands for its parent
                return;
            }
            Origin::Parent(parent) => {
                let span =
                    Self::open(attributes, |init, fields| Some(parent.span.as_ref()?.child(init, fields)));
                Node { scopes: Arc::clone(&parent.scopes), span, own_current: false, own_span: true }
            }
            // Some client is active, but not the one of this place: a span that can report nowhere is as if no client were there, so that
            // what begins in it after `init` is still a unit of work of its own.
            Origin::Scopes(scopes) if scopes.client().is_none() => return,
            Origin::Scopes(scopes) => {
                // Work that begins at the process's own level is a unit of its own: what it sets does not reach the next one.
                let fresh = scopes.span_ref().is_none() && !scopes.is_unit();
                let root = scopes.span_ref().is_none();
                // A root has its current scope from the start, so that what is set there is on its transaction; a child of a span that was
                // entered has one when it is asked for.
                let scopes = Arc::new(match (fresh, root) {
                    (true, _) => scopes.isolated(),
                    (false, true) => scopes.forked(),
                    (false, false) => scopes,
                });
                let source = TransactionSource::Component;
                let span = Self::open(attributes, |init, fields| scopes.open_span(init, source, fields));
                Node { scopes, span, own_current: root, own_span: true }
            }
        };
        self.nodes.insert(key, Arc::new(node));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if !any_active() || mute::is_muted() {
            return;
        }
        // A span that stands for its parent has nothing of its own to record to.
        let node = self.node(id, &context).filter(|node| node.own_span && self.nodes.is_own(id, node));
        if let Some(span) =
            node.as_ref().and_then(|node| node.span.as_ref()).filter(|span| span.is_recorded())
        {
            with_scratch(|fields| {
                values.record(&mut SpanVisitor(fields));
                span_fields::apply(span, fields);
            });
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = event.metadata().level();
        let issue = *level <= self.issues;
        if !(issue || *level <= self.breadcrumbs) || !any_active() || mute::is_muted() {
            return;
        }
        let current = context.current_span();
        let current = if event.is_contextual() { current.id() } else { event.parent() };
        match self.place_of(current, &context) {
            Place::Scopes(scopes) if issue => event::issue(&scopes, event),
            Place::Node(node) if issue => event::issue(&node.to_scopes(), event),
            // A breadcrumb asks for the scope alone: no need to say which span is open.
            Place::Scopes(scopes) => event::breadcrumb(&scopes, event),
            Place::Node(node) => event::breadcrumb(&node.scopes, event),
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let Some(node) = self.nodes.remove(self.key(&id)) else { return };
        if let Some(span) = node.span.as_ref().filter(|span| node.own_span && span.is_recorded()) {
            let status = std::thread::panicking().then_some(SpanStatus::InternalError);
            span.finish(status);
        }
    }
}
