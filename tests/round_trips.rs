//! What is read and written is read as the same, and nothing that is read panics: the properties of the fuzz targets, for inputs that are made
//! up here, the same in every run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a property that does not hold has failed")]

#[path = "../fuzz/properties.rs"]
#[allow(unreachable_pub, dead_code, missing_docs, reason = "the fuzz targets call each by its name")]
mod properties;

use fastrand::Rng;

/// What inputs begin as, before they are bent.
const SEEDS: &[&str] = &[
    "https://public:secret@o77.ingest.sentry.io:443/a/b/42",
    "http://k@[::1]:9000/5",
    "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    "7d9b2a6e-4c1f-4f0e-8a35-b6c7d8e9f001",
    "sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-sample_rate=0.5;p=1, other=%20x,sentry-release=a%2Cb",
    "60:transaction;error:key, 2700:default;log_item:organization:quota:namespace, :::",
    "2026-09-21T14:13:20.400000Z",
    "2026-09-21T16:13:20+02:00",
    "*/5 0-23,1 * JAN-MAR mon#2",
    "nightly-backup_1",
    "fe80::1%eth0",
    "{{auto}}",
    "{\"event_id\":\"7d9b2a6e4c1f4f0e8a35b6c7d8e9f001\",\"dsn\":\"x\"}\n{\"type\":\"event\",\"length\":11}\n{\"a\":\"b\\n\"}\n{\"type\":\"log\",\"item_count\":2}\n{}\n",
    "{\"message\":\"a\",\"level\":\"error\",\"timestamp\":1.5,\"tags\":{\"a\":\"b\"},\"user\":{\"ip_address\":\"{{auto}}\"},\"exception\":{\"values\":[{\"type\":\"E\",\"stacktrace\":{\"frames\":[{\"lineno\":1}]}}]},\"x\":[1e400,null]}",
    "{\"type\":\"transaction\",\"start_timestamp\":\"2026-09-21T14:13:20Z\",\"spans\":[{\"span_id\":\"b7ad6b7169203331\",\"data\":{\"k\":-0.0}}]}",
    "SENTRY_RELEASE=shop@1.4.0\nSENTRY_TRACES_SAMPLE_RATE=0.2\nSENTRY_DSN=https://k@o1.ingest.sentry.io/2\nSENTRY_TRACE=x",
    "{\"release\":\"${NAME:-shop}@1\",\"traces_sample_rate\":0.2,\"in_app_include\":[\"shop\",\"${NAME}\"],\"shutdown_timeout\":2.5}",
    "   3: shop::cart::total\n             at ./src/cart.rs:41:9\n   4:     0x55d0c0de - shop::main::h0123456789abcdef\n",
    "token=1&page=2;api%5Fkey=x#https://ann:pw@api.test/v1?token=1",
    "POST /carts/17?page=2\nHost: shop.example\nX-Forwarded-For: 192.0.2.7, [::1]:9\nsentry-trace: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    "{\"discarded_events\":[{\"reason\":\"queue_overflow\",\"category\":\"error\",\"quantity\":2}]}",
];

/// What is put in: pieces that mean something to one grammar or another.
const PIECES: &[&str] = &[
    "",
    "@",
    ":",
    "/",
    "://",
    "-",
    ",",
    ";",
    "=",
    "%",
    "%2",
    "%zz",
    "0",
    "00",
    "9999999999999999999999",
    "-1",
    "\n",
    "\r\n",
    " ",
    "\0",
    "é",
    "\u{202e}",
    "{",
    "}",
    "\"",
    "[",
    "]",
    "null",
    "1e999",
    "\"length\":3,",
    "sentry-",
    "*",
    "#",
    "T",
    "Z",
    "+23:59",
    "\\ud800",
];

fn bent(rng: &mut Rng) -> Vec<u8> {
    let mut input = SEEDS[rng.usize(..SEEDS.len())].as_bytes().to_vec();
    for _ in 0..rng.usize(..5) {
        let at = rng.usize(..=input.len());
        match rng.u8(..5) {
            0 => input.truncate(at),
            1 => drop(input.splice(at..at, PIECES[rng.usize(..PIECES.len())].bytes())),
            2 => {
                let end = (at + rng.usize(..8)).min(input.len());
                input.drain(at..end);
            }
            3 if at < input.len() => input[at] = rng.u8(..),
            _ => {
                let end = (at + rng.usize(..20)).min(input.len());
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
        }
    }
    input
}

#[test]
fn whatever_is_read_is_written_so_that_it_is_read_as_the_same() {
    let mut rng = Rng::with_seed(20_261_121);
    for seed in SEEDS {
        properties::ALL.iter().chain(properties::SLOW).for_each(|(_, holds)| holds(seed.as_bytes()));
    }
    for number in 0..20_000 {
        let input = bent(&mut rng);
        let slow = if number % 20 == 0 { properties::SLOW } else { &[] };
        for (name, holds) in properties::ALL.iter().chain(slow) {
            let held = std::panic::catch_unwind(|| holds(&input));
            assert!(held.is_ok(), "{name}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}
