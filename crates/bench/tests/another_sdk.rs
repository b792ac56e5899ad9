//! A trace that goes on in a process of another SDK, and one that comes from there: each reads what the other writes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(deprecated, reason = "it is how the other SDK says whether it keeps a trace")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sentry::{ClientOptions, Hub, Scope, TransactionContext};
use serde_json::json;
use watchpost::protocol::ItemType;
use watchpost::{Delivery, Envelope, Options, Transaction, Transport};

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Envelope>>>);

impl Transport for Recorder {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        self.0.lock().unwrap().push(envelope.clone());
        Delivery::Accepted { limits: Vec::new() }
    }
}

struct Discard;

impl sentry::Transport for Discard {
    fn send_envelope(&self, _: sentry::Envelope) {}
}

fn peer<T>(options: ClientOptions, work: impl FnOnce() -> T) -> T {
    let client = sentry::Client::from(options.transport(Arc::new(Discard)));
    let hub = Hub::new(Some(Arc::new(client)), Arc::new(Scope::default()));
    Hub::run(Arc::new(hub), work)
}

/// What the other SDK takes for the trace of a request.
fn read_by_peer(headers: &[(&'static str, String)]) -> serde_json::Value {
    let options = ClientOptions::new().dsn("https://key@localhost/1").traces_sample_rate(0.5);
    peer(options, || {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let context = TransactionContext::continue_from_headers("GET /", "http.server", headers);
        let transaction = sentry::start_transaction(context);
        let mut read = serde_json::to_value(transaction.get_trace_context()).unwrap();
        read["sampled"] = transaction.is_sampled().into();
        read
    })
}

/// What the other SDK puts on a request of its own.
fn written_by_peer(rate: f32) -> BTreeMap<&'static str, String> {
    let options = ClientOptions::new().dsn("https://key@localhost/1").traces_sample_rate(rate);
    peer(options, || {
        let transaction = sentry::start_transaction(TransactionContext::new("caller", "task"));
        transaction.iter_headers().collect()
    })
}

/// What the other SDK wrote, as this one goes on with it: its trace, its span, and the transaction if one is sent.
fn go_on(options: Options, written: &BTreeMap<&'static str, String>) -> (Option<String>, Vec<Transaction>) {
    let recorder = Recorder::default();
    let guard = watchpost::init(options.transport(recorder.clone())).unwrap();
    let service = watchpost::continue_trace(written).name("GET /").start();
    let trace = service.trace_id().map(|id| id.to_string());
    service.finish();
    drop(guard);
    let envelopes = recorder.0.lock().unwrap();
    let items = envelopes.iter().flat_map(|envelope| &envelope.items);
    let transactions = items.filter(|item| item.header.ty == ItemType::Transaction);
    (trace, transactions.map(|item| item.decode().unwrap()).collect())
}

#[test]
fn a_trace_goes_on_there_and_comes_from_there() {
    for sampled in [false, true] {
        let rate = f32::from(u8::from(sampled));
        let options = || {
            let options = Options::new().use_environment(false).dsn("https://key@localhost/1").unwrap();
            options.traces_sample_rate(rate.into()).unwrap()
        };
        let guard = watchpost::init(options().transport(Recorder::default())).unwrap();
        let caller = watchpost::start_transaction("caller").enter();
        let headers = watchpost::trace_headers();
        drop(caller);
        drop(guard);
        let (trace, span, decision) = parts(&headers.iter().cloned().collect());
        let read = read_by_peer(&headers);
        assert_eq!((&read["trace_id"], &read["parent_span_id"]), (&json!(trace), &json!(span)));
        assert_eq!((&read["sampled"], decision == "1"), (&json!(sampled), sampled));

        let written = written_by_peer(rate);
        let (trace, span, _) = parts(&written);
        let (gone_on, transactions) = go_on(options(), &written);
        assert_eq!(gone_on.as_deref(), Some(trace.as_str()));
        let parents: Vec<_> = transactions
            .iter()
            .map(|sent| sent.contexts.trace.as_ref().unwrap().parent_span_id.unwrap().to_string())
            .collect();
        assert_eq!(parents, if sampled { vec![span] } else { vec![] });
    }
}

/// Of a `sentry-trace`.
fn parts(headers: &BTreeMap<&'static str, String>) -> (String, String, String) {
    let mut parts = headers["sentry-trace"].split('-').map(str::to_owned);
    let mut next = || parts.next().unwrap();
    (next(), next(), next())
}
