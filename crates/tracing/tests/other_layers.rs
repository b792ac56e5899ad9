//! Layers of others beside ours: what they hold while they run the program's code must not be what we wait for.

use std::fmt;
use std::io;

use tracing::field::{Empty, debug};
use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost_core::api::{capture_message, current_scope, set_tag};

/// Captures while it is formatted.
struct Talkative;

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        current_scope().set_tag("from", "a formatter");
        capture_message("said while being formatted");
        f.write_str("talkative")
    }
}

#[test]
fn a_value_that_captures_while_another_layer_formats_it() {
    let fmt = tracing_subscriber::fmt::layer().with_writer(io::sink);
    let subscriber = tracing_subscriber::registry().with(fmt).with(watchpost_tracing::layer());
    let captured = watchpost_testkit::capture(|| {
        tracing::subscriber::with_default(subscriber, || {
            let span = info_span!("work", value = Empty);
            let _entered = span.enter();
            set_tag("order", 42);
            // The formatting layer holds the extensions of this span meanwhile.
            span.record("value", debug(Talkative));
        });
    });
    // While the other layer formats it; what is captured inside of a callback of the subscriber knows no span. Ours listens to nothing then.
    let events = captured.events();
    assert_eq!(events.len(), 1, "{}", captured.draw());
    assert_eq!(captured.transactions()[0].contexts.trace.as_ref().unwrap().data["value"], "talkative");
}

#[test]
fn several_subscribers_do_not_take_each_others_spans() {
    let subscriber = || tracing_subscriber::registry().with(watchpost_tracing::layer());
    let captured = watchpost_testkit::capture(|| {
        tracing::subscriber::with_default(subscriber(), || {
            let outer = info_span!("outer");
            let _outer = outer.enter();
            // The first span of another registry has the id of the first span of this one.
            tracing::subscriber::with_default(subscriber(), || {
                let inner = info_span!("inner");
                inner.in_scope(|| tracing::error!("inside"));
            });
            tracing::error!("outside");
        });
    });
    assert_eq!(
        captured.draw(),
        "error: inside\n  in inner\nfunction inner [internal_error]\nerror: outside\n  in outer\nfunction outer [internal_error]\n"
    );
}
