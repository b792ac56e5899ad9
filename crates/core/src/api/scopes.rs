//! The three scopes, and blocks with scopes of their own (`protocol.md` §15.5).

use std::fmt::Display;
use std::sync::Arc;

use serde::Serialize;
use watchpost_protocol::{AttributeValue, TransactionSource, User};

use crate::attachment::Attachment;
use crate::current::{self, Scopes, ScopesGuard};
use crate::scope::Scope;

/// The scope of the whole process.
#[must_use]
pub fn global_scope() -> &'static Scope {
    Scope::global()
}

/// The scope of the request, task or job that this thread works on; the process's own if it works on none.
#[must_use]
pub fn isolation_scope() -> Scope {
    Scopes::current().isolation().clone()
}

/// The scope of the innermost block or span.
#[must_use]
pub fn current_scope() -> Scope {
    current::own_current().current_scope().clone()
}

/// Runs `work` with a current scope of its own: what is set in it ends with it, also when `work` panics.
///
/// ```
/// # use watchpost_core::api::{capture_message, with_scope};
/// with_scope(|scope| {
///     scope.set_tag("step", "import");
///     capture_message("a row was skipped");
/// });
/// ```
pub fn with_scope<T>(work: impl FnOnce(&Scope) -> T) -> T {
    let scopes = Arc::new(Scopes::current().forked());
    let _entered = scopes.attach();
    work(scopes.current_scope())
}

/// Runs `work` as a unit of work of its own: an isolation and a current scope that start with what is set now, and end with it.
pub fn with_isolation_scope<T>(work: impl FnOnce(&Scope) -> T) -> T {
    let scopes = Arc::new(Scopes::current().isolated());
    let _entered = scopes.attach();
    work(scopes.isolation())
}

/// Enters a current scope of its own until the guard is dropped.
pub fn new_scope() -> ScopesGuard {
    Arc::new(Scopes::current().forked()).attach()
}

/// Enters a current scope of its own until the guard is dropped.
#[deprecated(note = "use with_scope or new_scope")]
pub fn push_scope() -> ScopesGuard {
    new_scope()
}

/// Changes the isolation scope.
#[deprecated(note = "use isolation_scope, or the functions that set what you need: set_tag, set_user, …")]
pub fn configure_scope<T>(change: impl FnOnce(&Scope) -> T) -> T {
    change(&isolation_scope())
}

/// Sets or clears the user of the isolation scope: `set_user(User::id("42"))`, `set_user(None)`.
///
/// Outside of any request or task that scope is the process's own, which every request and task starts with from then on: as with tags, that is for what
/// holds of all of them. The user of a request is set in the request; of a task, in one that is [isolated](crate::FutureExt::isolated), or in
/// [`with_isolation_scope`].
pub fn set_user(user: impl Into<Option<User>>) {
    Scopes::current().isolation().set_user(user);
}

/// Sets a tag of the isolation scope: short, searchable. For anything larger, use [`set_context`].
pub fn set_tag(key: impl Into<String>, value: impl Display) {
    Scopes::current().isolation().set_tag(key, value);
}

/// Sets several tags of the isolation scope.
pub fn set_tags<K: Into<String>, V: Display>(tags: impl IntoIterator<Item = (K, V)>) {
    Scopes::current().isolation().set_tags(tags);
}

/// Sets a context of the isolation scope: a named object, shown with everything it reports.
pub fn set_context(name: impl Into<String>, value: impl Serialize) {
    Scopes::current().isolation().set_context(name, value);
}

/// Adds a file that goes with every error event of the isolation scope.
///
/// ```
/// # use watchpost_core::{Attachment, api::add_attachment};
/// add_attachment(Attachment::bytes("cart.json", br#"{"items":3}"#.as_slice()));
/// ```
pub fn add_attachment(attachment: Attachment) {
    Scopes::current().isolation().add_attachment(attachment);
}

/// Sets an attribute of every log and every metric of the isolation scope.
///
/// ```
/// # use watchpost_core::api::set_attribute;
/// set_attribute("tenant", "acme");
/// set_attribute("shard", 7);
/// ```
pub fn set_attribute(key: impl Into<String>, value: impl Into<AttributeValue>) {
    Scopes::current().isolation().set_attribute(key, value);
}

/// Sets several attributes of every log and every metric of the isolation scope.
pub fn set_attributes<K: Into<String>, V: Into<AttributeValue>>(
    attributes: impl IntoIterator<Item = (K, V)>,
) {
    Scopes::current().isolation().set_attributes(attributes);
}

/// Removes an attribute of the isolation scope.
pub fn remove_attribute(key: &str) {
    Scopes::current().isolation().remove_attribute(key);
}

/// Sets free-form data of the isolation scope.
#[deprecated(note = "use set_context: extra data is neither searchable nor structured")]
pub fn set_extra(key: impl Into<String>, value: impl Serialize) {
    #[expect(deprecated, reason = "the deprecated twin of the method")]
    Scopes::current().isolation().set_extra(key, value);
}

/// Names the transaction that is open, and says what the name is. Without one, the name of the scope's events.
pub fn set_transaction_name(name: impl Into<String>, source: TransactionSource) {
    Scopes::current().name_transaction(name.into(), source);
}
