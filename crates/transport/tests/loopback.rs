//! The HTTP transport against a real server on loopback, which answers well, badly, slowly or not at all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;
use watchpost_core::{Delivery, Transport};
use watchpost_protocol::{Category, Dsn, Envelope, Event, Item, Level, RateLimitCategories};
use watchpost_transport::{CompressionAlgo, HttpOptions, HttpTransport};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// What arrived, and on which connection.
struct Received {
    connection: usize,
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let found: Vec<&str> =
            self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
        assert!(found.len() <= 1, "{name} came {} times", found.len());
        found.first().copied().unwrap_or("(none)")
    }
}

struct Server {
    dsn: Dsn,
    received: mpsc::Receiver<Received>,
}

impl Server {
    /// Serves every request with what `answer` writes; `false` closes the connection.
    fn start(answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dsn = dsn(&listener);
        let (sender, received) = mpsc::channel();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (answer, sender) = (Arc::clone(&answer), sender.clone());
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    while let Some(request) = read_request(connection, &stream) {
                        // The test may have ended.
                        let _ = sender.send(request);
                        if !answer(&mut stream) {
                            break;
                        }
                    }
                });
            }
        });
        Server { dsn, received }
    }

    fn answering(text: &'static str) -> Server {
        Server::start(move |stream| stream.write_all(text.as_bytes()).is_ok())
    }

    fn next(&self) -> Received {
        self.received.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

fn dsn(listener: &TcpListener) -> Dsn {
    format!("http://public@{}/42", listener.local_addr().unwrap()).parse().unwrap()
}

fn read_request(connection: usize, stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let start = line()?;
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let mut received = Received { connection, start, headers, body: Vec::new() };
    let length: u64 = received.header("content-length").parse().unwrap_or(0);
    reader.take(length).read_to_end(&mut received.body).ok()?;
    Some(received)
}

/// The environment's proxy must not come between.
fn options() -> HttpOptions {
    HttpOptions::default().proxy("").timeout(Duration::from_secs(20))
}

fn envelope() -> Envelope {
    let event = Event { level: Some(Level::Warning), ..Event::default() };
    let mut envelope = Envelope::default();
    envelope.headers.event_id = Some(event.event_id);
    envelope.items.push(Item::event(&event).unwrap());
    envelope.items.push(Item::attachment("lines.txt", Some("text/plain".to_owned()), b"one\ntwo\n".to_vec()));
    envelope
}

fn deliver(server: &Server) -> Delivery {
    HttpTransport::new(&server.dsn, options()).unwrap().deliver(&envelope())
}

fn rejected(answer: &'static str) -> (u16, String) {
    match deliver(&Server::answering(answer)) {
        Delivery::Rejected { status, message, .. } => (status, message),
        other => panic!("{other:?}"),
    }
}

fn unreachable(delivery: Delivery) -> String {
    match delivery {
        Delivery::Unreachable { error } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_envelope_arrives_as_it_was_with_the_headers_of_the_protocol() {
    let server = Server::answering(OK);
    let transport = HttpTransport::new(&server.dsn, options().user_agent("shop.rust/1.2.3")).unwrap();
    assert_eq!(transport.deliver(&envelope()), Delivery::Accepted { limits: vec![] });

    let received = server.next();
    assert_eq!(received.start, "POST /api/42/envelope/ HTTP/1.1");
    assert_eq!(received.header("content-type"), "application/x-sentry-envelope");
    assert_eq!(received.header("content-encoding"), "gzip");
    assert_eq!(received.header("content-length"), received.body.len().to_string());
    assert_eq!(received.header("transfer-encoding"), "(none)");
    assert_eq!(received.header("user-agent"), "shop.rust/1.2.3");
    let auth = received.header("x-sentry-auth");
    assert!(auth.starts_with("Sentry "), "{auth}");
    for part in ["sentry_key=public", "sentry_version=7", "sentry_client=shop.rust/1.2.3"] {
        assert!(auth.contains(part), "{auth}");
    }

    let mut plain = Vec::new();
    GzDecoder::new(received.body.as_slice()).read_to_end(&mut plain).unwrap();
    let mut read = Envelope::from_slice(&plain).unwrap();
    assert!(read.headers.sent_at.take().is_some());
    assert_eq!(read.headers, envelope().headers);
    assert_eq!(read.items[1].payload, b"one\ntwo\n");
    assert_eq!(read.items[0].decode::<Event>().unwrap().level, Some(Level::Warning));
}

#[test]
fn without_compression_the_body_is_the_envelope() {
    let server = Server::answering(OK);
    let transport = HttpTransport::new(&server.dsn, options().compression(CompressionAlgo::None)).unwrap();
    transport.deliver(&envelope());
    let received = server.next();
    assert_eq!(received.header("content-encoding"), "(none)");
    assert_eq!(Envelope::from_slice(&received.body).unwrap().items.len(), 2);
}

#[cfg(all(feature = "brotli", feature = "zstd"))]
#[test]
fn the_server_is_told_how_to_unpack() {
    for (algo, name) in [(CompressionAlgo::Brotli, "br"), (CompressionAlgo::Zstd, "zstd")] {
        let server = Server::answering(OK);
        let transport = HttpTransport::new(&server.dsn, options().compression(algo)).unwrap();
        transport.deliver(&envelope());
        let received = server.next();
        assert_eq!(received.header("content-encoding"), name);
        assert!(Envelope::from_slice(&received.body).is_err(), "it is packed");
    }
}

#[test]
fn connections_are_used_again() {
    let server = Server::answering(OK);
    let transport = HttpTransport::new(&server.dsn, options()).unwrap();
    for _ in 0..3 {
        transport.deliver(&envelope());
        assert_eq!(server.next().connection, 0);
    }
}

#[test]
fn several_threads_deliver_at_once() {
    const THREADS: usize = 4;
    // No request is answered before all have arrived.
    let all = Barrier::new(THREADS);
    let server = Server::start(move |stream| {
        all.wait();
        stream.write_all(OK.as_bytes()).is_ok()
    });
    let transport = HttpTransport::new(&server.dsn, options()).unwrap();
    thread::scope(|scope| {
        let deliver = || scope.spawn(|| transport.deliver(&envelope()));
        let threads: Vec<_> = std::iter::repeat_with(deliver).take(THREADS).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Delivery::Accepted { limits: vec![] });
        }
    });
}

#[test]
fn a_413_names_what_was_too_large_and_what_the_server_said() {
    let (status, message) = rejected(
        "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 53\r\n\r\n{\"detail\":\"too large\",\"causes\":[\"event over 1 MiB\"]}  ",
    );
    assert_eq!(status, 413);
    assert!(message.contains("the largest is the event"), "{message}");
    assert!(message.ends_with("too large; event over 1 MiB"), "{message}");
}

#[test]
fn a_429_brings_its_limits() {
    let server = Server::answering(
        "HTTP/1.1 429 Too Many Requests\r\nX-Sentry-Rate-Limits: 60:error;transaction:key\r\nContent-Length: 0\r\n\r\n",
    );
    let Delivery::Limited { limits } = deliver(&server) else { panic!("not limited") };
    assert_eq!(limits.len(), 1);
    assert_eq!(limits[0].categories, RateLimitCategories::Some(vec![Category::Error, Category::Transaction]));
}

#[test]
fn a_5xx_is_rejected_with_its_reason() {
    let answer =
        "HTTP/1.1 503 Service Unavailable\r\nX-Sentry-Error: maintenance\r\nContent-Length: 4\r\n\r\nwait";
    assert_eq!(rejected(answer), (503, "maintenance; wait".to_owned()));
}

#[test]
fn redirects_are_not_followed() {
    let (status, message) =
        rejected("HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(status, 307);
    assert!(message.contains("/elsewhere"), "{message}");
}

#[test]
fn a_server_that_closes_early_is_unreachable() {
    unreachable(deliver(&Server::start(|_| false)));
    unreachable(deliver(&Server::start(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConte");
        false
    })));
}

#[test]
fn a_server_that_never_answers_is_unreachable() {
    // It keeps the connection and goes back to reading.
    let server = Server::start(|_| true);
    let transport = HttpTransport::new(&server.dsn, options().timeout(Duration::from_millis(200))).unwrap();
    let error = unreachable(transport.deliver(&envelope()));
    assert!(error.contains("timeout"), "{error}");
}

#[test]
fn an_answer_whose_body_never_ends_is_still_an_answer() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    let transport = HttpTransport::new(&server.dsn, options().timeout(Duration::from_millis(200))).unwrap();
    assert_eq!(transport.deliver(&envelope()), Delivery::Accepted { limits: vec![] });
}

#[test]
fn nobody_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = dsn(&listener);
    drop(listener);
    unreachable(HttpTransport::new(&dsn, options()).unwrap().deliver(&envelope()));
}

#[test]
fn garbage_is_unreachable() {
    unreachable(deliver(&Server::start(|stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n");
        false
    })));
}

#[test]
fn a_proxy_stands_between() {
    let proxy = Server::answering(OK);
    let dsn: Dsn = "http://public@nowhere.invalid/42".parse().unwrap();
    let url = proxy.dsn.envelope_url();
    let transport = HttpTransport::new(&dsn, options().proxy(url.split_once("/api").unwrap().0)).unwrap();
    transport.deliver(&envelope());
    let received = proxy.next();
    assert!(received.start.contains("nowhere.invalid"), "{}", received.start);
}

#[cfg(feature = "rustls")]
#[test]
fn https_does_not_fall_back_to_plain_text() {
    let server = Server::answering(OK);
    let dsn: Dsn = server.dsn.to_string().replace("http:", "https:").parse().unwrap();
    unreachable(HttpTransport::new(&dsn, options()).unwrap().deliver(&envelope()));
}
