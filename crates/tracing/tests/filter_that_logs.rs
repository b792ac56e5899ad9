//! A filter of the program's that says something itself: in a file of its own, because the subscriber is the whole process's.

use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost_tracing::EventFilter;

#[test]
fn a_filter_that_logs_and_makes_spans_is_not_asked_about_them() {
    // A subscriber of one thread hears nothing of what happens in its own callbacks; one of the whole process does.
    let says = |what: &'static str| {
        let _span = info_span!("deciding").entered();
        tracing::info!("asked about {what}");
    };
    let ours = watchpost_tracing::layer()
        .event_filter(move |_| {
            says("an event");
            EventFilter::BREADCRUMB | EventFilter::ISSUE
        })
        .event_mapper(move |_, _, becomes| {
            says("its values");
            becomes
        })
        .span_filter(move |_| {
            says("a span");
            true
        });
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(ours)).unwrap();
    let captured = watchpost_testkit::capture(|| {
        info_span!("work").in_scope(|| tracing::info!("done"));
    });
    assert_eq!(captured.draw(), "info: done\n  in work\nfunction work [internal_error]\n");
}
