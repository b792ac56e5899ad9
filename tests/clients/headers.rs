//! What a request carries, and where to (`protocol.md` §8.3, §8.10).

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use tower::ServiceExt;
use watchpost::protocol::{DynamicSamplingContext, SentryTrace};
use watchpost::{Options, baggage, start_transaction, traceparent};
use watchpost_testkit::{capture, capture_with, options};

use crate::{client, get, run};

/// The headers with which `request` leaves.
fn sent(request: Request<Body>) -> HeaderMap {
    let headers = Arc::new(Mutex::new(HeaderMap::new()));
    let seen = Arc::clone(&headers);
    let client = client(move |request| {
        *seen.lock().unwrap() = request.headers().clone();
        async { Response::default() }
    });
    run(client.oneshot(request)).unwrap();
    std::mem::take(&mut *headers.lock().unwrap())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().unwrap());
    assert!(values.next().is_none(), "{name} is there twice");
    value.unwrap_or_default()
}

const URL: &str = "https://api.example.com/carts/7?page=2";

#[test]
fn a_request_names_its_own_span_as_the_parent() {
    let mut headers = HeaderMap::new();
    let captured = capture(|| {
        let _work = start_transaction("work").enter();
        headers = sent(get(URL));
    });
    let work = captured.transactions().remove(0);
    let span = &work.spans[0];
    let trace: SentryTrace = text(&headers, "sentry-trace").parse().unwrap();
    assert_eq!((trace.trace_id, trace.span_id, trace.sampled), (span.trace_id, span.span_id, Some(true)));
    assert_eq!(span.parent_span_id, Some(work.contexts.trace.unwrap().span_id));
    let told = DynamicSamplingContext::from_baggage(text(&headers, "baggage"));
    assert_eq!(captured.envelopes()[0].headers.trace.as_deref(), Some(&told));
    assert!(!headers.contains_key("traceparent"));
}

/// Tracing need not be on, and no span be open (§8.7).
#[test]
fn without_a_span_the_trace_of_the_scope_goes_on() {
    let untraced = || Options::new().use_environment(false).dsn("https://k@o7.ingest.invalid/1").unwrap();
    for options in [untraced(), options(), options().traces_sample_rate(0.0).unwrap()] {
        capture_with(options, || {
            watchpost::with_isolation_scope(|_| {
                let headers = sent(get(URL));
                assert_eq!(text(&headers, "sentry-trace"), traceparent().unwrap());
                assert_eq!(text(&headers, "baggage"), baggage().unwrap());
            });
        });
    }
}

#[test]
fn a_trace_that_is_not_sampled_says_so() {
    capture_with(options().traces_sample_rate(0.0).unwrap(), || {
        let work = start_transaction("work").enter();
        let trace: SentryTrace = text(&sent(get(URL)), "sentry-trace").parse().unwrap();
        assert_eq!((Some(trace.trace_id), Some(trace.span_id)), (work.trace_id(), work.span_id()));
        assert_eq!(trace.sampled, Some(false));
    });
}

#[test]
fn only_the_targets_are_told() {
    let told = |options: Options, url: &str| {
        let mut told = false;
        capture_with(options, || told = sent(get(url)).contains_key("sentry-trace"));
        told
    };
    let ours = || options().trace_propagation_targets(["https://api.example.com/", "page=3"]);
    for (url, is) in [
        (URL, true),
        ("https://other.example.com/?page=3", true),
        ("https://other.example.com/carts", false),
        ("https://api.example.com@evil.test/", false),
    ] {
        assert_eq!(told(ours(), url), is, "{url}");
    }
    assert!(!told(options().trace_propagation_targets::<&str>([]), URL));
}

/// One that the target list leaves out is a span all the same (§8.10).
#[test]
fn a_request_that_is_told_nothing_is_left_as_it_is() {
    let captured = capture_with(options().trace_propagation_targets(["elsewhere"]), || {
        let _work = start_transaction("work").enter();
        let mut request = get(URL);
        request.headers_mut().insert("baggage", HeaderValue::from_static("team=x,sentry-release=old"));
        let before = request.headers().clone();
        assert_eq!(sent(request), before);
    });
    assert_eq!(captured.draw(), "default work\n  http.client GET https://api.example.com/carts/7\n");
}

#[test]
fn where_we_report_to_is_neither_told_nor_seen() {
    let captured = capture_with(options().dsn("https://k@o1.ingest.invalid/1").unwrap(), || {
        let _work = start_transaction("work").enter();
        assert!(sent(get("https://o1.ingest.invalid/api/1/envelope/")).is_empty());
        watchpost::capture_message("look");
    });
    assert_eq!(captured.draw(), "info: look\n  in work\ndefault work\n");
}

#[test]
fn what_the_program_says_by_itself_stays() {
    capture_with(options().propagate_traceparent(true), || {
        let _work = start_transaction("work").enter();
        let mut request = get(URL);
        let by_hand = HeaderValue::from_static("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0");
        request.headers_mut().insert("sentry-trace", by_hand);
        let before = request.headers().clone();
        assert_eq!(sent(request), before, "no baggage of another trace either");
    });
}

#[test]
fn the_baggage_of_others_stays_and_old_members_of_ours_go() {
    capture(|| {
        let _work = start_transaction("work").enter();
        let mut request = get(URL);
        for list in ["team=x;p=1,sentry-release=old", "sentry-sampled=false, user=7"] {
            request.headers_mut().append("baggage", HeaderValue::from_static(list));
        }
        let headers = sent(request);
        let ours = baggage().unwrap();
        assert_eq!(text(&headers, "baggage"), format!("team=x;p=1, user=7,{ours}"));
    });
}

#[test]
fn a_baggage_that_is_no_text_is_not_touched() {
    capture(|| {
        let mut request = get(URL);
        let opaque = HeaderValue::from_bytes(b"a=\xff").unwrap();
        request.headers_mut().insert("baggage", opaque.clone());
        let headers = sent(request);
        assert_eq!(headers["baggage"], opaque);
        assert!(headers.contains_key("sentry-trace"));
    });
}

#[test]
fn traceparent_is_told_where_it_is_asked_for_and_nobody_else_has_said_it() {
    capture_with(options().propagate_traceparent(true), || {
        let _work = start_transaction("work").enter();
        let headers = sent(get(URL));
        let trace: SentryTrace = text(&headers, "sentry-trace").parse().unwrap();
        assert_eq!(text(&headers, "traceparent"), format!("00-{}-{}-01", trace.trace_id, trace.span_id));
        let mut request = get(URL);
        request.headers_mut().insert("traceparent", HeaderValue::from_static("of another"));
        assert_eq!(text(&sent(request), "traceparent"), "of another");
    });
}

#[test]
fn without_a_client_nothing_is_put_on_it() {
    assert!(sent(get(URL)).is_empty());
}
