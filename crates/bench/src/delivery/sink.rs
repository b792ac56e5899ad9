//! A server on loopback that takes everything and reads none of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A body that is smaller has no transaction of fifty spans in it, however well it is packed: it is a report.
const SMALL: u64 = 1000;

/// Answers by `200 OK`, after a while.
pub(crate) struct Sink {
    address: SocketAddr,
    tally: Arc<Mutex<Tally>>,
}

#[derive(Default)]
struct Tally {
    transactions: usize,
    bytes: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// What has arrived.
pub(crate) struct Received {
    pub(crate) transactions: usize,
    /// Heads and bodies of all requests.
    pub(crate) bytes: u64,
    /// From the first connection to the last answer.
    pub(crate) took: Duration,
}

impl Sink {
    pub(crate) fn start(delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let tally = Arc::new(Mutex::new(Tally::default()));
        let shared = Arc::clone(&tally);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tally = Arc::clone(&shared);
                note(&tally, |tally, now| tally.first = tally.first.or(Some(now)));
                thread::spawn(move || serve(stream, delay, &tally));
            }
        });
        Ok(Sink { address, tally })
    }

    pub(crate) fn dsn(&self) -> String {
        format!("http://key@{}/1", self.address)
    }

    pub(crate) fn received(&self) -> Received {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let took = tally.first.zip(tally.last).map(|(first, last)| last.duration_since(first));
        Received {
            transactions: tally.transactions,
            bytes: tally.bytes,
            took: took.unwrap_or(Duration::from_secs(1)),
        }
    }
}

fn note(tally: &Mutex<Tally>, note: impl FnOnce(&mut Tally, Instant)) {
    note(&mut tally.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
}

fn serve(stream: TcpStream, delay: Duration, tally: &Mutex<Tally>) {
    let Ok(reading) = stream.try_clone() else { return };
    let (mut reader, mut writer) = (BufReader::new(reading), stream);
    while let Some((head, body)) = read(&mut reader) {
        thread::sleep(delay);
        note(tally, |tally, now| {
            tally.transactions += usize::from(body >= SMALL);
            tally.bytes += head + body;
            tally.last = Some(now);
        });
        if writer.write_all(OK).is_err() {
            return;
        }
    }
}

/// Reads a request; says how long its head and its body are.
fn read(reader: &mut impl BufRead) -> Option<(u64, u64)> {
    let (mut head, mut length, mut line) = (0, None, String::new());
    loop {
        line.clear();
        head += reader.read_line(&mut line).ok().filter(|read| *read > 0)? as u64;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok();
            }
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let length = length?;
    let body = io::copy(&mut reader.take(length), &mut io::sink()).ok()?;
    (body == length).then_some((head, body))
}
