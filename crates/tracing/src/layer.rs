//! The layer itself: what happens to a span and to an event, in the order of their life.

mod source;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Level, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use watchpost_core::layer::{
    Entry, LayerSpan, SpanKey, any_active, captured_without_client, layer_within_a_layer, scratch,
    set_span_source,
};
use watchpost_core::{Fields, Scopes, mute};
use watchpost_protocol::SpanStatus;

use crate::cache::{Child, Closing};
use crate::filter::{EventFilter, Levels, Rules};
use crate::libraries::Events;
use crate::mapper::Mapper;
use crate::nodes::{Nodes, Told};
use crate::place::{Children, EventPlace, Mark, Node, Place};
use crate::visit::SpanVisitor;
use crate::{cache, event, libraries, semantics};
use source::{Dispatcher, Lookup};

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
    rules: Rules,
    mapper: Option<Mapper>,
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
            rules: Rules::default(),
            mapper: None,
            span_fields: true,
        }
    }

    /// Up to which level events become issues. Default: `ERROR`.
    #[must_use]
    pub fn issues(mut self, level: impl Into<LevelFilter>) -> Self {
        self.rules.set(Levels::new().issues(level));
        self
    }

    /// Up to which level events that are no issues become breadcrumbs. Default: `INFO`.
    #[must_use]
    pub fn breadcrumbs(mut self, level: impl Into<LevelFilter>) -> Self {
        self.rules.set(Levels::new().breadcrumbs(level));
        self
    }

    /// Up to which level events become logs, whatever else they become. It bounds what libraries say as well: a query of sqlx, which counts as
    /// INFO where it is a breadcrumb, is a log at DEBUG. Default: none.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_tracing as tracing; }
    /// use tracing::level_filters::LevelFilter;
    ///
    /// // As much as is worth a line in a file; an ERROR event is an issue besides.
    /// watchpost::tracing::layer().logs(LevelFilter::INFO);
    /// ```
    #[must_use]
    pub fn logs(mut self, level: impl Into<LevelFilter>) -> Self {
        self.rules.set(Levels::new().logs(level));
        self
    }

    /// Up to which level spans are recorded. A span that is not is as if it were not there: its children belong to its parent. Default:
    /// `INFO`.
    #[must_use]
    pub fn spans(mut self, level: impl Into<LevelFilter>) -> Self {
        self.rules.set(Levels::new().spans(level));
        self
    }

    /// Other levels for a target and all below it: `hyper` is also `hyper::client`, and not `hyper_util`. Of several that fit, the longest
    /// decides.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>, levels: Levels) -> Self {
        self.rules.set_target(target.into(), levels);
        self
    }

    /// Decides what becomes of an event, in place of all levels. It is asked about a callsite, not about each event: a thread
    /// remembers the answer for the callsites that it met last, some sixty, so it should always be the same. Records of the `log` crate that
    /// `tracing-log` passes on have one callsite: it is asked about each, with the target that the record has. If it panics, the levels
    /// decide. Default: none.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_tracing as tracing; }
    /// use watchpost::tracing::EventFilter;
    ///
    /// watchpost::tracing::layer().event_filter(|metadata| match metadata.target() {
    ///     "audit" => EventFilter::ISSUE,
    ///     _ => EventFilter::BREADCRUMB,
    /// });
    /// ```
    #[must_use]
    pub fn event_filter(
        mut self,
        filter: impl Fn(&Metadata<'_>) -> EventFilter + Send + Sync + 'static,
    ) -> Self {
        self.rules.decide_events(Arc::new(filter));
        self
    }

    /// Decides what becomes of a single event, by its values, where what [`event_filter`](Self::event_filter) or the levels say of its callsite is
    /// not enough: that is what the closure is given, and may return. It is asked about each event of which something would become, after its
    /// values were printed for it, so it costs what a breadcrumb costs. What it logs or captures itself is not reported. If it panics, the
    /// rules decide. Default: none.
    ///
    /// What an issue says is not changed here: a field `tags.plan` is its tag `plan`, and the rest is for an event processor or `before_send`.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_core::*; pub use watchpost_tracing as tracing; }
    /// use watchpost::FieldValue;
    /// use watchpost::tracing::EventFilter;
    ///
    /// watchpost::tracing::layer().event_mapper(|metadata, fields, becomes| match fields.get("message") {
    ///     // What the supplier answers is not our fault, and it is asked again.
    ///     Some(FieldValue::Str(message)) if message.starts_with("no answer from") => EventFilter::BREADCRUMB,
    ///     _ if metadata.target() == "audit" && fields.get("amount").is_some() => becomes | EventFilter::LOG,
    ///     _ => becomes,
    /// });
    /// ```
    #[must_use]
    pub fn event_mapper(
        mut self,
        map: impl Fn(&Metadata<'_>, &Fields, EventFilter) -> EventFilter + Send + Sync + 'static,
    ) -> Self {
        self.mapper = Some(Mapper::new(map));
        self
    }

    /// Decides whether a span is recorded, in place of all levels; as [`event_filter`](Self::event_filter).
    #[must_use]
    pub fn span_filter(mut self, filter: impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.rules.decide_spans(Arc::new(filter));
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
        self.nodes.find(self.key(id), Told::Yes, || context.span(id))
    }

    /// Where an event happens.
    fn event_place<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> EventPlace
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(parent) = event.parent() {
            // It says where it belongs. If that is nowhere that we know of, then least of all to who happens to be at work here.
            let place =
                self.entered_in(Some(parent)).or_else(|| self.place(parent, context).map(EventPlace::Span));
            return place.unwrap_or_else(|| EventPlace::Scopes(Scopes::outside_of_units()));
        }
        let here = self.here(context.current_span().id(), context);
        // `parent: None` is in no span, but in the unit of work all the same.
        if event.is_root() {
            EventPlace::Scopes(Arc::new(here.to_scopes().with_span_ref(None)))
        } else {
            here
        }
    }

    /// Where this thread is: in scopes that were entered in the current span, else at the place of that, else in what is around.
    fn here<S>(&self, current: Option<&Id>, context: &Context<'_, S>) -> EventPlace
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let at =
            |id: Option<&Id>| self.entered_in(id).or_else(|| self.place(id?, context).map(EventPlace::Span));
        let place = at(current).or_else(|| at(Some(&shown(current?, context)?)));
        place.unwrap_or_else(|| EventPlace::Scopes(Scopes::around()))
    }

    fn entered_in(&self, span: Option<&Id>) -> Option<EventPlace> {
        Scopes::innermost(span.map(|id| self.key(id))).map(EventPlace::Scopes)
    }

    /// Leaves a span out, as if it were not there. What happens in it happens where it began: at the place of its parent, which can be found
    /// when somebody asks, or in scopes that were entered there, which only now can.
    fn pass_by<S>(&self, key: SpanKey, attributes: &Attributes<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if !attributes.is_contextual() || !Scopes::any_entered() {
            return cache::not_taken(key);
        }
        match Scopes::innermost(context.current_span().id().map(|id| self.key(id))) {
            Some(entered) => self.nodes.insert(key, Place::standing_for(&entered)),
            None => cache::not_taken(key),
        }
    }

    /// Starts a span: at the place of its parent, or in scopes of its own.
    fn begin<S>(&self, key: SpanKey, attributes: &Attributes<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(parent) = attributes.parent() {
            if !self.begin_child(key, attributes, parent, context) {
                // Nowhere that we know of, and least of all in the work of who happens to be at work here.
                self.begin_node(key, attributes, &Scopes::outside_of_units(), true);
            }
            return;
        }
        let current = context.current_span();
        let current = current.id();
        if attributes.is_root() {
            // A trace of its own, in the unit of work that it is in.
            return self.begin_node(key, attributes, self.here(current, context).around().0, true);
        }
        let hidden = if self.begin_in(key, attributes, current, context) { return } else { current };
        let shown = hidden.and_then(|current| shown(current, context));
        if shown.is_none() || !self.begin_in(key, attributes, shown.as_ref(), context) {
            self.begin_node(key, attributes, &Scopes::around(), false);
        }
    }

    /// Starts a span in scopes that were entered in the current span, or as a child of that. False if there is neither.
    fn begin_in<S>(
        &self,
        key: SpanKey,
        attributes: &Attributes<'_>,
        current: Option<&Id>,
        context: &Context<'_, S>,
    ) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(entered) = Scopes::innermost(current.map(|id| self.key(id))) {
            self.begin_node(key, attributes, &entered, false);
            return true;
        }
        current.is_some_and(|current| self.begin_child(key, attributes, current, context))
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
        let late = cache::late(); // before: if the parent is given another node meanwhile, this is not remembered
        let Some(Place { node, mark }) = self.place(parent, context) else { return false };
        if node.children() == Children::Begin {
            self.begin_node(key, attributes, &node.scopes, false);
            return true;
        }
        let opened = match (child, node.recorder()) {
            (Child::Lost(why), _) => Err(why),
            (_, None) => return cache::made(key, late, &Place { node, mark: mark.stood_for() }),
            (_, Some(recorder)) => with_fields(attributes, |fields| recorder.open(mark.slot, span, fields)),
        };
        if let (Err(why), Some(trace)) = (opened, &node.trace) {
            trace.count(why);
        }
        let mark = opened.map_or(mark.stood_for(), |slot| Mark { slot, own: true });
        cache::made(key, late, &Place { node, mark })
    }

    /// Starts a span that begins in scopes of its own: a child of the span that is open in `around`, or a root.
    fn begin_node(&self, key: SpanKey, attributes: &Attributes<'_>, around: &Scopes, root: bool) {
        // Some client is active, but not the one of this place: a span that can report nowhere is as if no client were there, so that
        // what begins in it after `init` is still a unit of work of its own.
        let bound;
        let client = match around.span_ref() {
            // Nearly always: then nobody has to look for it, and its count, which all threads share, stays as it is.
            Some(open_there) if !root && open_there.trace().client().is_active() => {
                open_there.trace().client()
            }
            _ => {
                let Some(client) = around.client() else { return cache::not_taken(key) };
                bound = client;
                &bound
            }
        };
        let metadata = attributes.metadata();
        let span = LayerSpan { callsite: semantics::callsite(metadata), key };
        let open = |scopes: &Scopes| {
            with_fields(attributes, |fields| {
                scopes.open_span(client, span, || semantics::root_name(metadata, fields), fields)
            })
        };
        let place = match around.span_ref() {
            // A child has a current scope of its own when it is asked for.
            Some(open_there) if !root && !open_there.trace().is_recording() => {
                Place::in_entered(around, None)
            }
            Some(_) if !root => Place::in_entered(around, open(around).as_ref()),
            // A root has one from the start, so that what is set there is on its transaction.
            _ => {
                let scopes = around.of_root();
                let span = open(&scopes);
                let mark = Mark::of(span.as_ref());
                let trace = span.map(|span| Arc::clone(span.trace()));
                Place { node: Node::new(scopes, trace, true, false), mark }
            }
        };
        self.nodes.insert(key, place);
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
        let Place { node, mark } = match cache::close(key, status) {
            Closing::Nothing => return None,
            Closing::Node | Closing::Unknown => self.nodes.close(key, || context.span(id))?,
        };
        let trace = node.trace.as_ref().filter(|_| mark.own)?;
        trace.close(mark.slot, status());
        Some(())
    }
}

/// The nearest span around the current one that is not hidden from this layer by a filter in front of it, if that one is: it is as if it were
/// not there.
fn shown<S>(current: &Id, context: &Context<'_, S>) -> Option<Id>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    context.lookup_current().map(|span| span.id()).filter(|shown| shown != current)
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

impl<S> Layer<S> for CaptureLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_layer(&mut self, subscriber: &mut S) {
        let within: &dyn Subscriber = subscriber;
        if within.is::<CaptureLayer>() {
            layer_within_a_layer();
        }
        self.lookup = Some(Lookup::of::<S>());
        set_span_source(&Dispatcher);
        #[cfg(feature = "tracing-error")]
        watchpost_core::layer::set_read_span_fields(crate::span_trace::fields);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !any_active() {
            return;
        }
        let key = self.key(id);
        if mute::is_muted() {
            return cache::not_taken(key);
        }
        if !self.rules.span(self.serial, attributes.metadata()) {
            return self.pass_by(key, attributes, &context);
        }
        self.begin(key, attributes, &context);
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
        // Before the rules are asked: they may be the program's, and say something themselves.
        if !any_active() || mute::is_muted() {
            if *event.metadata().level() == Level::ERROR && !mute::is_muted() {
                captured_without_client();
            }
            return;
        }
        let metadata = event.metadata();
        let becomes = self.rules.event(self.serial, event);
        if becomes == EventFilter::IGNORE || event::is_heard(metadata) {
            return;
        }
        let becomes = self.mapper.as_ref().map_or(becomes, |mapper| mapper.map(event, becomes));
        if becomes == EventFilter::IGNORE {
            return;
        }
        let place = self.event_place(event, &context);
        let told = if becomes.contains(EventFilter::TELLS) { libraries::told_by(metadata) } else { None };
        let becomes = told.map_or(becomes, |told| told.hear(event, &place, becomes));
        if becomes.contains(EventFilter::ISSUE) {
            Entry::default().during(event::made_by(event), || {
                event::issue(&place.to_scopes(), event, self.span_fields, told.and_then(Events::title));
            });
        }
        if becomes.intersects(EventFilter::BREADCRUMB | EventFilter::LOG) {
            // Neither asks for more than the scope and the ids: no need for a handle to the span that is open.
            let (scopes, trace) = place.around();
            event::heard(scopes, trace, event, becomes);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if self.nodes.is_empty() {
            return; // no span is open that carries anything
        }
        self.end(self.key(&id), &id, &context);
    }
}
