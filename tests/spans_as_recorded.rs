//! Two ways lead to a transaction's JSON: the short one, of spans as they were recorded, and the one on which somebody reads the spans on
//! their way. What is sent is the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tower::{Layer, Service, service_fn};
use tracing::{Span as TracingSpan, field, info_span};
use tracing_subscriber::prelude::*;
use watchpost::protocol::{SpanStatus, Timestamp, Transaction};
use watchpost::{Clock, EventScrubber, Integration, Options, Rng, start_span};
use watchpost_testkit::{capture_with, options};

/// Makes the same ids each time.
struct Seeded(Mutex<fastrand::Rng>);

impl Rng for Seeded {
    fn next_u64(&self) -> u64 {
        self.0.lock().unwrap().u64(..)
    }
}

/// Goes on by a part of a second whenever it is asked.
struct Ticking(Instant, AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_790_000_000_000_000)
    }

    fn monotonic(&self) -> Instant {
        self.0 + Duration::from_nanos(self.1.fetch_add(1_234_567, Ordering::Relaxed))
    }
}

/// Reads the spans, and leaves them as they are.
struct Reader;

impl Integration for Reader {
    fn identifier(&self) -> &'static str {
        "reader"
    }
}

/// Says that it does not read the spans.
struct Blind;

impl Integration for Blind {
    fn identifier(&self) -> &'static str {
        "reader"
    }

    fn reads_spans(&self) -> bool {
        false
    }

    fn process_transaction(&self, transaction: Transaction) -> Option<Transaction> {
        assert!(transaction.spans.is_empty());
        Some(transaction)
    }
}

const TEXTS: [&str; 12] = [
    "",
    "GET",
    "postgresql",
    "kafka",
    "server",
    "error",
    "404",
    "https://ann:pw@api.test/v1?token=1&page=2#top",
    "/carts?session=5",
    "a \"quoted\" \\ é\n",
    "SELECT 1",
    "shop.example:8080",
];

/// A span of some kind, with attributes of some sense.
fn span(rng: &mut fastrand::Rng) -> TracingSpan {
    let mut text = || TEXTS[rng.usize(..TEXTS.len())];
    let span = match text().len() % 7 {
        0 => info_span!(
            "query",
            db.system = text(),
            db.statement = text(),
            row = 1,
            rate = 0.5,
            nan = f64::NAN
        ),
        1 => info_span!(
            "request",
            otel.kind = text(),
            http.method = text(),
            http.target = text(),
            http.status_code = text(),
            password = text()
        ),
        2 => info_span!(
            "call",
            otel.name = text(),
            url.full = text(),
            http.request.method = text(),
            server.port = 80,
            token = text()
        ),
        3 => info_span!(
            "job",
            messaging.system = text(),
            messaging.operation = text(),
            otel.status_code = text(),
            { "http.request.header.x-api-key" } = text()
        ),
        4 => {
            info_span!("rpc", rpc.system = text(), rpc.service = text(), rpc.method = text(), net.peer.ip = text(), error.type = text())
        }
        5 => info_span!(
            "plain",
            sentry.op = text(),
            sentry.name = text(),
            ip_address = text(),
            late = field::Empty
        ),
        _ => info_span!(
            "local",
            thread.name = text(),
            code.namespace = text(),
            url.query = text(),
            cookies = text(),
            flag = true
        ),
    };
    span.record("late", text());
    span
}

fn program(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let root = span(&mut rng).entered();
    let mut open = Vec::new();
    for _ in 0..rng.usize(..30) {
        match rng.u8(..6) {
            0 => drop(open.pop()),
            1 => {
                let mut text = || TEXTS[rng.usize(..TEXTS.len())];
                let by_hand = start_span("by hand").op(text()).attribute(text(), text()).enter();
                by_hand.set_status(SpanStatus::NotFound);
            }
            _ => open.push(span(&mut rng).entered()),
        }
    }
    while let Some(last) = open.pop() {
        drop(last);
    }
    drop(root);
}

/// The same, and what is set in the scopes, in a request to a server.
fn served(seed: u64) {
    let mut service = watchpost::tower::request_layer().layer(service_fn(|_| async move {
        let mut rng = fastrand::Rng::with_seed(seed);
        let names = ["trace", "profile", "response", "http.route", "password"];
        let keys = ["url.path", "thread.id", "code.line.number", "http.query", "client.address"];
        watchpost::set_context(names[rng.usize(..5)], json!({ "data": { "token": "t" } }));
        watchpost::set_tag(names[rng.usize(..5)], TEXTS[rng.usize(..TEXTS.len())]);
        watchpost::set_attribute(keys[rng.usize(..5)], TEXTS[rng.usize(..TEXTS.len())]);
        if let Some(root) = watchpost::current_span() {
            root.set_attribute(keys[rng.usize(..5)], TEXTS[rng.usize(..TEXTS.len())]);
        }
        program(seed);
        Ok::<_, Infallible>(Response::new(Full::<&[u8]>::default()))
    }));
    let request = Request::post("https://shop.example/carts?session=5&page=2").header("user-agent", "curl/8");
    let answer = pin!(service.call(request.body(String::new()).unwrap()));
    assert!(answer.poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

/// What is sent, and how long it is: of a key that came twice, one would be read.
fn sent(program: fn(u64), seed: u64, options: Options) -> (Value, usize) {
    // Half of the programs have something to hide in what all spans of a callsite say.
    let denied = if seed.is_multiple_of(2) { "code.line.number" } else { "nothing" };
    let options = options
        .default_integrations(false)
        .event_scrubber(EventScrubber::default().deny(["flag", denied]))
        .clock(Ticking(Instant::now(), AtomicU64::new(0)))
        .rng(Seeded(Mutex::new(fastrand::Rng::with_seed(seed))));
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture_with(options, || tracing::subscriber::with_default(subscriber, || program(seed)));
    let item = captured.envelopes().iter().flat_map(|envelope| &envelope.items).next().unwrap();
    (item.decode().unwrap(), item.payload.len())
}

#[test]
fn what_is_sent_does_not_depend_on_whether_somebody_reads_it() {
    let mut hidden = 0;
    for (seed, program) in (0..200).flat_map(|seed| [(seed, program as fn(u64)), (seed, served)]) {
        let short = sent(program, seed, options().integration(Blind));
        assert_eq!(short, sent(program, seed, options().integration(Reader)), "{seed}");
        hidden += usize::from(!short.0["_meta"]["spans"].is_null());
    }
    assert!(hidden > 200, "{hidden} transactions had something to hide in their spans");
}

#[test]
fn a_context_of_a_scope_takes_the_place_of_no_root() {
    for options in [options().integration(Blind), options().integration(Reader)] {
        let captured = capture_with(options, || {
            watchpost::set_context("trace", json!({ "trace_id": "of somebody else" }));
            watchpost::set_context("loan", json!({ "id": 7 }));
            drop(watchpost::start_transaction("checkout").op("http.server").enter());
        });
        let envelopes = captured.envelopes();
        let payload = std::str::from_utf8(&envelopes[0].items[0].payload).unwrap();
        assert_eq!(payload.matches(r#""trace":"#).count(), 1, "{payload}");
        let sent: Transaction = envelopes[0].items[0].decode().unwrap();
        assert_eq!(sent.contexts.trace.unwrap().op.as_deref(), Some("http.server"));
        assert_eq!(sent.contexts.other["loan"], json!({ "id": 7 }));
    }
}

#[test]
fn spans_about_models_are_completed_whoever_reads_them() {
    let program = || {
        let agent =
            info_span!("agent", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Weather");
        let _agent = agent.entered();
        let chat = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.usage.input_tokens = 3,
            gen_ai.usage.output_tokens = 4
        );
        drop(chat.entered());
    };
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture_with(options(), || tracing::subscriber::with_default(subscriber, program));
    let data = &captured.transactions()[0].spans[0].data;
    assert_eq!(
        (&data["gen_ai.agent.name"], &data["gen_ai.usage.total_tokens"]),
        (&json!("Weather"), &json!(7))
    );
}

#[test]
fn a_transaction_that_is_too_big_loses_what_is_missed_least() {
    #[expect(deprecated, reason = "extra data goes before contexts")]
    let program = || {
        watchpost::isolation_scope().set_extra("cart", "x".repeat(5_000));
        watchpost::set_context("stock", json!({ "shelf": "x".repeat(5_000) }));
        watchpost::set_tag("plan", "pro");
        drop(info_span!("request", note = "y".repeat(5_000)).entered());
    };
    for (limit, extra, contexts) in [(50_000, true, true), (12_000, false, true), (7_000, false, false)] {
        let [short, read] = [false, true].map(|is_read| {
            let options = options().max_event_size(limit).default_integrations(false);
            let options = if is_read { options.integration(Reader) } else { options.integration(Blind) };
            let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
            let captured = capture_with(options, || tracing::subscriber::with_default(subscriber, program));
            captured.transactions().remove(0)
        });
        for transaction in [&short, &read] {
            let left = (!transaction.extra.is_empty(), transaction.contexts.other.contains_key("stock"));
            assert_eq!(left, (extra, contexts), "{limit}");
            assert_eq!(transaction.tags["plan"], "pro");
            let root = transaction.contexts.trace.as_ref().unwrap();
            assert_eq!(root.data["note"].as_str().unwrap().len(), 5_000, "what spans say stays");
        }
        assert_eq!(short.meta, read.meta, "{limit}");
    }
}
