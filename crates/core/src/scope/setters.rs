//! What a program says about the work that is being done.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Once, OnceLock};

use serde::Serialize;
use watchpost_protocol::{AttributeValue, Event, Level, TransactionSource, User, Value};

use super::{EventProcessor, RequestSource, Scope};
use crate::attachment::Attachment;
use crate::naming::gives_way_to_route;
use crate::session::{self, Part};

impl Scope {
    /// Sets the level of every event of this scope; an event that sets its own keeps it. Default: unset.
    pub fn set_level(&self, level: Option<Level>) {
        self.update(|data| data.level = level);
    }

    /// Sets the fingerprint of every event of this scope. `"{{ default }}"` inserts the server's own grouping.
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
    /// and printable text; what is longer is cut, and said once per key under `debug`.
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

    /// Notes that a feature flag was evaluated: the last 100 are on every error event of this scope. The server takes names of up to 32 characters and
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

    /// As [`set_transaction_name`](Self::set_transaction_name), by a route that was not known before, unless the program has named it.
    pub(crate) fn name_by_route(&self, name: String) {
        self.update(|data| {
            if data.transaction.as_ref().is_none_or(|(_, source)| gives_way_to_route(*source)) {
                data.transaction = Some((name, TransactionSource::Route));
            }
        });
    }

    /// Sets where the request of this scope's events comes from. For integrations.
    pub fn set_request(&self, request: Option<Arc<dyn RequestSource>>) {
        // Freed when the lock is: what the closure holds may be anything.
        let old = std::mem::replace(&mut self.cell().data().request, request);
        drop(old);
    }

    /// Sets the status of the response, for the `response` context. For integrations.
    pub fn set_response_status(&self, status: Option<u16>) {
        self.cell().data().response_status = status;
    }

    /// Adds a step that sees every event of this scope on the worker.
    ///
    /// One that holds this scope, or the other scope of the same request or job, keeps both of them alive for good: let it take what it needs
    /// out of them before.
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
