//! What must not leave the process by itself.
//!
//! There are two rules for names, and every kind of item passes both on the worker, before `before_send`:
//!
//! | what | whose name | is compared |
//! |---|---|---|
//! | headers, cookies, query parameters: what a client sends, under names that nobody here chose | [`names_a_secret`] | by a *part*: `X-Auth-Token` has `auth` in it |
//! | everything that the program names: extra, tags, contexts, user, breadcrumbs' data, variables of frames, span attributes | the lists of [`EventScrubber`] | *whole*, or what follows a dot: `db.password`, not `my_token` |
//!
//! What people say to a model, and it to them (`gen_ai.input.messages` and its like), counts as the second kind until `send_default_pii` is
//! on; what is under other names in it is looked at also then.
//!
//! The value is replaced by [`FILTERED`], its key stays, and `_meta` says so. Texts (messages, names of spans, all values) are searched for
//! URLs: a name and password before the host, and the values of secret parameters, go.
//!
//! What is *not* done: a secret in the middle of a free text, in the name of a key, or in what a derived `Debug` prints of a struct, is not
//! found. For those there are [`sensitive`](crate::sensitive()) and
//! `before_send`.

mod items;
mod keys;
mod names;
mod path;
mod scrubber;
mod seen;
mod text;
mod walk;

#[cfg(test)]
mod tests;

pub use names::{header, names_a_secret};
pub(crate) use path::Path;
pub(crate) use scrubber::Rules;
pub use scrubber::{DEFAULT_DENYLIST, DEFAULT_PII_DENYLIST, EventScrubber};
pub use text::{query, url};
pub(crate) use walk::{Scrub, Walk};

/// What stands in the place of a value that was taken out.
pub const FILTERED: &str = "[Filtered]";
