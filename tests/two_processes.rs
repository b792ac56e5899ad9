//! One trace across two processes: this program starts itself a second time as a service, sends it a request, and reads what both report to a
//! server on loopback.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use watchpost::reqwest::RequestBuilderExt;
use watchpost::{FutureExt, Options, Transport, start_transaction};
use watchpost_testkit::{Captured, Recorder};

use support::server::Server;

/// Makes the second process a service, which reports to this DSN.
const SERVICE: &str = "WATCHPOST_TEST_SERVICE";

fn main() {
    match std::env::var(SERVICE) {
        Ok(dsn) => serve(dsn),
        Err(_) => {
            a_sampled_trace_is_one_trace_with_the_right_parents();
            a_trace_that_is_not_sampled_is_one_too();
            println!("test two_processes ... ok");
        }
    }
}

fn options(dsn: String, rate: f64) -> Options {
    let options = Options::new().use_environment(false).dsn(dsn).unwrap().default_integrations(false);
    options.shutdown_timeout(std::time::Duration::from_secs(60)).traces_sample_rate(rate).unwrap()
}

fn run<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The second process. It would sample everything, and serves until its standard input ends.
fn serve(dsn: String) {
    let guard = watchpost::init(options(dsn, 1.0)).unwrap();
    run(async {
        let cart = || async {
            watchpost::capture_message("stock is low");
            "a cart"
        };
        let app = Router::new().route("/carts/{id}", get(cart)).layer(watchpost::tower::request_layer());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        let over = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let shutdown = async move { drop(over.await) };
        axum::serve(listener, app).with_graceful_shutdown(shutdown).await.unwrap();
    });
    drop(guard); // sends what is left
}

struct Service {
    process: Child,
    url: String,
}

impl Service {
    fn start(dsn: String) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(SERVICE, dsn)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Service { process, url: url.trim_end().to_owned() }
    }

    fn stop(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

/// What both processes report of one request from the first to the second; the first samples at this rate.
fn reported(rate: f64) -> Captured {
    let server = Server::start([]);
    let service = Service::start(server.dsn());
    let guard = watchpost::init(options(server.dsn(), rate)).unwrap();
    run(async {
        let ask = async {
            let request = reqwest::Client::new().get(format!("{}/carts/7", service.url));
            assert_eq!(request.send_traced().await.unwrap().text().await.unwrap(), "a cart");
        };
        ask.in_span(start_transaction("checkout").start()).await;
    });
    drop(guard);
    service.stop();
    let recorder = Recorder::new();
    for received in server.rest() {
        recorder.deliver(&received.envelope());
    }
    recorder.captured()
}

fn a_sampled_trace_is_one_trace_with_the_right_parents() {
    let captured = reported(1.0);
    let transactions = captured.transactions();
    let of = |name: &str| transactions.iter().find(|transaction| transaction.transaction == name).unwrap();
    let (checkout, cart) = (of("checkout"), of("GET /carts/{id}"));
    let [root, served] = [checkout, cart].map(|transaction| transaction.contexts.trace.as_ref().unwrap());
    let [request] = &checkout.spans[..] else { panic!("{:?}", checkout.spans) };
    assert_eq!(transactions.len(), 2);

    assert_eq!(served.trace_id, root.trace_id);
    assert_eq!(request.parent_span_id, Some(root.span_id));
    assert_eq!(served.parent_span_id, Some(request.span_id));
    let event = captured.events().remove(0).contexts.trace.unwrap();
    assert_eq!((event.trace_id, event.span_id), (root.trace_id, served.span_id));

    // Every envelope names the trace in the same words: those of its head.
    let contexts = captured.envelopes().iter().filter_map(|envelope| envelope.headers.trace.as_ref());
    let contexts: Vec<_> = contexts.collect();
    assert_eq!(contexts.len(), 3);
    assert!(contexts.iter().all(|context| context == &contexts[0]), "{contexts:?}");
    assert_eq!(contexts[0].get("transaction"), Some("checkout"));
}

fn a_trace_that_is_not_sampled_is_one_too() {
    let captured = reported(0.0);
    assert!(captured.transactions().is_empty());
    assert_eq!(captured.events().len(), 1, "errors are no matter of traces");
    let event = captured.envelopes().iter().find(|envelope| envelope.headers.event_id.is_some());
    let context = event.unwrap().headers.trace.as_ref().unwrap();
    assert_eq!((context.sampled(), context.get("transaction")), (Some(false), Some("checkout")));
}
