//! Release health.

use super::Options;
use crate::session::SessionMode;

impl Options {
    /// Whether sessions begin and end by themselves: each request to the request layer is one; with
    /// [`SessionMode::Application`] the run of the program is, from `init` to the drop of its guard. Sessions need a
    /// [`release`](Self::release): without one there are none. Default: true.
    pub fn auto_session_tracking(mut self, track: bool) -> Self {
        self.auto_session_tracking = track;
        self
    }

    /// What a session is. Servers count requests; for a program with a user in front of it, or a command, a session is its run. Default:
    /// [`SessionMode::Request`], which costs a program that serves no requests nothing.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use watchpost::{Options, SessionMode};
    ///
    /// let options = Options::new().release("editor@2.1.0")?.session_mode(SessionMode::Application);
    /// # Ok::<(), watchpost_core::InitError>(())
    /// ```
    pub fn session_mode(mut self, mode: SessionMode) -> Self {
        self.session_mode = mode;
        self
    }
}
