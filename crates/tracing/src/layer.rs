//! The layer itself: what happens to a span and to an event, in the order of their life.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Level, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use watchpost_core::layer::{LayerSpan, Slot, SpanKey, Trace, any_active, scratch, set_span_source};
use watchpost_core::{Fields, Scopes, mute};
use watchpost_protocol::SpanStatus;

use crate::cache::{Child, Closing};
use crate::libraries::{Becomes, Levels};
use crate::nodes::{Mark, Node, Nodes, Place};
use crate::source::{Dispatcher, Lookup};
use crate::visit::SpanVisitor;
use crate::{cache, event, libraries, semantics};

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
    span_fields: bool,
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
            span_fields: true,
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

    /// Whether an issue carries the fields of the spans that it happened in, the innermost's before those around it, as far as they are
    /// recorded: of a trace that is not sampled, no field is kept. Default: true.
    #[must_use]
    pub fn span_fields(mut self, carry: bool) -> Self {
        self.span_fields = carry;
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

    fn place<S>(&self, id: &Id, context: &Context<'_, S>) -> Option<Place>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.nodes.find(self.key(id), || context.span(id))
    }

    fn takes_span(&self, metadata: &'static Metadata<'static>) -> bool {
        let level = *metadata.level();
        // What is at INFO or above needs no look at who makes it.
        let level = if level <= Level::INFO { Some(level) } else { libraries::span_level(metadata) };
        level.is_some_and(|level| level <= self.spans)
    }

    /// What an event of this level becomes, unless it stands for something else.
    fn becomes(&self, level: Level) -> Becomes {
        if level <= self.issues {
            Becomes::Issue
        } else if level <= self.breadcrumbs {
            Becomes::Breadcrumb
        } else {
            Becomes::Nothing
        }
    }

    /// Where an event happens: in scopes that were entered, else in a span, else in the process's own.
    fn event_place<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> EventPlace
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let current = context.current_span();
        let span = if event.is_contextual() || event.is_root() { current.id() } else { event.parent() };
        let place = match Scopes::innermost(span.map(|id| self.key(id))) {
            Some(entered) => EventPlace::Scopes(entered),
            None => match span.and_then(|id| self.place(id, context)) {
                Some(place) => EventPlace::Span(place),
                None => EventPlace::Scopes(Scopes::base()),
            },
        };
        // `parent: None` is in no span, but in the unit of work all the same.
        if event.is_root() {
            EventPlace::Scopes(Arc::new(place.to_scopes().with_span_ref(None)))
        } else {
            place
        }
    }

    /// Remembers a span that is not taken, which is as if it were not there: if it begins in scopes that were entered, what happens in it
    /// happens in them.
    fn pass_over<S>(&self, key: SpanKey, attributes: &Attributes<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if attributes.is_contextual()
            && Scopes::any_entered()
            && let Some(entered) = Scopes::innermost(context.current_span().id().map(|id| self.key(id)))
        {
            return self.nodes.insert(key, Arc::new(Node::passed_over(entered)));
        }
        cache::not_taken(key);
    }

    /// Starts a span: at the place of its parent, or in scopes of its own.
    fn begin<S>(&self, key: SpanKey, attributes: &Attributes<'_>, context: &Context<'_, S>)
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
                let scopes = if contextual { scopes } else { scopes.with_span_ref(None) };
                return self.begin_node(key, attributes, scopes);
            }
        }
        if parent.is_some_and(|parent| self.begin_child(key, attributes, parent, context)) {
            return;
        }
        // `parent: None` inside of a span begins a trace of its own, in the unit of work that it is in.
        let around = current.id().and_then(|id| self.place(id, context));
        let scopes = around.map_or_else(Scopes::base, |place| Arc::clone(&place.node.scopes));
        self.begin_node(key, attributes, scopes.with_span_ref(None));
    }

    /// Starts a child at the place of its parent. False if that has none.
    fn begin_child<S>(
        &self,
        key: SpanKey,
        attributes: &Attributes<'_>,
        parent: &Id,
        context: &Context<'_, S>,
    ) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let metadata = attributes.metadata();
        let span = LayerSpan { callsite: semantics::callsite(metadata), key };
        let around = self.key(parent);
        let none = metadata.fields().is_empty().then_some(&NO_FIELDS);
        let child = match cache::open(&span, around, none) {
            Child::WithFields => with_fields(attributes, |fields| cache::open(&span, around, Some(fields))),
            child => child,
        };
        if matches!(child, Child::Done) {
            return true;
        }
        let place = self.place(parent, context).filter(|place| !place.node.bare);
        let Some(Place { node, mark }) = place else { return false };
        let opened = match (child, node.recorder()) {
            (Child::Lost(why), _) => Err(why),
            (_, None) => return cache::made(key, &node, mark.stood_for()),
            (_, Some(recorder)) => with_fields(attributes, |fields| recorder.open(mark.slot, span, fields)),
        };
        if let (Err(why), Some(trace)) = (opened, &node.trace) {
            trace.count(why);
        }
        let mark = opened.map_or(mark.stood_for(), |slot| Mark { slot, own: true });
        cache::made(key, &node, mark)
    }

    /// Starts a span that begins in scopes of its own.
    fn begin_node(&self, key: SpanKey, attributes: &Attributes<'_>, scopes: Scopes) {
        // Some client is active, but not the one of this place: a span that can report nowhere is as if no client were there, so that
        // what begins in it after `init` is still a unit of work of its own.
        if scopes.client().is_none() {
            return cache::not_taken(key);
        }
        let node = Self::open_node(key, attributes, scopes);
        self.nodes.insert(key, Arc::new(node));
    }

    fn open_node(key: SpanKey, attributes: &Attributes<'_>, scopes: Scopes) -> Node {
        // Work that begins at the process's own level is a unit of its own: what it sets does not reach the next one.
        let root = scopes.span_ref().is_none();
        let fresh = root && !scopes.is_unit();
        // A root has its current scope from the start, so that what is set there is on its transaction; a child of a span that was entered
        // has one when it is asked for.
        let scopes = Arc::new(match (fresh, root) {
            (true, _) => scopes.isolated(),
            (false, true) => scopes.forked(),
            (false, false) => scopes,
        });
        let metadata = attributes.metadata();
        let span = LayerSpan { callsite: semantics::callsite(metadata), key };
        let span = with_fields(attributes, |fields| {
            scopes.open_span(span, || semantics::root_name(metadata, fields), fields)
        });
        let mark = Mark::of(span.as_ref());
        let trace = span.map(|span| Arc::clone(span.trace()));
        Node { scopes, trace, mark, own_current: root, bare: false }
    }

    /// Ends what a span that closes has begun.
    fn end<S>(&self, key: SpanKey, id: &Id, context: &Context<'_, S>) -> Option<()>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let status = || match std::thread::panicking() {
            true => SpanStatus::InternalError,
            false => SpanStatus::Ok,
        };
        let (node, mark) = match cache::close(key, status) {
            Closing::Nothing => return None,
            Closing::Node => with_own_mark(self.nodes.remove(key)?),
            Closing::Unknown => match self.nodes.remove(key) {
                Some(node) => with_own_mark(node),
                None => {
                    let (node, mark, _) = self.nodes.walk(key.0, context.span(id)?)?;
                    (node, mark)
                }
            },
        };
        let trace = node.trace.as_ref().filter(|_| mark.own)?;
        trace.close(mark.slot, status());
        Some(())
    }
}

fn with_own_mark(node: Arc<Node>) -> (Arc<Node>, Mark) {
    let mark = node.mark;
    (node, mark)
}

static NO_FIELDS: Fields = Fields::new();

/// Runs `work` with the fields that a span begins with.
fn with_fields<T>(attributes: &Attributes<'_>, work: impl FnOnce(&Fields) -> T) -> T {
    if attributes.metadata().fields().is_empty() {
        return work(&NO_FIELDS);
    }
    scratch::with(|fields| {
        attributes.record(&mut SpanVisitor(fields));
        work(fields)
    })
}

/// Where an event happens.
pub(crate) enum EventPlace {
    Scopes(Arc<Scopes>),
    Span(Place),
}

impl EventPlace {
    /// The scopes that it happens in; they may not say which span is open.
    pub(crate) fn scopes(&self) -> &Arc<Scopes> {
        match self {
            EventPlace::Scopes(scopes) => scopes,
            EventPlace::Span(place) => &place.node.scopes,
        }
    }

    /// The trace that it happens in, and the span, or the one that stands for it.
    pub(crate) fn around(&self) -> Option<(&Arc<Trace>, Slot)> {
        match self {
            EventPlace::Scopes(scopes) => scopes.span_ref().map(|span| (span.trace(), span.slot())),
            EventPlace::Span(place) => Some((place.node.trace.as_ref()?, place.mark.slot)),
        }
    }

    fn to_scopes(&self) -> Scopes {
        match self {
            EventPlace::Scopes(scopes) => Scopes::clone(scopes),
            EventPlace::Span(place) => place.to_scopes(),
        }
    }
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
        if !any_active() {
            return;
        }
        let key = self.key(id);
        if mute::is_muted() {
            cache::not_taken(key);
        } else if self.takes_span(attributes.metadata()) {
            self.begin(key, attributes, &context);
        } else {
            self.pass_over(key, attributes, &context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if !any_active() || mute::is_muted() {
            return;
        }
        // A span that another stands for has nothing of its own to record to.
        if let Some(span) = self.place(id, &context).and_then(|place| place.recorded()) {
            scratch::with(|fields| {
                values.record(&mut SpanVisitor(fields));
                semantics::record(&span, fields);
            });
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        if !any_active() || mute::is_muted() {
            return;
        }
        if let Some(span) = self.place(id, &context).and_then(|place| place.recorded())
            && let Some(followed) = self.place(follows, &context).and_then(|place| place.span())
        {
            let mut link = followed.to_link();
            link.attributes.insert("sentry.link.type".into(), "follows_from".into());
            span.add_link(link);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut becomes = self.becomes(*metadata.level());
        if (becomes == Becomes::Nothing && !libraries::may_tell(metadata))
            || !any_active()
            || mute::is_muted()
        {
            return;
        }
        let told = libraries::told_by(metadata);
        if becomes == Becomes::Nothing && told.is_none() {
            return;
        }
        let place = self.event_place(event, &context);
        if let Some(told) = told {
            let levels = Levels { spans: self.spans, breadcrumbs: self.breadcrumbs };
            becomes = told.hear(event, &place, &levels, becomes);
        }
        match becomes {
            Becomes::Issue => {
                let title = told.and_then(libraries::Events::title);
                event::issue(&place.to_scopes(), event, self.span_fields, title);
            }
            // A breadcrumb asks for the scope alone: no need to say which span is open.
            Becomes::Breadcrumb => {
                event::breadcrumb(place.scopes(), place.around().map(|(trace, _)| &**trace), event);
            }
            Becomes::Nothing => {}
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if self.nodes.is_empty() {
            return; // no span is open that carries anything
        }
        self.end(self.key(&id), &id, &context);
    }
}
