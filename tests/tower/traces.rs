//! The transaction of a request, and the trace that it is a part of.

use watchpost::TransactionSource;
use watchpost::protocol::SpanStatus;

use crate::shop::{ask, reported};

#[test]
fn a_request_is_a_transaction_named_by_its_route() {
    let captured = reported([ask("POST", "/checkout/42")]);
    assert_eq!(
        captured.draw(),
        "http.server POST /checkout/{id}\n  user: customer-42\n  function checkout\n"
    );
    let transaction = &captured.transactions()[0];
    assert_eq!(transaction.transaction_info.as_ref().unwrap().source, TransactionSource::Route);
    let trace = transaction.contexts.trace.as_ref().unwrap();
    assert_eq!((trace.status, trace.origin.as_deref()), (Some(SpanStatus::Ok), Some("auto.http.axum")));
    assert_eq!(trace.data["http.response.status_code"], 200);
    assert_eq!(trace.data["http.route"], "/checkout/{id}");
    assert_eq!(trace.data["url.path"], "/checkout/42");
}

#[test]
fn the_trace_of_the_caller_is_continued() {
    let mut request = ask("POST", "/checkout/13");
    let headers = request.headers_mut();
    headers.insert("sentry-trace", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1".parse().unwrap());
    headers.insert(
        "baggage",
        "other=1,sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-public_key=abc,sentry-sample_rate=0.5"
            .parse()
            .unwrap(),
    );
    let captured = reported([request]);
    let (event, transaction) = (&captured.events()[0], &captured.transactions()[0]);
    let root = transaction.contexts.trace.as_ref().unwrap();
    assert_eq!(root.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(root.parent_span_id.unwrap().to_string(), "b7ad6b7169203331");
    assert_eq!(event.contexts.trace.as_ref().unwrap().trace_id, root.trace_id);
    for envelope in captured.envelopes() {
        let trace = envelope.headers.trace.as_ref().unwrap();
        assert_eq!((trace.get("public_key"), trace.get("sample_rate")), (Some("abc"), Some("0.5")));
    }
}

/// A header that comes twice is a list, and of a list the first counts.
#[test]
fn the_first_of_two_traces_is_continued() {
    let mut request = ask("POST", "/checkout/42");
    for trace in ["0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", "nonsense"] {
        request.headers_mut().append("sentry-trace", trace.parse().unwrap());
    }
    let captured = reported([request]);
    let root = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert_eq!(root.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn a_caller_that_does_not_sample_is_followed() {
    let mut request = ask("POST", "/checkout/13");
    let trace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0".parse().unwrap();
    request.headers_mut().insert("sentry-trace", trace);
    let captured = reported([request]);
    assert!(captured.transactions().is_empty());
    assert_eq!(captured.events().len(), 1, "errors are no matter of traces");
}
