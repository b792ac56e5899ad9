//! The client of the process: the one that everything reports to that has none of its own.

use std::sync::{PoisonError, RwLock};

use crate::client::Client;

static BOUND: RwLock<Option<Client>> = RwLock::new(None);

/// Makes a client the process's own and hands back the one that was.
pub(crate) fn bind(client: Client) -> Option<Client> {
    client.note_bound();
    BOUND.write().unwrap_or_else(PoisonError::into_inner).replace(client)
}

/// The process's own client, whether active or not.
pub(crate) fn client() -> Option<Client> {
    BOUND.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Who takes what still comes for this client: itself while it is active; once it is closed, if it was the process's own, the one that took its
/// place.
pub(crate) fn in_place_of(one: &Client) -> Option<Client> {
    if one.is_active() {
        return Some(one.clone());
    }
    if one.was_bound() { client().filter(Client::is_active) } else { None }
}
