//! The guard of a client, which closes it at the end of `main`.

use super::Client;

/// Closes its client when dropped, waiting at most the client's shutdown timeout. Keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "dropping the guard closes the client: bind it to a variable that lives as long as the program"]
pub struct Guard {
    client: Client,
}

impl Guard {
    pub(crate) fn new(client: Client) -> Self {
        Guard { client }
    }

    /// The client that it guards.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.client.close(None);
    }
}
