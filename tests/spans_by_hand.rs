//! Spans by hand: how each part of one is set, and how spans are linked.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::clock::Wound;
use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::protocol::{SpanRecord, Timestamp, Transaction};
use watchpost::{
    Breadcrumb, Options, Outcome, Span, SpanStatus, start_span, start_transaction, update_current_span,
};
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

const SECOND: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + seconds * SECOND)
}

#[test]
fn work_that_is_told_of_afterwards_has_the_times_that_it_had() {
    let captured = capture_with(quiet(), || {
        let root = start_transaction("render").start_timestamp(at(0)).start();
        let query = root.child("query").with_op("db").with_start_timestamp(at(1));
        query.child("connect").with_start_timestamp(at(-5)).finish_at(at(70));
        query.finish_at(at(2));
        root.finish_at(at(60));
    });
    let [transaction] = &captured.transactions()[..] else { panic!("{}", captured.draw()) };
    assert_eq!((transaction.start_timestamp, transaction.timestamp), (Some(at(0)), Some(at(60))));
    let times = |span: &SpanRecord| (span.description.clone().unwrap(), span.start_timestamp, span.timestamp);
    let mut spans: Vec<_> = transaction.spans.iter().map(times).collect();
    spans.sort();
    let expected = [("connect", at(-5), at(70)), ("query", at(1), at(2))];
    assert_eq!(spans, expected.map(|(name, start, end)| (name.to_owned(), start, end)), "as they are");
}

#[test]
fn the_other_time_of_a_span_is_the_clock_s() {
    let clock = Wound::new();
    let options = quiet().clock(clock.clone());
    let captured = capture_with(options, || {
        let moment = |seconds: i64| Timestamp::from_micros(seconds * SECOND);
        clock.set(100);
        let root = start_transaction("root").start_timestamp(moment(40)).enter();
        let open = start_span("open").start_timestamp(moment(90)).start();
        let late = root.child("late").with_start_timestamp(moment(200));
        clock.set(110);
        open.finish_at(moment(105));
        late.finish(); // before it began
        root.child("backwards").finish_at(moment(1));
        drop(root);
    });
    let [transaction] = &captured.transactions()[..] else { panic!("{}", captured.draw()) };
    let seconds = |time: Timestamp| time.as_micros() / SECOND;
    let root = (transaction.start_timestamp.map(seconds), transaction.timestamp.map(seconds));
    assert_eq!(root, (Some(40), Some(110)));
    let times = |span: &SpanRecord| (seconds(span.start_timestamp), seconds(span.timestamp));
    let spans: Vec<_> = transaction.spans.iter().map(times).collect();
    assert_eq!(spans, [(90, 105), (200, 200), (110, 110)], "an end before the start is the start");
}

/// The ends of what can be said, and times for spans that nobody keeps, or that are another's to end.
#[test]
fn no_time_harms() {
    let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
    let captured = capture_with(quiet(), || {
        let root = start_transaction("root").start_timestamp(first).enter();
        watchpost::current_span().unwrap().finish_at(first); // it is only looked up, and not ended
        root.child("all of time").with_start_timestamp(first).finish_at(last);
        root.child("none").with_start_timestamp(last).finish_at(first);
    });
    assert_eq!(captured.draw(), "default root\n  default all of time\n  default none\n");
    let [transaction] = &captured.transactions()[..] else { panic!("{}", captured.draw()) };
    assert!(transaction.start_timestamp < transaction.timestamp);
    capture_with(quiet().traces_sample_rate(0.0).unwrap(), || {
        let root = start_transaction("unsampled").start_timestamp(at(0)).start();
        root.child("child").with_start_timestamp(at(0)).finish_at(at(1));
        root.finish_at(at(1));
    });
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

/// Runs them all, blocking and not.
fn run<T: Outcome>(name: &'static str, work: impl Fn() -> T) {
    start_transaction(name).run(&work);
    let future = start_transaction(name).run_async(async { work() });
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
}

#[test]
fn a_span_that_is_run_ends_as_its_work_does() {
    let failed = || Err::<(), _>(std::io::Error::other("no disk"));
    let captured = capture_with(quiet(), || {
        run("well", || Ok::<_, std::fmt::Error>(3));
        run("in silence", || {});
        run("badly", failed);
        run("as it says", || {
            update_current_span(|span| span.set_status(SpanStatus::NotFound));
            failed()
        });
        run("part", || start_span("child").run(failed).is_err().then_some(()).ok_or(()));
        assert!(start_transaction("passed on").run(failed).is_err());
        drop(start_transaction("never polled").run_async(std::future::pending::<()>()));
    });
    let twice = |line: &str| format!("{line}{line}");
    let expected = [
        twice("default well\n"),
        twice("default in silence\n"),
        twice("default badly [internal_error]\n"),
        twice("default as it says [not_found]\n"),
        twice("default part\n  default child [internal_error]\n"),
        "default passed on [internal_error]\n".to_owned(),
    ];
    assert_eq!(captured.draw(), expected.concat());
}

#[test]
fn the_error_that_ends_main_is_in_the_transaction_around_it() {
    let captured = capture_with(quiet(), || {
        let program = || {
            watchpost::set_tag("step", "import");
            watchpost::add_breadcrumb(Breadcrumb::new("began"));
            Err::<(), _>(std::io::Error::other("no disk"))
        };
        let ended = start_transaction("import").run(|| watchpost::report_main(program()));
        assert!(ended.is_err());
    });
    assert_eq!(
        captured.draw(),
        "\
fatal: io::Error: no disk
  in import
  tags: step=import
  - info: began
default import [internal_error]
  tags: step=import
"
    );
    let [event] = &captured.events()[..] else { panic!("{}", captured.draw()) };
    let trace_of = |contexts: &watchpost::protocol::Contexts| contexts.trace.as_ref().unwrap().trace_id;
    assert_eq!(trace_of(&event.contexts), trace_of(&captured.transactions()[0].contexts));
}
