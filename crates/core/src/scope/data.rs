//! What a scope holds: set by the program, shared, and replaced by a change.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use watchpost_protocol::{AttributeValue, Attributes, Event, Level, Request, TransactionSource, User, Value};

use crate::attachment::Attachment;
use crate::flags::ScopeFlags;
use crate::heap;
use crate::span_data::SpanData;

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

    /// What the transaction of the request says about it, besides, as attributes; `origin` is of any transaction under the scope, so that an
    /// implementation has to see whether it is the one. What the program has set stays.
    fn describe<'a>(&'a self, response_status: Option<u16>, origin: Option<&str>, data: &mut SpanData<'a>) {
        let _ = (response_status, origin, data);
    }
}

impl<F: Fn() -> Request + Send + Sync> RequestSource for F {
    fn request(&self) -> Request {
        self()
    }
}

/// What a scope holds, without its breadcrumbs.
#[derive(Clone, Default)]
pub(crate) struct ScopeData {
    /// `None`: nothing, as in most scopes.
    pub(super) set: Option<Arc<Set>>,
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

impl Set {
    /// Sets what `other` has set, too: it wins. `wider` is of the scope around, whose processors and attachments are there anyway.
    pub(super) fn extend(&mut self, other: &Set, wider: &Set) {
        self.level = other.level.or(self.level);
        self.fingerprint = other.fingerprint.clone().or_else(|| self.fingerprint.take());
        self.transaction = other.transaction.clone().or_else(|| self.transaction.take());
        self.user = other.user.clone().or_else(|| self.user.take());
        self.tags.extend(other.tags.clone());
        self.extra.extend(other.extra.clone());
        self.contexts.extend(other.contexts.clone());
        self.attributes.extend(other.attributes.clone());
        for processor in &other.processors {
            if !self.processors.iter().chain(&wider.processors).any(|known| Arc::ptr_eq(known, processor)) {
                self.processors.push(Arc::clone(processor));
            }
        }
        self.flags.extend(&other.flags);
        self.pipeline = other.pipeline.clone().or_else(|| self.pipeline.take());
        for attachment in &other.attachments {
            if !self.attachments.iter().chain(&wider.attachments).any(|known| known.is_same(attachment)) {
                self.attachments.push(attachment.clone());
            }
        }
    }
}

impl Deref for ScopeData {
    type Target = Set;

    fn deref(&self) -> &Set {
        static NOTHING: LazyLock<Set> = LazyLock::new(Set::default);
        self.set.as_deref().unwrap_or_else(|| &NOTHING)
    }
}

impl ScopeData {
    /// Changes what is set; what a snapshot holds on to stays as it was.
    pub(crate) fn set(&mut self) -> &mut Set {
        Arc::make_mut(self.set.get_or_insert_default())
    }

    /// For what takes no attachments along, and is not to hold on to them: only events do (`protocol.md` §14.1).
    pub(crate) fn without_attachments(self) -> Self {
        if self.set.as_ref().is_none_or(|set| set.attachments.is_empty()) {
            self
        } else {
            self.keeping(|_| false)
        }
    }

    /// With those attachments alone that `keep` keeps. The scope's own stay as they are.
    pub(crate) fn keeping(mut self, keep: impl FnMut(&Attachment) -> bool) -> Self {
        self.set().attachments.retain(keep);
        self
    }

    /// Where it is that is set: while somebody has it, nothing else is there. 0 if nothing is set.
    pub(super) fn address(&self) -> usize {
        self.set.as_ref().map_or(0, |set| Arc::as_ptr(set).addr())
    }

    /// Whether the two hold the same, and not only something equal.
    pub(crate) fn is_same(&self, other: &ScopeData) -> bool {
        let requests =
            [self, other].map(|data| data.request.as_ref().map(|request| Arc::as_ptr(request).addr()));
        self.address() == other.address()
            && requests[0] == requests[1]
            && self.response_status == other.response_status
    }

    /// About how much memory it has taken, in bytes: it is asked for everything that is captured. What attachments hold is counted apart.
    pub(crate) fn weight(&self) -> usize {
        const REQUEST: usize = 2048;
        self.set.as_ref().map_or(0, |set| set.weight()) + REQUEST * usize::from(self.request.is_some())
    }
}

impl Set {
    /// About how much memory it has taken, by the number of things.
    fn weight(&self) -> usize {
        const TAG: usize = 64;
        const VALUE: usize = 1024;
        let few = self.fingerprint.as_ref().map_or(0, Vec::len) + self.processors.len();
        let values = self.extra.len() + self.contexts.len();
        let tags = self.tags.len() + self.attributes.len() + self.flags.len();
        size_of::<Set>()
            + TAG * (tags + few)
            + VALUE * (values + usize::from(self.user.is_some()))
            + self.attachments.len() * size_of::<Attachment>()
            + self.transaction.as_ref().map_or(0, |(name, _)| heap::text(name))
            + heap::tree(tags, size_of::<(String, AttributeValue)>())
            + heap::tree(values, size_of::<(String, Value)>())
    }
}
