//! Values that tell who somebody is, in messages that leave the process (features X12).

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::client;
use crate::scrub::FILTERED;

/// Marks a value that tells who somebody is: printed, or turned into JSON, it is `[Filtered]`. It is itself only where `send_default_pii` is on,
/// in every client of the process that can send: a value that is printed does not know who will send it.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::sensitive;
///
/// let email = "ann@shop.test";
/// assert_eq!(format!("no order of {}", sensitive(email)), "no order of [Filtered]");
/// assert_eq!(sensitive(email).get(), &email);
/// ```
///
/// It is so for whoever prints it, a local log too: nobody can tell what reads the log.
#[must_use]
pub fn sensitive<T>(value: T) -> Sensitive<T> {
    Sensitive(value)
}

/// A value that tells who somebody is; made by [`sensitive`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// A look at the value itself. It is not to be had by accident: there is no `Deref`.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value itself.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: fmt::Display> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if client::all_send_pii() { self.0.fmt(f) } else { f.pad(FILTERED) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if client::all_send_pii() { self.0.fmt(f) } else { f.pad(FILTERED) }
    }
}

impl<T: Serialize> Serialize for Sensitive<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if client::all_send_pii() { self.0.serialize(serializer) } else { serializer.serialize_str(FILTERED) }
    }
}

impl<T: Into<Value>> From<Sensitive<T>> for Value {
    fn from(value: Sensitive<T>) -> Value {
        if client::all_send_pii() { value.0.into() } else { FILTERED.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients that may send it are in a process of their own: `tests/sensitive.rs`.
    #[test]
    fn it_is_not_shown_in_any_form() {
        let email = sensitive("ann@shop.test");
        assert_eq!(format!("{email} {email:?} {email:>12}"), "[Filtered] [Filtered]   [Filtered]");
        assert_eq!(serde_json::json!({ "email": email }), serde_json::json!({ "email": "[Filtered]" }));
        assert_eq!(Value::from(sensitive(42)), "[Filtered]");
        assert_eq!((email.get().len(), email.into_inner()), (13, "ann@shop.test"));
    }
}
