//! For leaf crates: the same way in as the free functions take, for layers that know the scopes already.

use std::cell::Cell;
use std::sync::Arc;

use watchpost_protocol::{Breadcrumb, Event, EventId, Level, Mechanism, SessionStatus, TransactionSource};

pub use crate::client::any_active;
use crate::client::{self, Build, Client, once};
use crate::current::Scopes;
pub use crate::current::{InTrace, SpanSource, set_span_source};
pub use crate::entry::{Beyond, Edge, Entry};
pub use crate::errors::{Draft, ErrorRecord, ReadSpanFields, View, set_read_span_fields};
use crate::fields::Fields;
pub use crate::finished::FinishedSpan;
use crate::heard::kept;
pub use crate::heard::{Heard, Said, add_heard, add_heard_in};
use crate::hints;
pub use crate::hints::{
    captured_without_client, layer_within_a_layer, served_without_client, span_is_too_low,
};
pub use crate::incoming::Incoming;
use crate::integration::RawStack;
pub use crate::known::IsTelling;
use crate::last_error::LastError;
pub use crate::last_error::named_error;
use crate::mute;
pub use crate::naming::{Name, RootName};
use crate::origin::Origin;
pub use crate::origin::{Callsite, CallsiteData, Reader, Site};
pub use crate::outgoing::Outgoing;
use crate::pipeline::{self, EventJob};
pub use crate::record::NO_KEY;
pub use crate::record::{Slot, SpanKey};
pub use crate::recorder::{LayerSpan, Recorder, Unrecorded};
pub use crate::scratch;
use crate::session::{Gravity, Matter};
pub use crate::span_data::{SpanData, SpanValue};
pub use crate::span_ref::SpanRef;
pub use crate::tag::fit as fit_tag;
use crate::trace::RootInit;
pub use crate::trace::Trace;

/// Captures an event in `scopes`: `build` runs only if the gates let it pass, and a panic in it (a `Display` of the program's, say) costs this
/// event and nothing else.
pub fn capture<D: Into<Draft>>(
    scopes: &Scopes,
    default_level: Level,
    stack: Option<RawStack>,
    build: impl FnOnce() -> D,
) -> Option<EventId> {
    capture_as(Matter::Event(None), scopes, default_level, stack, build)
}

pub(crate) fn capture_as<D: Into<Draft>>(
    matter: Matter,
    scopes: &Scopes,
    default_level: Level,
    stack: Option<RawStack>,
    build: impl FnOnce() -> D,
) -> Option<EventId> {
    capture_if((scopes, matter), default_level, stack, &mut once(build), Way::Captured)
}

/// As [`capture`], for what a line of the program has logged: not if it says again what was reported last in this unit of work, elsewhere.
/// `line` is any number that no other line has.
pub fn capture_logged<D: Into<Draft>>(
    scopes: &Scopes,
    default_level: Level,
    line: u64,
    build: impl FnOnce() -> D,
) -> Option<EventId> {
    capture_if((scopes, Matter::Event(None)), default_level, None, &mut once(build), Way::Logged(line))
}

/// As [`capture`], for an error that nobody has handled; `fatal`: it ends the process as soon as it is captured, and with it what was going on.
pub fn capture_unhandled(scopes: &Scopes, fatal: bool, build: impl FnOnce() -> Event) -> Option<EventId> {
    if let (true, Some(session)) = (fatal, scopes.isolation().session()) {
        session.expect_crash();
    }
    capture_as(Matter::Unhandled, scopes, Level::Fatal, None, build)
}

/// As [`capture`], for an error on its way out of a unit of work: not if it is the one that was reported last there.
pub fn capture_outgoing<D: Into<Draft>>(
    scopes: &Scopes,
    handled: bool,
    stack: Option<RawStack>,
    build: impl FnOnce() -> D,
) -> Option<EventId> {
    let matter = if handled { Matter::Error } else { Matter::Unhandled };
    capture_if((scopes, matter), Level::Error, stack, &mut once(build), Way::Outgoing)
}

/// How an event comes to be captured, which says whether it may be known already.
#[derive(Clone, Copy)]
enum Way {
    /// The program says so: it is news.
    Captured,
    /// A line of the program has logged it.
    Logged(u64),
    /// It comes out of a unit of work.
    Outgoing,
}

impl Way {
    fn is_news(self, error: Option<&LastError>, last: Option<&LastError>) -> bool {
        let (Some(error), Some(last)) = (error, last) else { return true };
        match self {
            Way::Captured => true,
            Way::Logged(_) => !error.repeats(last),
            Way::Outgoing => !error.is_same(last),
        }
    }
}

fn capture_if(
    (scopes, matter): (&Scopes, Matter),
    default_level: Level,
    stack: Option<RawStack>,
    build: Build<'_>,
    way: Way,
) -> Option<EventId> {
    let client = scopes.client().filter(|_| !mute::is_muted())?;
    let noted = |gravity| client.note(scopes.isolation(), gravity);
    let all = scopes.nearest_first();
    let identify = |draft: &Draft| {
        let line = if let Way::Logged(line) = way { Some(line) } else { None };
        LastError::of(draft, default_level, line)
    };
    // An error on its way out may have been refused where it was captured: the dice are not thrown, and it is not counted, a second time.
    let is_outgoing = matches!(way, Way::Outgoing);
    let mut drafted = if is_outgoing { Some(client.build(build, &all)?) } else { None };
    let known = |error: Option<&LastError>| !way.is_news(error, scopes.isolation().last_error().as_ref());
    if drafted.as_ref().is_some_and(|draft| known(identify(draft).as_ref())) {
        return None;
    }
    let admitted = match client.admit_error(&all) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            if refusal.happened() {
                drop(noted(matter.at_a_guess(default_level))); // it counts at once
                if scopes.is_unit() {
                    let refused = drafted.or_else(|| client.build(build, &all));
                    scopes.isolation().set_refused(refused.as_ref().and_then(identify));
                }
            }
            return None;
        }
    };
    let mut draft = match drafted.take() {
        Some(draft) => draft,
        None => client.build(build, &all)?,
    };
    let error = identify(&draft);
    if known(error.as_ref()) {
        crate::debug!("an error that was reported before was not reported again");
        return None;
    }
    let carried = draft.notes.fields.take().filter(|_| client.options().include_local_variables);
    let fields = carried.unwrap_or_else(|| scopes.span_fields(&client));
    let note = noted(matter.gravity(&draft.event, default_level));
    let (layers, trace) = (scopes.layers(), scopes.event_trace(&client));
    if draft.notes.by_place {
        pipeline::by_place(&mut draft.event, &layers, &trace);
    }
    let mut job = EventJob::of(draft, layers, trace, default_level);
    (job.stack, job.fields, job.note) = (stack, fields, note);
    let id = client.capture(admitted, job)?;
    scopes.isolation().set_reported(id, error);
    Some(id)
}

/// Tells the session of a unit of work that it failed in a way that nobody could report.
pub fn note_unhandled(scopes: &Scopes) {
    if let Some(client) = scopes.client() {
        drop(client.note(scopes.isolation(), Some(Gravity::Unhandled)));
    }
}

/// Ends the session that began in these scopes, if one did.
pub fn end_session(scopes: &Scopes) {
    scopes.isolation().end_session(SessionStatus::Exited);
}

impl ErrorRecord {
    /// Reads an error for whoever captures it in the name of the program, and asks the hooks that want to see errors of its type. `mechanism`
    /// says what captured it, and whether it was handled.
    pub fn of(view: &View<'_>, mechanism: Mechanism) -> Self {
        let client = if client::any_hooks() { Scopes::current().client() } else { None };
        crate::errors::read(view, mechanism, client.as_ref().map(|client| &client.options().error_hooks))
    }
}

/// Whether a value is not to stand under this key in a text that is made of fields: in a text, nobody looks for it later.
#[must_use]
pub fn hides(scopes: &Scopes, key: &str) -> bool {
    scopes.client().is_some_and(|client| client.config().hides_in_text(key))
}

/// The stack of the caller, for an error that will be captured elsewhere. `None` without a client or a source of stacks.
#[must_use]
pub fn capture_stack() -> Option<RawStack> {
    let client = Scopes::current().client()?;
    client.options().stack_source.as_ref().map(|source| source.capture())
}

/// Adds a breadcrumb to the isolation scope of `scopes`, if there is a client and `before_breadcrumb` lets it pass. `build` runs only if
/// breadcrumbs are kept; a panic in it costs this one and nothing else.
pub fn add_breadcrumb(scopes: &Scopes, build: impl FnOnce() -> Breadcrumb) {
    let Some(client) = scopes.client() else { return };
    let options = client.options();
    if options.max_breadcrumbs == 0 {
        return hints::breadcrumbs_are_off();
    }
    let _muted = mute::enter();
    let kept = kept(|| {
        let mut breadcrumb = build();
        breadcrumb.timestamp.get_or_insert_with(|| options.clock.now());
        match &options.before_breadcrumb {
            None => Some(breadcrumb),
            Some(hook) => hook(breadcrumb),
        }
    });
    match kept {
        Some(breadcrumb) => scopes.isolation().push_breadcrumb(breadcrumb, options.max_breadcrumbs),
        None => hints::breadcrumb_dropped(),
    }
}

thread_local! {
    static PASSING_ON: Cell<bool> = const { Cell::new(false) };
}

/// Runs `pass_on`, which hands a log record that was heard already to another logger: should that one make a tracing event of it, it is not
/// heard twice; see [`is_passed_on`].
pub fn pass_on(pass_on: impl FnOnce()) {
    struct Restores(bool);
    impl Drop for Restores {
        fn drop(&mut self) {
            let _ = PASSING_ON.try_with(|passing| passing.set(self.0));
        }
    }
    let _restores = Restores(PASSING_ON.try_with(|passing| passing.replace(true)).unwrap_or(false));
    pass_on();
}

/// Whether a log record that is seen now on this thread was heard already.
#[must_use]
pub fn is_passed_on() -> bool {
    PASSING_ON.try_with(Cell::get).unwrap_or(false)
}

/// Whether a client has leave to collect data about persons.
#[must_use]
pub fn sends_pii(client: &Client) -> bool {
    client.options().send_default_pii
}

/// How many bytes of a request's body a client wants; 0 without its leave to collect data about persons.
#[must_use]
pub fn request_body_limit(client: &Client) -> usize {
    if sends_pii(client) { client.options().max_request_body_size.bytes() } else { 0 }
}

/// Whether a client asks somebody about each trace: then the attributes of a root have to be there when it starts, and need not be otherwise.
#[must_use]
pub fn has_sampler(client: &Client) -> bool {
    client.options().traces_sampler.is_some()
}

impl Scopes {
    /// Starts a span in these scopes, whose client is `client`: a child of their span, else a root. `None` while tracing is off.
    #[must_use]
    pub fn open_span(
        &self,
        client: &Client,
        span: LayerSpan,
        name: impl FnOnce() -> RootName,
        fields: &Fields,
    ) -> Option<SpanRef> {
        if let Some(parent) = &self.span {
            let opened = parent.trace.open(parent.slot, Origin::Layer(span.callsite), span.key, fields);
            let (slot, own) = (opened.map_or(parent.slot, |(slot, _)| slot), opened.is_some());
            return Some(SpanRef::new(Arc::clone(&parent.trace), slot, own));
        }
        if !client.config().tracing_is_on() {
            return None;
        }
        let RootName { name, op, source } = name();
        let origin = Origin::Layer(span.callsite);
        let root = RootInit { name, op, source, sampled: None, origin, key: span.key };
        self.start_root(client, root, fields).map(SpanRef::root)
    }

    /// Names the transaction that is open, and says what the name is. Without one, the name of the scope's events.
    pub fn name_transaction(&self, name: String, source: TransactionSource) {
        match &self.span {
            Some(span) => span.trace.rename(name.into(), Some(source)),
            None => self.current.set_transaction_name(name, source),
        }
    }

    /// Names the transaction by a route that was not known when it started, unless the program has named it.
    pub fn name_by_route(&self, name: String) {
        match &self.span {
            Some(span) => span.trace.name_by_route(name),
            None => self.current.name_by_route(name),
        }
    }

    /// The open span, for layers.
    #[must_use]
    pub fn span_ref(&self) -> Option<&SpanRef> {
        self.span.as_ref()
    }

    /// Makes a span the open one, or none.
    pub fn set_span_ref(&mut self, span: Option<SpanRef>) {
        self.span = span;
    }

    /// These scopes with another open span, or none.
    #[must_use]
    pub fn with_span_ref(&self, span: Option<SpanRef>) -> Scopes {
        Scopes { span, ..self.clone() }
    }
}
