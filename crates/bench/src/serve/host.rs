//! The process that serves: as a program that does nothing else.

use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::io::{Write, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tokio::net::TcpListener;
use tracing::{Dispatch, Instrument, info, info_span};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use watchpost_bench::subjects::{FLOOR, PEER};

use super::processor;
use crate::delivery::sender::cpu_us;

/// How many transactions have reached a transport.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Serves until standard input ends; each line of it is answered by the processor time so far, in microseconds, and by how many transactions were
/// sent.
pub(crate) fn serve(subject: &str, rate: f32) -> Result<(), Box<dyn Error>> {
    processor::keep_to_the_first();
    match subject {
        "bare" => run(app()),
        FLOOR => {
            tracing::dispatcher::set_global_default(Dispatch::new(registry().with(Nothing)))?;
            run(app())
        }
        PEER => sentry(rate),
        "watchpost" => watchpost(rate),
        _ => Err("no such server".into()),
    }
}

fn watchpost(rate: f32) -> Result<(), Box<dyn Error>> {
    use watchpost::protocol::ItemType;
    use watchpost::{Delivery, Envelope, Options, Transport};

    struct Discard;
    impl Transport for Discard {
        fn deliver(&self, envelope: &Envelope) -> Delivery {
            let kept = envelope.items.iter().filter(|item| item.header.ty == ItemType::Transaction).count();
            KEPT.fetch_add(kept as u64, Ordering::Relaxed);
            Delivery::Accepted { limits: Vec::new() }
        }
    }
    let options = Options::new().use_environment(false).dsn("https://key@localhost/1")?;
    let options = options.release("shop@1.4.0")?.traces_sample_rate(f64::from(rate))?;
    let _guard = watchpost::init(options.transport(Discard))?;
    tracing::dispatcher::set_global_default(Dispatch::new(registry().with(watchpost::tracing::layer())))?;
    run(app().layer(watchpost::tower::request_layer()))
}

#[expect(deprecated, reason = "the one layer is faster than the four that are recommended instead")]
fn sentry(rate: f32) -> Result<(), Box<dyn Error>> {
    use sentry::integrations::tower::{NewSentryLayer, SentryHttpLayer};
    use sentry::integrations::tracing::{EventFilter, default_event_filter, layer};
    use sentry::protocol::EnvelopeItem;
    use sentry::{ClientOptions, Envelope, SessionMode, Transport};

    struct Discard;
    impl Transport for Discard {
        fn send_envelope(&self, envelope: Envelope) {
            let kept = envelope.items().filter(|item| matches!(item, EnvelopeItem::Transaction(_))).count();
            KEPT.fetch_add(kept as u64, Ordering::Relaxed);
        }
    }
    let options = ClientOptions::new().dsn("https://key@localhost/1").release("shop@1.4.0");
    let options = options.traces_sample_rate(rate).transport(Arc::new(Discard));
    let _guard = sentry::init(options.auto_session_tracking(true).session_mode(SessionMode::Request));
    let layer = layer().event_filter(|metadata| default_event_filter(metadata).difference(EventFilter::Log));
    tracing::dispatcher::set_global_default(Dispatch::new(registry().with(layer)))?;
    run(app().layer(SentryHttpLayer::new().enable_transaction()).layer(NewSentryLayer::new_from_top()))
}

struct Nothing;
impl<S: tracing::Subscriber> Layer<S> for Nothing {}

fn app() -> Router {
    Router::new().route("/carts/{id}", get(cart))
}

/// 10 spans with 2 fields, in three chains of three and a leaf, and 5 INFO events with 2 fields.
async fn cart(Path(id): Path<u64>) -> &'static str {
    for part in 0..3 {
        let rows = in_span(part, in_span(part, in_span(part, load(id, part))));
        black_box(rows.await);
    }
    in_span(3, load(id, 3)).await;
    info!(cart = id, items = 3, "cart loaded");
    "three lamps"
}

fn in_span<F: Future>(part: u64, work: F) -> impl Future<Output = F::Output> {
    work.instrument(info_span!("load", part, from = "the stock"))
}

async fn load(cart: u64, part: u64) -> u64 {
    info!(cart, part, "loading");
    part
}

fn run(app: Router) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(stdout(), "{}", listener.local_addr()?)?;
        tokio::spawn(async { axum::serve(listener, app).await });
        let answers = || -> Result<(), String> {
            for line in stdin().lines() {
                line.map_err(|error| error.to_string())?;
                let used = cpu_us().map_err(|error| error.to_string())?;
                writeln!(stdout(), "{used} {}", KEPT.load(Ordering::Relaxed))
                    .map_err(|error| error.to_string())?;
            }
            Ok(())
        };
        Ok(tokio::task::spawn_blocking(answers).await??)
    })
}
