//! Spans by hand: how each part of one is set, and how spans are linked.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::protocol::{SpanRecord, Transaction};
use watchpost::{Breadcrumb, Options, Span, SpanStatus, start_span, start_transaction, update_current_span};
use watchpost_testkit::{capture_with, options};

fn quiet() -> Options {
    options().default_integrations(false)
}

/// The one child of the one transaction of a program.
fn child_of(program: impl FnOnce()) -> SpanRecord {
    let captured = capture_with(quiet(), || {
        let _root = start_transaction("root").enter();
        program();
    });
    let [Transaction { spans, .. }] = &captured.transactions()[..] else { panic!("{}", captured.draw()) };
    let [child] = &spans[..] else { panic!("{}", captured.draw()) };
    SpanRecord {
        span_id: Default::default(),
        start_timestamp: Default::default(),
        timestamp: Default::default(),
        ..child.clone()
    }
}

/// The example of the guide (`docs/tasks.md`), and the tree that stands below it there.
#[test]
fn an_entered_span_is_current_and_a_started_one_is_not() {
    let captured = capture_with(quiet(), || {
        let import = start_transaction("import").op("task").enter();
        let load = start_span("load").attribute("rows", 42).enter();
        let query = start_span("SELECT 1").op("db").start();
        let parse = query.child("parse row");
        parse.finish();
        query.finish_with(SpanStatus::DeadlineExceeded);
        drop(load);
        import.set_attribute("shop", "north");
        drop(import);
    });
    assert_eq!(
        captured.draw(),
        "task import\n  default load\n    db SELECT 1 [deadline_exceeded]\n      default parse row\n"
    );
}

#[test]
fn each_part_of_the_current_span_changes_alone() {
    let updated = |update: fn(&Span)| {
        child_of(|| {
            let _child = start_span("child").op("db").attribute("rows", 1).enter();
            update_current_span(update);
        })
    };
    let like = |original: &SpanRecord, other: SpanRecord| SpanRecord {
        trace_id: original.trace_id,
        parent_span_id: original.parent_span_id,
        ..other
    };
    let untouched = updated(|_| {});
    assert_eq!(untouched.description.as_deref(), Some("child"));
    assert_eq!((untouched.op.as_deref(), &untouched.data["rows"]), (Some("db"), &1.into()));

    let mut expected = untouched.clone();
    expected.description = Some("other".into());
    assert_eq!(like(&expected, updated(|span| span.set_name("other"))), expected, "the name");

    let mut expected = untouched.clone();
    expected.op = Some("cache".into());
    assert_eq!(like(&expected, updated(|span| span.set_op("cache"))), expected, "the operation");

    let mut expected = untouched.clone();
    expected.status = Some(SpanStatus::NotFound);
    assert_eq!(
        like(&expected, updated(|span| span.set_status(SpanStatus::NotFound))),
        expected,
        "the status"
    );

    let mut expected = untouched.clone();
    expected.data.insert("rows".into(), 2.into());
    assert_eq!(like(&expected, updated(|span| span.set_attribute("rows", 2))), expected, "an attribute");
}

#[test]
fn the_current_span_may_be_one_of_tracing() {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let child = tracing::subscriber::with_default(subscriber, || {
        child_of(|| {
            info_span!("query").in_scope(|| update_current_span(|span| span.set_op("db.query")));
        })
    });
    assert_eq!((child.description.as_deref(), child.op.as_deref()), (Some("query"), Some("db.query")));
}

#[test]
fn without_a_span_that_is_recorded_there_is_nothing_to_update() {
    let unsampled = quiet().traces_sample_rate(0.0).unwrap();
    capture_with(unsampled, || {
        let root = start_transaction("unsampled").enter();
        assert!(!root.is_recording());
        update_current_span(|_| panic!("it is not recorded"));
    });
    capture_with(quiet(), || update_current_span(|_| panic!("there is none")));
}

#[test]
fn links_name_the_other_span() {
    let mut ids = Vec::new();
    let captured = capture_with(quiet(), || {
        let cause = start_transaction("cause").start();
        let batch = start_transaction("batch").start();
        ids = vec![cause.span_id(), batch.span_id()];
        let job = batch.child("job");
        job.follows_from(&cause);
        batch.add_link(cause.to_link().unwrap());
        job.finish();
        batch.finish();
        cause.finish();
    });
    let transactions = captured.transactions();
    let [batch, cause] = &transactions[..] else { panic!("{}", captured.draw()) };
    let trace = batch.contexts.trace.as_ref().unwrap();
    let links = [&trace.links[..], &batch.spans[0].links[..]].concat();
    let cause = cause.contexts.trace.as_ref().unwrap();
    for link in &links {
        assert_eq!((link.trace_id, Some(link.span_id), link.sampled), (cause.trace_id, ids[0], Some(true)));
    }
    let kinds: Vec<_> = links.iter().map(|link| link.attributes.get("sentry.link.type")).collect();
    assert_eq!(kinds, [None, Some(&"follows_from".into())]);
}

/// What is set in an entered span ends with it, also where the span is made of nothing.
#[test]
fn an_entered_span_has_a_current_scope_of_its_own_sampled_or_not() {
    let message = |text: &str| _ = watchpost::capture_message(text);
    let program = || {
        let _root = start_transaction("root").enter();
        watchpost::current_scope().set_tag("where", "root");
        {
            let _child = start_span("child").enter();
            message("begun");
            watchpost::current_scope().set_tag("where", "child");
            watchpost::with_scope(|scope| {
                scope.set_tag("deep", "yes");
                message("within");
            });
            {
                let _grandchild = start_span("grandchild").enter();
                watchpost::current_scope().set_tag("where", "grandchild");
                message("deeper");
            }
            message("after");
        }
        message("outside");
    };
    let events = "\
info: begun
  in root
  tags: where=root
info: within
  in root
  tags: deep=yes where=child
info: deeper
  in root
  tags: where=grandchild
info: after
  in root
  tags: where=child
info: outside
  in root
  tags: where=root
";
    assert_eq!(capture_with(quiet().traces_sample_rate(0.0).unwrap(), program).draw(), events);
    let sampled = capture_with(quiet(), program).draw();
    assert_eq!(
        sampled.strip_prefix(events),
        Some("default root\n  tags: where=root\n  default child\n    default grandchild\n")
    );
}

/// Its parent is current elsewhere, or nowhere: what is captured in it still belongs to its trace.
#[test]
fn an_unsampled_child_of_a_span_that_is_not_current_is_current_once_entered() {
    let mut traces = Vec::new();
    let captured = capture_with(quiet().traces_sample_rate(0.0).unwrap(), || {
        let elsewhere = start_transaction("elsewhere").start();
        let _here = start_transaction("here").enter();
        let child = elsewhere.child("child").enter();
        traces = vec![elsewhere.trace_id(), watchpost::current_span().unwrap().trace_id()];
        watchpost::capture_message("in the child");
        drop(child);
    });
    assert_eq!(traces[0], traces[1]);
    assert_eq!(captured.draw(), "info: in the child\n  in elsewhere\n");
}

#[test]
fn a_root_that_is_entered_outside_of_a_unit_of_work_is_one() {
    let captured = capture_with(options(), || {
        for job in ["one", "two"] {
            let _job = start_transaction(job).enter();
            watchpost::add_breadcrumb(Breadcrumb::new(job));
            watchpost::set_tag(job, 1);
            watchpost::capture_message("done");
        }
        watchpost::capture_message("after");
    });
    assert_eq!(
        captured.draw(),
        "info: done\n  in one\n  tags: one=1\n  - info: one\ndefault one\n  tags: one=1\n\
         info: done\n  in two\n  tags: two=1\n  - info: two\ndefault two\n  tags: two=1\n\
         info: after\n"
    );
}

/// Errors alone: what is set in the current scope of a span ends with it all the same.
#[test]
fn a_span_is_a_scope_also_while_tracing_is_off() {
    let off = Options::new().use_environment(false).max_in_flight(1);
    let captured = capture_with(off, || {
        {
            let _import = start_span("import").enter();
            watchpost::current_scope().set_tag("step", "import");
            watchpost::capture_message("inside");
        }
        watchpost::capture_message("outside");
    });
    assert_eq!(captured.draw(), "info: inside\n  tags: step=import\ninfo: outside\n");
}
