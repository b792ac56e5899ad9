//! A scope: what is known about the work that is being done, to be put on whatever it reports.
//!
//! One kind of data, three owners (`protocol.md` §15.1): the *global* scope lives as long as the process, an *isolation* scope as long as
//! one request, job or task, a *current* scope as long as one block or span. A scope holds no client and no span.
//!
//! [`Scope`] is a handle: clones share one scope, and its methods take `&self`. The data behind it is immutable and shared; a change
//! replaces it. So a capture takes a snapshot by copying a pointer, and a fork costs no more, however much the scope holds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Once, OnceLock, PoisonError};

use serde::Serialize;
use watchpost_protocol::{
    AttributeValue, Attributes, Breadcrumb, Event, EventId, Level, Request, SessionStatus, TraceContext,
    TransactionSource, User, Value,
};

use crate::attachment::Attachment;
use crate::breadcrumbs::{FlatCrumb, Ring, Trail};
use crate::fields::Fields;
use crate::flags::ScopeFlags;
use crate::heap;
use crate::last_error::LastError;
use crate::propagation_context::PropagationContext;
use crate::session::{self, Part, Session};

/// Sees an event on the worker after the scopes were merged into it; may change it, and drops it by returning `None`.
pub type EventProcessor = Arc<dyn Fn(Event) -> Option<Event> + Send + Sync>;

/// Makes the request of a scope, on the worker: an integration keeps the parts, and prints them only when they are needed. A closure that returns
/// a [`Request`] is one.
pub trait RequestSource: Send + Sync {
    /// The request, for everything that is reported under the scope.
    fn request(&self) -> Request;

    /// What the transaction of the request is called, if whoever starts it leaves that to the request. Default: it has no name.
    fn name(&self) -> String {
        String::new()
    }

    /// What the transaction of the request says about it, besides; `root` is of any transaction under the scope, so that an implementation has to
    /// see (by the origin) whether it is the one. What the program has set stays.
    fn describe(&self, response_status: Option<u16>, root: &mut TraceContext) {
        let _ = (response_status, root);
    }
}

impl<F: Fn() -> Request + Send + Sync> RequestSource for F {
    fn request(&self) -> Request {
        self()
    }
}

/// A shared handle to one scope; see the [module documentation](self).
#[derive(Clone)]
pub struct Scope {
    cell: Arc<Cell>,
}

struct Cell {
    data: Mutex<ScopeData>,
    /// The address of what is set, to be compared without the lock.
    address: AtomicUsize,
    live: Mutex<Live>,
}

/// The scopes that something happens in, the nearest first.
pub(crate) type NearestFirst<'a> = [&'a Scope; 3];

/// What changes too often to be copied on write.
#[derive(Default)]
struct Live {
    breadcrumbs: Ring,
    last_event_id: Option<EventId>,
    last_error: Option<LastError>,
    propagation: Option<Arc<PropagationContext>>,
    session: Option<Part>,
}

/// What a scope holds, without its breadcrumbs.
#[derive(Clone, Default)]
pub(crate) struct ScopeData {
    set: Arc<Set>,
    /// Of a request. Beside what is set, so that the scope of a request costs no copy of it.
    pub(crate) request: Option<Arc<dyn RequestSource>>,
    pub(crate) response_status: Option<u16>,
}

/// What the program has set. It is shared, and a change replaces it.
#[derive(Clone, Default)]
pub(crate) struct Set {
    pub(crate) level: Option<Level>,
    pub(crate) fingerprint: Option<Vec<Cow<'static, str>>>,
    pub(crate) transaction: Option<(String, TransactionSource)>,
    pub(crate) user: Option<User>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) extra: BTreeMap<String, Value>,
    pub(crate) contexts: BTreeMap<String, Value>,
    pub(crate) attributes: Attributes,
    pub(crate) processors: Vec<EventProcessor>,
    pub(crate) flags: ScopeFlags,
    /// What models are used for here; see [`gen_ai`](crate::gen_ai).
    pub(crate) pipeline: Option<Arc<str>>,
    pub(crate) attachments: Vec<Attachment>,
}

impl Deref for ScopeData {
    type Target = Set;

    fn deref(&self) -> &Set {
        &self.set
    }
}

impl ScopeData {
    /// Changes what is set; what a snapshot holds on to stays as it was.
    pub(crate) fn set(&mut self) -> &mut Set {
        Arc::make_mut(&mut self.set)
    }

    /// Whether the two hold the same, and not only something equal.
    pub(crate) fn is_same(&self, other: &ScopeData) -> bool {
        let requests =
            [self, other].map(|data| data.request.as_ref().map(|request| Arc::as_ptr(request).addr()));
        Arc::ptr_eq(&self.set, &other.set)
            && requests[0] == requests[1]
            && self.response_status == other.response_status
    }

    /// About how much memory it has taken, in bytes, by the number of things: it is asked for everything that is captured. One that holds
    /// nothing is that of every scope that holds nothing.
    pub(crate) fn weight(&self) -> usize {
        const TAG: usize = 64;
        const VALUE: usize = 1024;
        const REQUEST: usize = 2048;
        let few = self.fingerprint.as_ref().map_or(0, Vec::len) + self.processors.len();
        let values = self.extra.len() + self.contexts.len();
        let tags = self.tags.len() + self.attributes.len() + self.flags.len();
        let things = TAG * (tags + few)
            + VALUE * (values + usize::from(self.user.is_some()))
            + REQUEST * usize::from(self.request.is_some())
            + self.attachments.iter().map(Attachment::weight).sum::<usize>()
            + self.transaction.as_ref().map_or(0, |(name, _)| heap::text(name));
        if things == 0 {
            return 0;
        }
        size_of::<Set>()
            + things
            + heap::tree(tags, size_of::<(String, AttributeValue)>())
            + heap::tree(values, size_of::<(String, Value)>())
    }
}

/// A scope as it was at one moment: two pointers.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) data: ScopeData,
    pub(crate) trail: Trail,
}

impl Default for Scope {
    fn default() -> Self {
        Scope::new()
    }
}

impl Scope {
    /// An empty scope.
    #[must_use]
    pub fn new() -> Self {
        Scope::with(ScopeData::default(), None, None)
    }

    /// The scope of the whole process: what is set here is on everything that is reported, by every client.
    #[must_use]
    pub fn global() -> &'static Scope {
        static GLOBAL: LazyLock<Scope> = LazyLock::new(Scope::new);
        &GLOBAL
    }

    /// Without breadcrumbs. Made where it stays: it is too large to be handed about.
    fn with(data: ScopeData, propagation: Option<Arc<PropagationContext>>, session: Option<Part>) -> Self {
        let live = Live {
            breadcrumbs: Ring::default(),
            last_event_id: None,
            last_error: None,
            propagation,
            session,
        };
        let address = AtomicUsize::new(Arc::as_ptr(&data.set).addr());
        Scope { cell: Arc::new(Cell { data: Mutex::new(data), address, live: Mutex::new(live) }) }
    }

    /// A scope of its own that starts with all that this one holds. Later changes in one are not seen in the other.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.fork_with(|propagation| propagation)
    }

    /// As [`fork`](Self::fork), for work that begins a trace of its own; one that another process began goes on in it.
    pub(crate) fn fork_untraced(&self) -> Self {
        self.fork_with(|propagation| propagation.filter(|trace| trace.of_process))
    }

    fn fork_with(
        &self,
        kept: impl FnOnce(Option<Arc<PropagationContext>>) -> Option<Arc<PropagationContext>>,
    ) -> Self {
        let data = self.data();
        let mut live = self.lock_live();
        if live.is_untouched() {
            drop(live);
            return Scope::with(data, None, None); // as a current scope is
        }
        let (trail, session) = (live.breadcrumbs.fork(), live.forked_session());
        let propagation = live.propagation.clone();
        drop(live);
        let fork = Scope::with(data, kept(propagation), session);
        if let Some(breadcrumbs) = trail {
            fork.lock_live().breadcrumbs = breadcrumbs;
        }
        fork
    }

    /// As [`fork`](Self::fork), in a trace of its own, and in a session of its own if there is one, changed before anybody else can see it, and
    /// without the breadcrumbs.
    pub(crate) fn begin(
        &self,
        trace: PropagationContext,
        session: Option<Part>,
        change: impl FnOnce(&mut ScopeData),
    ) -> Self {
        let mut data = self.data();
        change(&mut data);
        let session = session.or_else(|| self.lock_live().forked_session());
        Scope::with(data, Some(Arc::new(trace)), session)
    }

    /// Whether both handles mean the same scope.
    #[must_use]
    pub fn is_same(&self, other: &Scope) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }

    /// Sets the level of every event of this scope; an event that sets its own keeps it. Default: unset.
    pub fn set_level(&self, level: Option<Level>) {
        self.update(|data| data.level = level);
    }

    /// Sets the fingerprint of every event of this scope (features F01). `"{{ default }}"` inserts the server's own grouping.
    pub fn set_fingerprint<S: Into<Cow<'static, str>>>(&self, parts: impl IntoIterator<Item = S>) {
        let parts: Vec<_> = parts.into_iter().map(Into::into).collect();
        self.update(|data| data.fingerprint = (!parts.is_empty()).then_some(parts));
    }

    /// Sets or clears the user. What the program sets here is sent, whatever `send_default_pii` says.
    pub fn set_user(&self, user: impl Into<Option<User>>) {
        let user = user.into();
        if user.is_some() && crate::diag::enabled() && self.is_same(Scope::global()) {
            warn_of_leak();
        }
        if user.is_some() && crate::diag::enabled() && self.last_event_id().is_some() {
            crate::hints::user_after_event();
        }
        if let Some(Part::Own(session)) = &self.lock_live().session {
            session.set_did(user.as_ref().and_then(session::did));
        }
        self.update(|data| data.user = user);
    }

    /// Sets a tag: a short, searchable key and value. Keys hold up to 32 and values up to 200 characters of `[a-zA-Z0-9_.:-]`
    /// and printable text; what is longer is cut, and said once per key under `debug` (features X01).
    pub fn set_tag(&self, key: impl Into<String>, value: impl fmt::Display) {
        let (key, value) = crate::tag::fit(key.into(), value.to_string());
        self.update(|data| {
            data.tags.insert(key, value);
        });
    }

    /// Sets several tags; others stay.
    pub fn set_tags<K: Into<String>, V: fmt::Display>(&self, tags: impl IntoIterator<Item = (K, V)>) {
        let tags: Vec<_> =
            tags.into_iter().map(|(key, value)| crate::tag::fit(key.into(), value.to_string())).collect();
        self.update(|data| data.tags.extend(tags));
    }

    /// Removes a tag.
    pub fn remove_tag(&self, key: &str) {
        self.update(|data| {
            data.tags.remove(key);
        });
    }

    /// Notes that a feature flag was evaluated: the last 100 are on every error event of this scope (`protocol.md` §14.3). The server takes names of up to 32 characters and
    /// values of up to 200. The free function [`add_feature_flag`](crate::api::add_feature_flag) also notes it on the open span.
    pub fn add_feature_flag(&self, name: impl Into<String>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        self.update(|data| data.flags.set(name, value));
    }

    /// Sets a context: a named object, shown but not searchable. A value that is not an object is sent as `{"value": …}`; one that
    /// cannot be serialised is left out, and said under `debug`.
    pub fn set_context(&self, name: impl Into<String>, value: impl Serialize) {
        let name = name.into();
        match serde_json::to_value(value) {
            Ok(Value::Null) => self.remove_context(&name),
            Ok(value @ Value::Object(_)) => self.insert_context(name, value),
            Ok(value) => self.insert_context(name, serde_json::json!({ "value": value })),
            Err(error) => crate::debug!("the context {name:?} cannot be sent: {error}"),
        }
    }

    fn insert_context(&self, name: String, value: Value) {
        self.update(|data| {
            data.contexts.insert(name, value);
        });
    }

    /// Removes a context.
    pub fn remove_context(&self, name: &str) {
        self.update(|data| {
            data.contexts.remove(name);
        });
    }

    /// Sets an attribute of every log and every metric of this scope; one that a log or a metric has itself stays. Errors and transactions have
    /// tags and contexts in its place.
    pub fn set_attribute(&self, key: impl Into<String>, value: impl Into<AttributeValue>) {
        let (key, value) = (key.into(), value.into());
        self.update(|data| {
            data.attributes.insert(key, value);
        });
    }

    /// Sets several attributes; others stay. As [`set_attribute`](Self::set_attribute).
    pub fn set_attributes<K: Into<String>, V: Into<AttributeValue>>(
        &self,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) {
        let attributes: Vec<_> =
            attributes.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        self.update(|data| data.attributes.extend(attributes));
    }

    /// Removes an attribute.
    pub fn remove_attribute(&self, key: &str) {
        self.update(|data| {
            data.attributes.remove(key);
        });
    }

    /// Sets free-form data.
    #[deprecated(note = "use set_context: extra data is neither searchable nor structured")]
    pub fn set_extra(&self, key: impl Into<String>, value: impl Serialize) {
        let key = key.into();
        match serde_json::to_value(value) {
            Ok(value) => self.update(|data| {
                data.extra.insert(key, value);
            }),
            Err(error) => crate::debug!("the extra {key:?} cannot be sent: {error}"),
        }
    }

    /// Sets the name of the transaction that events of this scope belong to.
    pub fn set_transaction_name(&self, name: impl Into<String>, source: TransactionSource) {
        let name = name.into();
        self.update(|data| data.transaction = Some((name, source)));
    }

    /// Sets where the request of this scope's events comes from. For integrations.
    pub fn set_request(&self, request: Option<Arc<dyn RequestSource>>) {
        // Freed when the lock is: what the closure holds may be anything.
        let old = std::mem::replace(&mut self.lock_data().request, request);
        drop(old);
    }

    /// Sets the status of the response, for the `response` context. For integrations.
    pub fn set_response_status(&self, status: Option<u16>) {
        self.lock_data().response_status = status;
    }

    /// Adds a step that sees every event of this scope on the worker.
    pub fn add_event_processor(&self, processor: impl Fn(Event) -> Option<Event> + Send + Sync + 'static) {
        let processor: EventProcessor = Arc::new(processor);
        self.update(|data| data.processors.push(processor));
    }

    /// Adds a file that goes with every error event of this scope, and with no transaction. Of the three scopes all go along.
    pub fn add_attachment(&self, attachment: Attachment) {
        self.update(|data| data.attachments.push(attachment));
    }

    /// Removes all attachments.
    pub fn clear_attachments(&self) {
        let old = self.update(|data| std::mem::take(&mut data.attachments));
        drop(old); // outside the lock: what makes one may hold anything
    }

    /// Adds a breadcrumb to this scope as it is, at most `limit` of the newest are kept. The free function
    /// [`add_breadcrumb`](crate::api::add_breadcrumb) also stamps the time and asks `before_breadcrumb`.
    pub fn push_breadcrumb(&self, breadcrumb: Breadcrumb, limit: usize) {
        let old = self.lock_live().breadcrumbs.push(breadcrumb, limit);
        drop(old); // freed outside the lock
    }

    pub(crate) fn push_flat_breadcrumb(&self, crumb: FlatCrumb, fields: &Fields, limit: usize) {
        let old = self.lock_live().breadcrumbs.push_flat(crumb, fields, limit);
        drop(old); // freed outside the lock
    }

    fn lock_live(&self) -> MutexGuard<'_, Live> {
        self.cell.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes all breadcrumbs.
    pub fn clear_breadcrumbs(&self) {
        self.lock_live().breadcrumbs = Ring::default();
    }

    /// Resets everything but the event processors, the trace and the session.
    pub fn clear(&self) {
        {
            let mut live = self.lock_live();
            let (propagation, session) = (live.propagation.take(), live.session.take());
            *live = Live { propagation, session, ..Live::default() };
        }
        let old = {
            let mut data = self.lock_data();
            let processors = data.processors.clone();
            let set = Arc::new(Set { processors, ..Set::default() });
            std::mem::replace(&mut *data, ScopeData { set, ..ScopeData::default() })
        };
        drop(old); // outside the lock: the request's source may hold anything
    }

    /// The id of the last error event captured under this isolation scope; transactions do not count.
    #[must_use]
    pub fn last_event_id(&self) -> Option<EventId> {
        self.lock_live().last_event_id
    }

    /// Whether an error was reported under this isolation scope: an event with an exception, or a message of the level `error` or above.
    #[must_use]
    pub fn has_reported_error(&self) -> bool {
        self.last_error().is_some()
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.lock_live().last_error
    }

    /// An event was reported under this isolation scope, and of what error, if it is of one.
    pub(crate) fn set_reported(&self, id: EventId, error: Option<LastError>) {
        let mut live = self.lock_live();
        live.last_event_id = Some(id);
        live.last_error = error.or(live.last_error);
    }

    /// An error happened under this isolation scope that is not reported, because it was not sampled or may not be sent.
    pub(crate) fn set_refused(&self, error: Option<LastError>) {
        let mut live = self.lock_live();
        live.last_error = error.or(live.last_error);
    }

    /// The trace that this isolation scope belongs to when no span is open; `fresh` makes one for a scope that has none yet.
    pub(crate) fn propagation(&self, fresh: impl FnOnce() -> PropagationContext) -> Arc<PropagationContext> {
        if let Some(context) = &self.lock_live().propagation {
            return Arc::clone(context);
        }
        let context = Arc::new(fresh()); // asks the program's dice, maybe: not under the lock
        Arc::clone(self.lock_live().propagation.get_or_insert(context))
    }

    /// The session that happens here, wherever it began.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.lock_live().session.as_mut()?.session()
    }

    /// Begins a session here. One that began here before is over.
    pub(crate) fn begin_session(&self, session: Part) {
        let before = self.lock_live().session.replace(session);
        if let Some(before) = before {
            before.end(SessionStatus::Exited);
        }
    }

    /// Ends the session that began here, if one did.
    pub(crate) fn end_session(&self, status: SessionStatus) {
        let own = self.lock_live().session.take_if(|part| part.is_own());
        if let Some(own) = own {
            own.end(status);
        }
    }

    pub(crate) fn set_propagation(&self, context: Option<Arc<PropagationContext>>) {
        self.lock_live().propagation = context;
    }

    /// What the scope holds, without its breadcrumbs.
    pub(crate) fn data(&self) -> ScopeData {
        self.lock_data().clone()
    }

    fn lock_data(&self) -> MutexGuard<'_, ScopeData> {
        self.cell.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is set is what it was when `data` was taken. Who has that keeps it from being changed, and its address from being another's.
    pub(crate) fn is_still(&self, data: &ScopeData) -> bool {
        self.cell.address.load(Ordering::Acquire) == Arc::as_ptr(&data.set).addr()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let data = self.data();
        let trail = self.lock_live().breadcrumbs.freeze();
        Snapshot { data, trail }
    }

    /// Changes what is set; what a snapshot holds on to stays as it was.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Set) -> T) -> T {
        let mut data = self.lock_data();
        let changed = data.set();
        self.cell.address.store(std::ptr::from_mut(changed).addr(), Ordering::Release);
        change(changed)
    }
}

impl Live {
    /// Whether there is nothing that a fork would have.
    fn is_untouched(&self) -> bool {
        self.breadcrumbs.total() == 0 && self.propagation.is_none() && self.session.is_none()
    }

    /// What a fork has of the session.
    fn forked_session(&mut self) -> Option<Part> {
        self.session.as_mut()?.fork()
    }
}

/// Says whether this thread works on one request, task or job; set by the module that knows.
pub(crate) static IN_UNIT: OnceLock<fn() -> bool> = OnceLock::new();

/// Features G09, H13: a user on the global scope is on every other request too.
fn warn_of_leak() {
    static ONCE: Once = Once::new();
    if IN_UNIT.get().is_some_and(|in_unit| in_unit()) {
        ONCE.call_once(|| {
            crate::debug!("set_user on the global scope inside a request: use isolation_scope()")
        });
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { data, trail } = self.snapshot();
        f.debug_struct("Scope")
            .field("tags", &data.tags)
            .field("contexts", &data.contexts.keys())
            .field("has_user", &data.user.is_some())
            .field("breadcrumbs", &trail.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_starts_with_everything_and_then_goes_its_own_way() {
        let parent = Scope::new();
        parent.set_tag("plan", "pro");
        parent.push_breadcrumb(Breadcrumb::new("one"), 10);

        let child = parent.fork();
        child.set_tag("plan", "free");
        child.push_breadcrumb(Breadcrumb::new("two"), 10);
        parent.push_breadcrumb(Breadcrumb::new("three"), 10);

        assert_eq!(parent.snapshot().data.tags["plan"], "pro");
        assert_eq!(child.snapshot().data.tags["plan"], "free");
        assert_eq!(messages(&parent), ["one", "three"]);
        assert_eq!(messages(&child), ["one", "two"]);
    }

    #[test]
    fn a_snapshot_is_not_touched_by_later_changes() {
        let scope = Scope::new();
        scope.set_tag("a", 1);
        let before = scope.snapshot();
        scope.set_tag("a", 2);
        scope.push_breadcrumb(Breadcrumb::new("later"), 10);

        assert_eq!(before.data.tags["a"], "1");
        assert_eq!(before.trail.len(), 0);
    }

    #[test]
    fn clear_keeps_the_processors() {
        let scope = Scope::new();
        scope.set_user(User::id("42"));
        scope.set_reported(EventId::default(), None);
        scope.add_event_processor(Some);
        scope.clear();

        let data = scope.snapshot().data;
        assert!(data.user.is_none() && data.processors.len() == 1);
        assert_eq!(scope.last_event_id(), None);
    }

    #[test]
    fn what_a_scope_lets_go_may_ask_it() {
        struct Asks(Scope);
        impl Drop for Asks {
            fn drop(&mut self) {
                self.0.set_tag("dropped", true);
            }
        }
        let scope = Scope::new();
        for let_go in [|scope: &Scope| scope.set_request(None), Scope::clear] {
            let asks = Asks(scope.clone());
            scope.set_request(Some(Arc::new(move || {
                let _held = &asks;
                Request::default()
            })));
            let_go(&scope);
            assert_eq!(scope.snapshot().data.tags["dropped"], "true");
            scope.remove_tag("dropped");
        }
    }

    fn messages(scope: &Scope) -> Vec<String> {
        scope.snapshot().trail.newest(10).into_iter().filter_map(|crumb| crumb.message).collect()
    }
}
