//! What it costs to watch a request: the middleware around a service that answers at once, over that service alone, beside the peer.
//!
//! Each case is a process of its own, because what the process reports to is set up once. What is sent is discarded. How often the layer
//! allocates is asserted by a test of `watchpost-tower`: an allocator that counts would be within these numbers.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::io::{Write, stderr, stdout};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{env, str};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, HeaderValue, Request, Response, Uri};
use tower::{Layer, Service, service_fn};
use watchpost_bench::callgrind;

/// How many requests a sample has.
const REQUESTS: u64 = 500;
const SAMPLES: usize = 21;

/// The case that the others are compared with.
const BARE: &str = "bare";
const CASES: [(&str, f32); 5] =
    [(BARE, 0.0), ("watchpost", 0.0), ("watchpost", 1.0), ("sentry", 0.0), ("sentry", 1.0)];

/// What a browser sends. None of them tells who somebody is.
const HEADERS: [&str; 7] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "via",
    "upgrade-insecure-requests",
];

/// Of one request.
#[derive(Clone, Copy)]
struct Cost {
    ns: f64,
    instructions: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["count", subject, rate] => play(subject, rate.parse()?, collected),
        [subject, rate] => play(subject, rate.parse()?, |serve| {
            let _ = writeln!(stdout(), "{}", median_ns(serve));
        }),
        _ => Err("it takes no arguments".into()),
    }
}

/// Prints what the service alone costs, and what each middleware adds.
fn compare() -> Result<(), Box<dyn Error>> {
    writeln!(stdout(), "{:<18} {:>8} {:>13}", "", "ns", "instructions")?;
    let mut bare = Cost { ns: 0.0, instructions: 0.0 };
    for (subject, rate) in CASES {
        let mut cost = ask(subject, rate)?;
        if subject == BARE {
            bare = cost;
        } else {
            cost = Cost { ns: cost.ns - bare.ns, instructions: cost.instructions - bare.instructions };
        }
        let name = if subject == BARE { BARE.to_owned() } else { format!("+ {subject}, rate {rate}") };
        let Cost { ns, instructions } = cost;
        writeln!(stdout(), "{name:<18} {ns:>8.0} {instructions:>13.0}")?;
    }
    Ok(())
}

fn ask(subject: &str, rate: f32) -> Result<Cost, Box<dyn Error>> {
    let rate = rate.to_string();
    let ended = Command::new(env::current_exe()?).args([subject, &rate]).output()?;
    if !ended.status.success() {
        return Err(format!("{subject} ended with {}", ended.status).into());
    }
    let ns = str::from_utf8(&ended.stdout)?.trim().parse()?;
    let counted = callgrind::count(&["count", subject, &rate], "requests::collected");
    if let Err(error) = &counted {
        writeln!(stderr(), "{error}")?;
    }
    let instructions = counted.map_or(f64::NAN, |counted| counted / REQUESTS as f64);
    Ok(Cost { ns, instructions })
}

/// Sets the process up, warms it up, and hands over what serves a number of requests.
fn play(subject: &str, rate: f32, with: impl FnOnce(&mut dyn FnMut())) -> Result<(), Box<dyn Error>> {
    let service = service_fn(answer);
    match subject {
        BARE => turn(service, with),
        "watchpost" => {
            let options = watchpost::Options::new().use_environment(false).dsn("https://key@localhost/1")?;
            let options = options.release("shop@1.4.0")?.traces_sample_rate(f64::from(rate))?;
            let _guard = watchpost::init(options.transport(Discard))?;
            turn(watchpost::tower::request_layer().layer(service), with);
        }
        "sentry" => {
            use sentry::integrations::tower::{NewSentryLayer, SentryHttpLayer};
            let options = sentry::ClientOptions::new().dsn("https://key@localhost/1").release("shop@1.4.0");
            let options = options.traces_sample_rate(rate).transport(Arc::new(Discard));
            let _guard =
                sentry::init(options.auto_session_tracking(true).session_mode(sentry::SessionMode::Request));
            let within = SentryHttpLayer::new().enable_transaction().layer(service);
            turn(NewSentryLayer::new_from_top().layer(within), with);
        }
        _ => return Err("no such middleware".into()),
    }
    Ok(())
}

fn turn<S, B>(mut service: S, with: impl FnOnce(&mut dyn FnMut()))
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: HttpBody + Unpin,
{
    let read = Bytes::from(vec![b'x'; 40]);
    drop(read.clone()); // from now on it is shared, as what a server reads is
    let mut serve = || (0..REQUESTS).for_each(|_| answered(&mut service, request(&read)));
    serve();
    with(&mut serve);
}

/// Neither inlined nor generic: valgrind knows it by its name.
#[inline(never)]
fn collected(serve: &mut dyn FnMut()) {
    serve();
}

fn median_ns(serve: &mut dyn FnMut()) -> f64 {
    let mut took = [Duration::ZERO; SAMPLES];
    for sample in &mut took {
        let began = Instant::now();
        serve();
        *sample = began.elapsed();
    }
    took.sort_unstable();
    took[SAMPLES / 2].as_nanos() as f64 / REQUESTS as f64
}

/// A request as a server makes it: its values are slices of the bytes that were read.
fn request(read: &Bytes) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/carts/42?page=2");
    request.extensions_mut().insert(SocketAddr::from(([127, 0, 0, 1], 3000)));
    for name in HEADERS {
        if let Ok(value) = HeaderValue::from_maybe_shared(read.slice(..)) {
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    request
}

fn answer(request: Request<Body>) -> Ready<Result<Response<Body>, Infallible>> {
    black_box(request);
    ready(Ok(Response::new(Body::from("a cart"))))
}

/// Serves one request to the end of its body.
fn answered<S, B>(service: &mut S, request: Request<Body>)
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: HttpBody + Unpin,
{
    let mut context = Context::from_waker(Waker::noop());
    let answer = pin!(service.call(request));
    if let Poll::Ready(Ok(response)) = answer.poll(&mut context) {
        let mut body = response.into_body();
        while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut context) {
            let _ = black_box(frame);
        }
    }
}

struct Discard;

impl watchpost::Transport for Discard {
    fn deliver(&self, _: &watchpost::Envelope) -> watchpost::Delivery {
        watchpost::Delivery::Accepted { limits: Vec::new() }
    }
}

impl sentry::Transport for Discard {
    fn send_envelope(&self, _: sentry::Envelope) {}
}
