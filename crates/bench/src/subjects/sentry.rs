//! The peer: the `sentry` crate with its tracing layer and its logger. It makes a breadcrumb of an INFO event, as Watchpost does; `sentry_logs`
//! makes a structured log of it too, as the crate does by default.

use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use sentry::integrations::log::{LogFilter, NoopLogger, SentryLogger};
use sentry::integrations::tracing as sentry_tracing;
use sentry::protocol::EnvelopeItem;
use sentry::{Client, ClientOptions, Envelope, Hub, Scope, Transport, metrics};
use tracing::Dispatch;
use tracing_subscriber::{layer::SubscriberExt, registry};

use super::{PEER, Subject, play_with};
use crate::logger;
use crate::measure::Turn;
use crate::workloads::{Mode, Workload};

static SENT: AtomicUsize = AtomicUsize::new(0);
static LOGGER: LazyLock<SentryLogger<NoopLogger>> =
    LazyLock::new(|| SentryLogger::new().filter(|_| LogFilter::Breadcrumb));
static LOGGER_WITH_LOGS: LazyLock<SentryLogger<NoopLogger>> = LazyLock::new(SentryLogger::new);

#[derive(Debug)]
pub(super) struct Sentry {
    pub(super) logs: bool,
}

impl Subject for Sentry {
    fn name(&self) -> &'static str {
        if self.logs { "sentry_logs" } else { PEER }
    }

    fn takes(&self, workload: Workload, _: Mode) -> bool {
        !self.logs || workload.has_info()
    }

    fn sent(&self) -> usize {
        SENT.load(Ordering::Relaxed)
    }

    fn play(&self, mode: Mode, turn: Turn<'_>) -> Result<(), Box<dyn Error>> {
        let client = options(mode).map(|options| Arc::new(Client::from_config(options)));
        let hub = Arc::new(Hub::new(client, Arc::new(Scope::default())));
        let logger = if self.logs { &*LOGGER_WITH_LOGS } else { &*LOGGER };
        Hub::run(hub, || logger::with(logger, || play_with(&dispatch(self.logs), count, turn)));
        Ok(())
    }
}

#[expect(deprecated, reason = "the one layer is faster than the four that are recommended instead")]
fn dispatch(logs: bool) -> Dispatch {
    let layer = sentry_tracing::layer();
    let layer = if logs {
        layer
    } else {
        layer.event_filter(|metadata| {
            sentry_tracing::default_event_filter(metadata).difference(sentry_tracing::EventFilter::Log)
        })
    };
    Dispatch::new(registry().with(layer))
}

fn count() {
    let orders = metrics::counter("orders.placed", 1);
    orders.attribute("plan", black_box("pro")).attribute("items", black_box(3_u64)).capture();
}

fn options(mode: Mode) -> Option<ClientOptions> {
    let options = ClientOptions::new().dsn("https://key@localhost/1").transport(Arc::new(Discard));
    match mode {
        Mode::Rate0 => Some(options.traces_sample_rate(0.0)),
        Mode::Rate1 => Some(options.traces_sample_rate(1.0)),
        Mode::TracingOff => Some(options),
        Mode::NoClient => None,
    }
}

struct Discard;

impl Transport for Discard {
    fn send_envelope(&self, envelope: Envelope) {
        let traces = envelope.items().filter(|item| matches!(item, EnvelopeItem::Transaction(_)));
        SENT.fetch_add(traces.count(), Ordering::Relaxed);
    }
}
