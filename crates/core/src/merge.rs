//! The one merge rule: global < isolation < current < what the item says itself (`protocol.md` §15.3).
//!
//! The nearer scope fills first, and nothing that is there is overwritten: tags and extras per key, contexts per key as whole objects, the
//! rest as a whole. Breadcrumbs go to events only, in order of insertion, the newest up to the limit.

use watchpost_protocol::{
    Breadcrumb, Contexts, Event, Level, Request, ResponseContext, Transaction, TransactionInfo, User, Value,
};

use crate::flags;
use crate::scope::{ScopeData, Snapshot};
use crate::span_data::SpanData;

use std::collections::BTreeMap;

/// The three scopes of an item, as they were when it was captured.
#[derive(Clone, Default)]
pub(crate) struct Layers {
    pub(crate) global: Snapshot,
    pub(crate) isolation: Snapshot,
    pub(crate) current: Snapshot,
}

impl Layers {
    /// For what takes no attachments along.
    pub(crate) fn without_attachments(self) -> Self {
        let without = |layer: Snapshot| Snapshot { data: layer.data.without_attachments(), ..layer };
        let Layers { global, isolation, current } = self;
        Layers { global: without(global), isolation: without(isolation), current: without(current) }
    }

    /// The nearest first.
    fn data(&self) -> [&ScopeData; 3] {
        [&self.current.data, &self.isolation.data, &self.global.data]
    }
}

/// How much memory the scopes hold, the nearest first. The process's own is there anyway, and so is what is the same in two of them.
pub(crate) fn weight([current, isolation, global]: [&ScopeData; 3]) -> usize {
    let beside = |data: &ScopeData, wider: &ScopeData| if data.is_same(wider) { 0 } else { data.weight() };
    beside(current, isolation) + beside(isolation, global)
}

/// The fields that every kind of item takes from its scopes.
struct Target<'a> {
    tags: &'a mut BTreeMap<String, String>,
    extra: &'a mut BTreeMap<String, Value>,
    user: &'a mut Option<User>,
    request: &'a mut Option<Request>,
    contexts: &'a mut Contexts,
}

impl Target<'_> {
    fn fill(&mut self, data: &ScopeData) {
        for (key, value) in &data.tags {
            fill(self.tags, key, value);
        }
        for (key, value) in &data.extra {
            fill(self.extra, key, value);
        }
        for (name, value) in &data.contexts {
            // The trace is the item's own, which need not be among its contexts yet.
            if name != "trace" {
                self.contexts.insert_default(name, value);
            }
        }
        if self.user.is_none() {
            self.user.clone_from(&data.user);
        }
        if let (None, Some(source)) = (&self.request, &data.request) {
            *self.request = Some(source.request());
        }
        if let (false, Some(status_code)) = (self.contexts.has("response"), data.response_status) {
            self.contexts.response =
                Some(ResponseContext { status_code: Some(status_code), ..Default::default() });
        }
    }
}

fn fill<V: Clone>(map: &mut BTreeMap<String, V>, key: &str, value: &V) {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), value.clone());
    }
}

/// Merges the scopes into an event.
pub(crate) fn into_event(event: &mut Event, layers: &Layers, default_level: Level, max_breadcrumbs: usize) {
    for data in layers.data() {
        Target {
            tags: &mut event.tags,
            extra: &mut event.extra,
            user: &mut event.user,
            request: &mut event.request,
            contexts: &mut event.contexts,
        }
        .fill(data);
        event.level = event.level.or(data.level);
        if let (true, Some(fingerprint)) = (event.fingerprint.is_empty(), &data.fingerprint) {
            event.fingerprint.clone_from(fingerprint);
        }
        if let (None, Some((name, source))) = (&event.transaction, &data.transaction) {
            event.transaction = Some(name.clone());
            event.transaction_info = Some(TransactionInfo { source: *source });
        }
    }
    event.level = event.level.or(Some(default_level));
    flags::into_event(event, layers.data().map(|data| &data.flags));
    breadcrumbs(event, layers, max_breadcrumbs);
}

/// Merges the scopes into a transaction: as an event, but without breadcrumbs, fingerprint and level.
pub(crate) fn into_transaction(transaction: &mut Transaction, nearest_first: &[ScopeData]) {
    for data in nearest_first {
        Target {
            tags: &mut transaction.tags,
            extra: &mut transaction.extra,
            user: &mut transaction.user,
            request: &mut transaction.request,
            contexts: &mut transaction.contexts,
        }
        .fill(data);
    }
}

/// Lets the requests of the scopes say what they are on the root of a transaction.
pub(crate) fn into_root<'a>(origin: Option<&str>, root: &mut SpanData<'a>, nearest_first: &'a [ScopeData]) {
    for data in nearest_first {
        if let Some(source) = &data.request {
            source.describe(data.response_status, origin, root);
        }
    }
}

fn breadcrumbs(event: &mut Event, layers: &Layers, limit: usize) {
    let trails = [&layers.global.trail, &layers.isolation.trail, &layers.current.trail];
    let total = event.breadcrumbs.len() as u64 + trails.iter().map(|trail| trail.total()).sum::<u64>();
    let own = std::mem::take(&mut *event.breadcrumbs);
    let mut all: Vec<Breadcrumb> =
        own.into_iter().chain(trails.iter().flat_map(|trail| trail.newest(limit))).collect();
    all.drain(..all.len().saturating_sub(limit));
    if total > all.len() as u64 && !all.is_empty() {
        event.meta.below("breadcrumbs").said.len = Some(total); // how many there were (§15.6)
    }
    *event.breadcrumbs = all;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;

    fn layers(global: &Scope, isolation: &Scope, current: &Scope) -> Layers {
        Layers { global: global.snapshot(), isolation: isolation.snapshot(), current: current.snapshot() }
    }

    #[test]
    fn the_nearest_wins_and_the_event_itself_most() {
        let [global, isolation, current] = [Scope::new(), Scope::new(), Scope::new()];
        for (scope, name) in [(&global, "global"), (&isolation, "isolation"), (&current, "current")] {
            scope.set_tag("who", name);
            scope.set_tag(name, 1);
            scope.set_context("ctx", serde_json::json!({ name: 1 }));
            scope.set_user(User::id(name));
        }
        isolation.set_fingerprint(["isolation"]);
        let mut event = Event { user: Some(User::id("event")), ..Event::default() };
        into_event(&mut event, &layers(&global, &isolation, &current), Level::Error, 100);

        let tags: Vec<_> = event.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(tags, ["current=1", "global=1", "isolation=1", "who=current"]);
        assert_eq!(event.contexts.other["ctx"], serde_json::json!({ "current": 1 }), "replaced as a whole");
        assert_eq!(event.user, Some(User::id("event")));
        assert_eq!(event.fingerprint, ["isolation"]);
        assert_eq!(event.level, Some(Level::Error));
    }

    #[test]
    fn breadcrumbs_are_joined_in_order_and_cut_at_the_old_end() {
        let [global, isolation, current] = [Scope::new(), Scope::new(), Scope::new()];
        global.push_breadcrumb(Breadcrumb::new("g1"), 3);
        isolation.push_breadcrumb(Breadcrumb::new("i1"), 3);
        isolation.push_breadcrumb(Breadcrumb::new("i2"), 3);
        current.push_breadcrumb(Breadcrumb::new("c1"), 3);
        let mut event = Event::default();
        into_event(&mut event, &layers(&global, &isolation, &current), Level::Error, 3);

        let trail: Vec<_> = event.breadcrumbs.iter().filter_map(|crumb| crumb.message.as_deref()).collect();
        assert_eq!(trail, ["i1", "i2", "c1"]);
        assert_eq!(event.meta.get(["breadcrumbs"]).and_then(|meta| meta.said.len), Some(4));
    }
}
