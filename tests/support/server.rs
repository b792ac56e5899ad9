//! A real server on loopback: as much HTTP/1.1 as a story needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;
use watchpost::Envelope;

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// What the server does with a request.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    /// Writes this.
    Says(&'static str),
    /// Writes this byte by byte.
    Dribbles(&'static str),
    /// Writes this after a while.
    Ponders(&'static str, Duration),
    /// Writes this and closes the connection.
    BreaksOff(&'static str),
    /// Keeps the connection and says nothing.
    Never,
    /// Closes the connection.
    Closes,
    /// Closes the connection without reading the body: the rest of the request is answered with a reset.
    Resets,
}

/// A request, as it arrived.
pub(crate) struct Received {
    pub(crate) start: String,
    /// What the server made of it.
    pub(crate) answer: Answer,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    /// A header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, as it came.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, unpacked.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        GzDecoder::new(self.body.as_slice()).read_to_end(&mut plain).unwrap();
        plain
    }

    /// The envelope, strictly read.
    pub(crate) fn envelope(&self) -> Envelope {
        Envelope::from_slice(&self.plain()).unwrap()
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    received: Receiver<Received>,
}

impl Server {
    /// Answers the first requests in this order, and every later one by [`OK`].
    pub(crate) fn start(answers: impl Into<Vec<Answer>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = channel();
        let script = Arc::new((answers.into(), AtomicUsize::new(0)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, sender) = (Arc::clone(&script), sender.clone());
                thread::spawn(move || serve(stream, &script.0, &script.1, &sender));
            }
        });
        Server { address, received }
    }

    pub(crate) fn dsn(&self) -> String {
        dsn(self.address)
    }

    /// Where it is, without a scheme.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request; waits for it.
    pub(crate) fn next(&self) -> Received {
        self.received.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// The requests that nobody asked for yet.
    pub(crate) fn rest(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

pub(crate) fn dsn(address: SocketAddr) -> String {
    format!("http://public@{address}/42")
}

/// Where nobody listens. (A port that was free a moment ago may be another test's by now.)
pub(crate) fn nobody() -> String {
    dsn(SocketAddr::from(([127, 0, 0, 1], 1)))
}

fn serve(mut stream: TcpStream, answers: &[Answer], served: &AtomicUsize, sender: &Sender<Received>) {
    let next = || answers.get(served.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(Answer::Says(OK));
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader, next) {
        let answer = request.answer;
        let _ = sender.send(request); // the test may have ended
        let written = match answer {
            Answer::Says(text) => stream.write_all(text.as_bytes()),
            Answer::Dribbles(text) => {
                let _ = stream.set_nodelay(true);
                text.bytes().try_for_each(|byte| stream.write_all(&[byte]))
            }
            Answer::Ponders(text, pause) => {
                thread::sleep(pause);
                stream.write_all(text.as_bytes())
            }
            Answer::BreaksOff(text) => {
                let _ = stream.write_all(text.as_bytes());
                return;
            }
            Answer::Never => Ok(()),
            Answer::Closes | Answer::Resets => return,
        };
        if written.is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead, next: impl FnOnce() -> Answer) -> Option<Received> {
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
    let mut received = Received { start, answer: next(), headers, body: Vec::new() };
    if received.answer == Answer::Resets {
        return None; // it never hears of it
    }
    let length: u64 = received.header("content-length")?.parse().ok()?;
    reader.take(length).read_to_end(&mut received.body).ok()?;
    // What breaks off, because its sender was killed, say, has not arrived.
    (received.body.len() as u64 == length).then_some(received)
}
