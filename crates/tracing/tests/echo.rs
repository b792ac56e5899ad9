//! A value that is heard while it is printed: in a file of its own, because the subscriber is the whole process's.

use std::fmt;

use tracing::info_span;
use tracing_subscriber::prelude::*;

/// Says in a span, and in an event, that it is being printed.
struct Echo;

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _span = info_span!("printing", value = ?Echo).entered();
        tracing::info!(value = ?Echo, "printing");
        f.write_str("echo")
    }
}

#[test]
fn a_value_that_prints_itself_in_a_span_and_an_event_ends() {
    // A subscriber of one thread hears nothing of what happens in its own callbacks; one of the whole process does.
    let subscriber = tracing_subscriber::registry().with(watchpost_tracing::layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let captured = watchpost_testkit::capture(|| {
        let _work = info_span!("work", value = ?Echo).entered();
        tracing::info!(value = ?Echo, "begins");
        tracing::error!("failed");
    });
    assert_eq!(
        captured.draw(),
        "error: failed\n  in work\n  - info: begins\nfunction work [internal_error]\n"
    );
}
