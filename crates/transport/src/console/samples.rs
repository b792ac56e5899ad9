//! An issue and a trace of a shop, for the pictures in the tests.

use watchpost_protocol::{
    Breadcrumb, Event, EventId, Exception, Frame, Level, Map, Mechanism, Request, ResponseContext, SpanId,
    SpanRecord, SpanStatus, Stacktrace, Timestamp, TraceContext, TraceId, Transaction, User, Values,
};

pub(super) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_250_000 + micros)
}

fn frame(function: &str, file: &str, line: u32, in_app: bool) -> Frame {
    Frame {
        function: Some(function.to_owned()),
        filename: Some(file.to_owned()),
        lineno: Some(line),
        in_app: Some(in_app),
        ..Frame::default()
    }
}

fn exception(ty: &str, value: &str) -> Exception {
    Exception { ty: Some(ty.to_owned()), value: Some(value.to_owned()), ..Exception::default() }
}

fn trace() -> TraceContext {
    TraceContext {
        trace_id: TraceId::from_bytes([0x0a; 16]),
        span_id: SpanId::from_bytes([0xb7; 8]),
        op: Some("http.server".to_owned()),
        status: Some(SpanStatus::InternalError),
        data: Map::from_iter([("http.route".to_owned(), "/checkout/{id}".into())]),
        ..TraceContext::default()
    }
}

pub(super) fn event() -> Event {
    let mut frames = vec![frame("std::rt::lang_start", "std/src/rt.rs", 206, false)];
    frames.extend((0..22).map(|line| frame("tokio::poll", "tokio/src/task.rs", line, false)));
    frames.push(frame("shop::checkout::handler", "src/checkout.rs", 41, true));
    let innermost = frame("shop::checkout::charge_card", "src/checkout.rs", 88, true);
    frames.push(Frame { context_line: Some("    gateway.charge(card).await?;".to_owned()), ..innermost });
    let captured = Exception {
        mechanism: Some(Mechanism { handled: Some(false), ..Mechanism::default() }),
        stacktrace: Some(Stacktrace { frames, ..Stacktrace::default() }),
        ..exception("CheckoutError", "the card was declined")
    };
    let mut event = Event {
        event_id: EventId::from_bytes([0x7d; 16]),
        timestamp: Some(at(0)),
        level: Some(Level::Error),
        transaction: Some("POST /checkout/{id}".to_owned()),
        exception: Values(vec![
            exception("io::Error", "connection reset by peer"),
            exception("GatewayError", "no answer from the gateway"),
            captured,
        ]),
        request: Some(Request {
            method: Some("POST".to_owned()),
            url: Some("https://shop.test/checkout/42".to_owned()),
            query_string: Some("currency=eur".into()),
            ..Request::default()
        }),
        user: Some(User::id("42").email("ada@shop.test")),
        tags: [("plan", "pro"), ("shard", "7")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        ..Event::default()
    };
    event.contexts.trace = Some(trace());
    event.contexts.response = Some(ResponseContext { status_code: Some(500), ..ResponseContext::default() });
    let crumb = |crumb: Breadcrumb, micros| Breadcrumb { timestamp: Some(at(micros)), ..crumb };
    event.breadcrumbs = Values(vec![
        crumb(Breadcrumb::new("cart loaded").category("shop::cart").data("items", 3), -1_204_000),
        crumb(Breadcrumb::http().data("url", "https://stock.test/7").data("status_code", 200), -310_500),
        crumb(
            Breadcrumb::new("stock is low")
                .category("warehouse")
                .level(Level::Warning)
                .data("sku", "tea pot"),
            -900,
        ),
    ]);
    event
}

fn span(id: u8, parent: u8, op: &str, description: &str, micros: std::ops::Range<i64>) -> SpanRecord {
    SpanRecord {
        trace_id: TraceId::from_bytes([0x0a; 16]),
        span_id: SpanId::from_bytes([id; 8]),
        parent_span_id: Some(SpanId::from_bytes([parent; 8])),
        op: Some(op.to_owned()),
        description: Some(description.to_owned()),
        start_timestamp: at(micros.start),
        timestamp: at(micros.end),
        status: Some(SpanStatus::Ok),
        ..SpanRecord::default()
    }
}

pub(super) fn transaction() -> Transaction {
    let mut transaction = Transaction {
        event_id: EventId::from_bytes([0x1f; 16]),
        transaction: "POST /checkout/{id}".to_owned(),
        start_timestamp: Some(at(0)),
        timestamp: Some(at(380_000)),
        tags: [("plan".to_owned(), "pro".to_owned())].into(),
        user: Some(User::id("42")),
        ..Transaction::default()
    };
    transaction.contexts.trace = Some(trace());
    transaction.spans = vec![
        span(1, 0xb7, "auth", "session of the user", 4_000..18_500),
        span(2, 0xb7, "shop::cart", "load", 20_000..150_000),
        span(3, 2, "db.query", "SELECT * FROM carts WHERE id = $1", 24_000..96_000),
        span(4, 2, "cache.get", "prices", 97_000..97_085),
        SpanRecord {
            status: Some(SpanStatus::Unavailable),
            ..span(5, 0xb7, "http.client", "POST https://gateway.test/charge", 155_000..372_000)
        },
        span(6, 0x99, "task", "an orphan that outlives the request", 360_000..910_000),
    ];
    transaction
}
