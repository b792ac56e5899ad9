//! Logs of the program's own; the macros of `watchpost::logger` call these.

use watchpost_protocol::LogLevel;

use crate::fields::Fields;
use crate::{client, heard, mute};

/// Whether a log could be sent at all: there is a client somewhere, and this thread is not one of ours.
#[must_use]
pub fn logs_are_heard() -> bool {
    client::any_active() && !mute::is_muted()
}

/// Sends a log. `template` is its text before the parameters were filled in, if there are any; `collect` adds the
/// attributes, and last the text under the key `message`. It runs if there is a client that wants logs.
pub fn log(level: LogLevel, template: Option<&'static str>, collect: impl FnOnce(&mut Fields)) {
    if !logs_are_heard() {
        return;
    }
    let mut collect = Some(collect);
    heard::add_log(level, template, &mut |fields| {
        if let Some(collect) = collect.take() {
            collect(fields);
        }
    });
}
