//! What several story tests need.
#![allow(
    dead_code,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each story uses a part of it; a test that cannot go on has failed"
)]

pub(crate) mod clock;
pub(crate) mod directory;
pub(crate) mod server;
pub(crate) mod transports;

use std::sync::Arc;

use watchpost::{Client, Options, Scopes};
use watchpost_testkit::{Captured, Recorder};

/// A client, the scopes of a program that reports to it, and what arrived there.
pub(crate) struct Watched {
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
}

impl Watched {
    /// With the defaults of the facade besides what the options say, and a transport that records.
    pub(crate) fn new(options: Options) -> Self {
        let recorder = Recorder::new();
        Watched::over(options.transport(recorder.clone()), recorder)
    }

    /// With the transport of the options.
    pub(crate) fn over(options: Options, recorder: Recorder) -> Self {
        match watchpost::new_client(options) {
            Ok(client) => Watched { client, recorder },
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `work` as a program that reports here.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = Arc::new(Scopes::of_client(&self.client)).attach();
        work()
    }

    /// Closes the client and hands back everything that arrived.
    #[track_caller]
    pub(crate) fn close(self) -> Captured {
        assert!(self.client.close(Some(std::time::Duration::from_secs(60))), "it did not close in time");
        self.recorder.captured()
    }
}
