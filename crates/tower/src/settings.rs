//! How requests are reported: what the layer was told, and every service of it shares.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use watchpost_protocol::User;

use crate::statuses::Statuses;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) failed: Statuses,
    pub(crate) user: Option<Of<User>>,
    pub(crate) name: Option<Of<String>>,
}

/// Something of a request that the program knows how to find.
pub(crate) type Of<T> = Arc<dyn Fn(&Parts) -> Option<T> + Send + Sync>;

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("failed", &self.failed)
            .field("user", &self.user.is_some())
            .field("name", &self.name.is_some())
            .finish()
    }
}
