//! Who asks: 64 connections that are kept alive, each with one request under way.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::processor;

const CONNECTIONS: usize = 64;

/// As a browser behind a proxy asks.
const REQUEST: &[u8] = b"GET /carts/42?page=2 HTTP/1.1\r\n\
    Host: shop.test\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0\r\n\
    Accept: text/html,application/xhtml+xml\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Accept-Language: en-GB,en\r\n\
    Cookie: session=1234567890abcdef; theme=dark\r\n\
    X-Forwarded-For: 192.0.2.7\r\n\
    X-Forwarded-Proto: https\r\n\
    \r\n";

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// What came of it.
pub(super) struct Load {
    /// How long each answer took, sorted.
    waits: Vec<Duration>,
    took: Duration,
}

impl Load {
    pub(super) fn requests(&self) -> usize {
        self.waits.len().max(1)
    }

    pub(super) fn per_second(&self) -> f64 {
        self.waits.len() as f64 / self.took.as_secs_f64()
    }

    /// Within how long this share of the requests was answered.
    pub(super) fn quantile_us(&self, share: f64) -> f64 {
        let last = self.waits.len().saturating_sub(1);
        self.waits.get((last as f64 * share) as usize).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e6)
    }
}

/// Asks for so long, on a processor of its own.
pub(super) fn put_on(address: SocketAddr, lasts: Duration) -> Result<Load, Box<dyn Error>> {
    let asks = move || {
        processor::keep_to_the_last();
        ask_for(address, lasts).map_err(|error| error.to_string())
    };
    Ok(thread::spawn(asks).join().map_err(|_| "who asks has panicked")??)
}

fn ask_for(address: SocketAddr, lasts: Duration) -> Result<Load, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let began = Instant::now();
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            connections.spawn(ask(address, began + lasts));
        }
        let mut waits = Vec::new();
        while let Some(asked) = connections.join_next().await {
            waits.append(&mut asked??);
        }
        let took = began.elapsed();
        waits.sort_unstable();
        Ok(Load { waits, took })
    })
}

async fn ask(address: SocketAddr, until: Instant) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut waits, mut answer) = (Vec::new(), Vec::with_capacity(1024));
    // All answers are alike: the first one tells how long they are.
    let mut length = None;
    loop {
        let asked = Instant::now();
        if asked >= until {
            return Ok(waits);
        }
        stream.write_all(REQUEST).await?;
        answer.clear();
        while length.is_none_or(|length| answer.len() < length) {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
            }
            length = length.or_else(|| length_of(&answer));
        }
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other("the server does not answer as it should"));
        }
        waits.push(asked.elapsed());
    }
}

/// Of the head and the body of an answer, as soon as its head is there.
fn length_of(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(END_OF_HEAD.len()).position(|end| end == END_OF_HEAD)? + END_OF_HEAD.len();
    let text = str::from_utf8(&answer[..head]).ok()?.to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    Some(head + length.trim().parse::<usize>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_its_length() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
        assert_eq!(length_of(answer), Some(answer.len() + 2));
        assert_eq!(length_of(&answer[..30]), None);
    }

    #[test]
    fn quantiles_are_of_the_sorted_waits() {
        let waits = (1..=101).map(Duration::from_micros).collect();
        let load = Load { waits, took: Duration::from_secs(2) };
        assert_eq!([0.0, 0.5, 1.0].map(|share| load.quantile_us(share).round()), [1.0, 51.0, 101.0]);
        assert_eq!(load.per_second(), 50.5);
    }
}
