//! A trace across processes: what comes in is continued, what goes out says the same as what is sent, and once said it does not change.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and a sampler fails on purpose"
)]

use std::sync::Mutex;

use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::protocol::DynamicSamplingContext;
use watchpost::{
    Decision, FutureExt, Options, Pattern, TransactionSource, baggage, continue_trace, start_transaction,
    trace_headers, trace_headers_for, traceparent,
};
use watchpost_testkit::{Captured, capture_with, options};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Tracing is not switched on by itself.
fn untraced() -> Options {
    let options = Options::new().use_environment(false).shutdown_timeout(std::time::Duration::from_secs(60));
    options.dsn("https://k@o7.ingest.invalid/1").unwrap().default_integrations(false)
}

fn quiet() -> Options {
    options().default_integrations(false)
}

fn subscribed<T>(program: impl FnOnce() -> T) -> T {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, program)
}

/// What the outgoing baggage says of the trace now.
fn told() -> DynamicSamplingContext {
    DynamicSamplingContext::from_baggage(&baggage().unwrap_or_default())
}

fn header(name: &str) -> Option<String> {
    trace_headers().into_iter().find(|(header, _)| *header == name).map(|(_, value)| value)
}

/// The headers of a request: its decision, and what its baggage says.
fn incoming(flag: &str, baggage: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![("sentry-trace", format!("{TRACE}-{PARENT}{flag}"))];
    if !baggage.is_empty() {
        headers.push(("baggage", baggage.to_owned()));
    }
    headers
}

const BAGGAGE: &str = "other=1,sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-public_key=front,\
    sentry-sample_rate=0.5,sentry-sample_rand=0.250000,sentry-sampled=true,sentry-transaction=page";

fn trace_of(captured: &Captured) -> Vec<Option<DynamicSamplingContext>> {
    captured.envelopes().iter().map(|envelope| envelope.headers.trace.as_deref().cloned()).collect()
}

/// Every event and every transaction names its trace in the header of its envelope too, and says of it what outgoing requests say; only of a trace
/// that came without a sampling context nothing is said (§8.4).
#[test]
fn every_envelope_names_its_trace() {
    let rates = [None, Some(0.0), Some(1.0)];
    let flags = [None, Some(""), Some("-1"), Some("-0")];
    for (rate, flag, baggage, by_hand) in rates.into_iter().flat_map(|rate| {
        flags.into_iter().flat_map(move |flag| {
            ["", BAGGAGE].into_iter().flat_map(move |baggage| {
                [true, false].into_iter().map(move |by_hand| (rate, flag, baggage, by_hand))
            })
        })
    }) {
        let case = format!("{rate:?} {flag:?} {baggage:?} by hand: {by_hand}");
        let mut options = untraced();
        if let Some(rate) = rate {
            options = options.traces_sample_rate(rate).unwrap();
        }
        let said = Mutex::new(Vec::new());
        let work = || {
            watchpost::capture_message("inside");
            said.lock().unwrap().push(told());
        };
        let captured = capture_with(options, || {
            watchpost::with_isolation_scope(|_| {
                if let Some(flag) = flag {
                    drop(continue_trace(incoming(flag, baggage)));
                }
                watchpost::capture_message("before");
                said.lock().unwrap().push(told());
                if by_hand {
                    let _root = start_transaction("work").enter();
                    work();
                } else {
                    subscribed(|| info_span!("work").in_scope(work));
                }
            });
        });
        let sampled = match (rate, flag) {
            (None, _) => false,
            (Some(_), Some(flag @ ("-1" | "-0"))) => flag == "-1",
            (Some(rate), _) => rate == 1.0,
        };
        assert_eq!(captured.transactions().len(), usize::from(sampled), "{case}");
        assert_eq!(
            captured.envelopes().iter().filter(|envelope| envelope.headers.event_id.is_some()).count(),
            2 + usize::from(sampled),
            "{case}"
        );
        let contexts = captured.events().into_iter().map(|event| event.contexts);
        let contexts =
            contexts.chain(captured.transactions().into_iter().map(|transaction| transaction.contexts));
        let ids: Vec<String> =
            contexts.map(|contexts| contexts.trace.unwrap().trace_id.to_string()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{case}: {ids:?}");
        assert_eq!(flag.is_some(), ids[0] == TRACE, "{case}");
        let said = said.into_inner().unwrap();
        let sent = trace_of(&captured);
        for trace in sent.iter().take(2 + usize::from(sampled)) {
            if flag.is_some() && baggage.is_empty() {
                assert_eq!(trace, &None, "{case}: nothing is said of a trace that came without a context");
                assert!(said.iter().all(DynamicSamplingContext::is_empty), "{case}");
            } else {
                let trace = trace.as_ref().unwrap_or_else(|| panic!("{case}: no header"));
                assert_eq!(trace.trace_id(), Some(&*ids[0]), "{case}");
                assert_eq!(trace.public_key(), Some(if flag.is_some() { "front" } else { "k" }), "{case}");
                assert!(said.iter().all(|said| said == trace), "{case}: {said:?} {trace:?}");
            }
        }
    }
}

#[test]
fn a_context_is_frozen_when_it_first_leaves_before_a_root_starts() {
    let captured = capture_with(quiet(), || {
        watchpost::with_isolation_scope(|_| {
            let before = told();
            assert_eq!(
                (before.sampled(), before.sample_rate(), before.get("transaction")),
                (None, None, None)
            );
            assert!(before.sample_rand().is_some(), "the dice are thrown with the trace");
            let _root = start_transaction("late").enter();
            assert_eq!(told(), before);
        });
    });
    assert_eq!(trace_of(&captured)[0].as_ref().unwrap().get("transaction"), None);
}

#[test]
fn a_rename_after_the_context_left_does_not_alter_it() {
    let mut before = DynamicSamplingContext::default();
    let captured = capture_with(quiet(), || {
        let _root = start_transaction("first name").enter();
        before = told();
        watchpost::set_transaction_name("second name", TransactionSource::Route);
        assert_eq!(told(), before);
    });
    assert_eq!(before.get("transaction"), Some("first name"));
    assert_eq!(captured.transactions()[0].transaction, "second name");
    assert_eq!(trace_of(&captured), [Some(before)]);
}

#[test]
fn a_rename_before_the_context_leaves_is_in_it() {
    let captured = capture_with(quiet(), || {
        let _root = start_transaction("first name").enter();
        watchpost::set_transaction_name("/users/7", TransactionSource::Url);
        watchpost::set_transaction_name("/users/{id}", TransactionSource::Route);
    });
    assert_eq!(trace_of(&captured)[0].as_ref().unwrap().get("transaction"), Some("/users/{id}"));
}

#[test]
fn a_url_is_no_name_to_tell() {
    let captured = capture_with(quiet(), || {
        start_transaction("/users/7").source(TransactionSource::Url).start().finish();
    });
    let context = trace_of(&captured).remove(0).unwrap();
    assert_eq!(context.get("transaction"), None);
    assert_eq!((context.sampled(), context.sample_rate()), (Some(true), Some(1.0)));
}

#[test]
fn a_context_that_came_in_is_changed_by_a_samplers_decision_alone() {
    let received = DynamicSamplingContext::from_baggage(BAGGAGE);
    let continued = |options: Options| {
        let mut now = DynamicSamplingContext::default();
        capture_with(options, || {
            let _root = continue_trace(incoming("-1", BAGGAGE)).name("work").enter();
            now = told();
        });
        now
    };
    assert_eq!(continued(untraced()), received);
    assert_eq!(
        continued(quiet().traces_sample_rate(0.1).unwrap()),
        received,
        "the caller's decision is followed"
    );
    assert_eq!(continued(quiet().traces_sampler(|_| Decision::Inherit)), received);
    assert_eq!(continued(quiet().traces_sampler(|_| panic!("no answer"))), received);
    let mut decided = received.clone();
    decided.set("sample_rate", "0.2");
    decided.set("sampled", "false"); // the dice fell on 0.25
    assert_eq!(continued(quiet().traces_sampler(|_| Decision::Rate(0.2))), decided);
}

#[test]
fn baggage_without_a_trace_continues_nothing() {
    capture_with(quiet(), || {
        let root = continue_trace([("baggage", BAGGAGE)]).name("work").enter();
        assert_ne!(root.trace_id().unwrap().to_string(), TRACE);
        assert_eq!(told().public_key(), Some("testkit"));
    });
}

#[test]
fn headers_are_understood_in_their_several_forms() {
    let cgi = [("HTTP_SENTRY_TRACE", format!("{TRACE}-{PARENT}-1")), ("HTTP_BAGGAGE", BAGGAGE.to_owned())];
    let capitals = [("Sentry-Trace", format!("{TRACE}-{PARENT}-1")), ("BAGGAGE", BAGGAGE.to_owned())];
    let [first, second] = BAGGAGE
        .split_once(",sentry-sampled")
        .map(|(a, b)| [a.to_owned(), format!("sentry-sampled{b}")])
        .unwrap();
    let twice = [("sentry-trace", format!("{TRACE}-{PARENT}-1")), ("baggage", first), ("baggage", second)];
    for headers in [&cgi[..], &capitals[..], &twice[..]] {
        capture_with(quiet(), || {
            let headers = headers.iter().map(|(name, value)| (*name, value));
            let root = continue_trace(headers).name("work").op("task").origin("auto.test").enter();
            assert_eq!(root.trace_id().unwrap().to_string(), TRACE);
            assert_eq!(told(), DynamicSamplingContext::from_baggage(BAGGAGE));
        });
    }
}

#[test]
fn a_trace_of_another_organization_is_not_continued() {
    let of = |org: &str| incoming("-1", &format!("{BAGGAGE},sentry-org_id={org}"));
    let continues = |options: Options, headers: Vec<(&'static str, String)>| {
        let captured = capture_with(options, || continue_trace(headers).name("work").start().finish());
        let context = captured.transactions().remove(0).contexts.trace.unwrap();
        let header = captured.envelopes()[0].headers.trace.clone().unwrap();
        let continued = context.trace_id.to_string() == TRACE;
        // All or nothing: the id, the parent, the decision and the baggage.
        assert_eq!(context.parent_span_id.is_some(), continued);
        assert_eq!(header.public_key() == Some("front"), continued);
        continued
    };
    let ours = || untraced().traces_sample_rate(1.0).unwrap(); // of the organization 7
    assert!(continues(ours(), of("7")) && continues(ours(), incoming("-1", BAGGAGE)));
    assert!(!continues(ours(), of("8")));
    assert!(continues(ours().org_id("8"), of("8")) && !continues(ours().org_id("8"), of("7")));
    let strict = || ours().strict_trace_continuation(true);
    assert!(continues(strict(), of("7")));
    assert!(!continues(strict(), incoming("-1", BAGGAGE)), "it does not say whose it is");
}

#[test]
fn a_decision_that_is_not_ours_is_passed_on() {
    let flag = |options: Options, flag: &str| {
        let mut header = String::new();
        capture_with(options, || {
            watchpost::with_isolation_scope(|_| {
                drop(continue_trace(incoming(flag, BAGGAGE)));
                header = traceparent().unwrap();
            });
        });
        header.split('-').nth(2).map(str::to_owned)
    };
    for (given, passed) in [("-1", Some("1")), ("-0", Some("0")), ("", None)] {
        assert_eq!(flag(untraced(), given).as_deref(), passed);
    }
}

#[test]
fn traceparent_is_sent_where_it_is_asked_for() {
    capture_with(quiet(), || assert_eq!(header("traceparent"), None));
    for (rate, flag) in [(0.0, "00"), (1.0, "01")] {
        capture_with(quiet().traces_sample_rate(rate).unwrap().propagate_traceparent(true), || {
            let root = start_transaction("work").enter();
            let (trace, span) = (root.trace_id().unwrap(), root.span_id().unwrap());
            assert_eq!(header("traceparent"), Some(format!("00-{trace}-{span}-{flag}")));
        });
    }
    capture_with(untraced().propagate_traceparent(true), || {
        assert!(header("traceparent").unwrap().ends_with("-00"), "a decision that is deferred");
    });
}

#[test]
fn only_the_targets_are_told_and_never_the_server_we_report_to() {
    let dsn = "https://o1.ingest.invalid/api/1/envelope/";
    let told_of = |options: Options, url: &str| {
        let mut headers = Vec::new();
        capture_with(options, || headers = trace_headers_for(url));
        headers.iter().any(|(name, _)| *name == "sentry-trace")
    };
    assert!(told_of(quiet(), "https://api.example.com/") && !told_of(quiet(), dsn));
    let ours = || quiet().trace_propagation_targets(["https://api.example.com/", "http://localhost"]);
    assert!(
        told_of(ours(), "https://api.example.com/orders?id=1") && told_of(ours(), "http://localhost:8080/")
    );
    assert!(
        !told_of(ours(), "https://example.com/") && !told_of(ours(), "https://api.example.com.evil.test/")
    );
    assert!(!told_of(quiet().trace_propagation_targets::<&str>([]), "https://api.example.com/"));
    let regex = || quiet().trace_propagation_targets([Pattern::regex("^https://[a-z]+[.]invalid").unwrap()]);
    assert!(told_of(regex(), "https://api.invalid/") && !told_of(regex(), "https://o1.invalid/"));
    assert!(!told_of(quiet().trace_propagation_targets(["ingest"]), dsn));
    assert!(trace_headers_for("https://api.example.com/").is_empty(), "without a client");
}

#[test]
fn units_of_work_have_a_trace_each_and_stay_in_it() {
    let captured = capture_with(quiet(), || {
        for _ in 0..2 {
            watchpost::with_isolation_scope(|_| {
                watchpost::capture_message("first");
                start_transaction("work").start().finish();
                watchpost::with_isolation_scope(|_| watchpost::capture_message("second"));
            });
        }
        start_transaction("at large").start().finish();
        start_transaction("at large").start().finish();
    });
    let ids: Vec<_> =
        trace_of(&captured).into_iter().map(|trace| trace.unwrap().trace_id().map(str::to_owned)).collect();
    let [a1, a2, a3, b1, b2, b3, c, d] = &ids[..] else { panic!("{ids:?}") };
    assert!(a1 == a2 && a2 == a3 && b1 == b2 && b2 == b3);
    assert!([b1, c, d].iter().all(|other| *other != a1) && c != d && b1 != c && b1 != d);
}

/// As a consumer does on a thread of its own: what goes on is the trace of the message, and not that of the process.
#[test]
fn a_trace_that_is_continued_outside_of_any_unit_is_not_the_processs() {
    for options in [quiet(), untraced()] {
        let (mut before, mut after) = (None, None);
        let continued = || continue_trace(incoming("-1", "")).name("resize");
        let captured = capture_with(options, || {
            before = traceparent();
            let job = continued().enter();
            watchpost::capture_message("entered");
            drop(job);
            let job = continued().start().enter();
            watchpost::capture_message("entered later");
            drop(job);
            let job = async { watchpost::capture_message("in a future") }.in_span(continued().start());
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(job);
            drop(continued());
            watchpost::capture_message("outside");
            after = traceparent();
        });
        let ids: Vec<_> = captured
            .events()
            .iter()
            .map(|event| event.contexts.trace.as_ref().unwrap().trace_id.to_string() == TRACE)
            .collect();
        assert_eq!(ids, [true, true, true, false]);
        assert!(before == after, "{before:?} {after:?}");
    }
}

/// As two threads of a program do that has no units of work.
#[test]
fn a_trace_that_is_continued_is_for_the_span_that_it_was_continued_for() {
    let captured = capture_with(quiet(), || {
        let first = continue_trace(incoming("-1", "")).name("first");
        let second =
            continue_trace([("sentry-trace", "11111111111111111111111111111111-2222222222222222-0")]);
        drop(first.start());
        drop(second.name("second").start());
        drop(start_transaction("cron").start());
    });
    let transactions = captured.transactions();
    let names: Vec<_> = transactions.iter().map(|transaction| transaction.transaction.as_str()).collect();
    assert_eq!(names, ["first", "cron"], "the second was not sampled where it comes from");
    let [first, cron] = [0, 1].map(|at| transactions[at].contexts.trace.as_ref().unwrap());
    assert!(incoming("-1", "")[0].1.starts_with(&first.trace_id.to_string()));
    assert_eq!(cron.parent_span_id, None, "a trace of its own");
}
