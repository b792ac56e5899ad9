//! Watchpost: `init`, its layer and its bridge, as a program has them. `watchpost_logs` makes a structured log of an INFO event, besides the
//! breadcrumb.

use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{Dispatch, Level};
use tracing_subscriber::{layer::SubscriberExt, registry};
use watchpost::log::LogBridge;
use watchpost::protocol::ItemType;
use watchpost::{Delivery, Envelope, InitError, Options, Transport};

use super::{Subject, play_with};
use crate::logger;
use crate::measure::Turn;
use crate::workloads::{Mode, Workload};

static SENT: AtomicUsize = AtomicUsize::new(0);
static LOGGER: LazyLock<LogBridge> = LazyLock::new(LogBridge::new);
static LOGGER_WITH_LOGS: LazyLock<LogBridge> =
    LazyLock::new(|| LogBridge::new().logs(log::LevelFilter::Info));

#[derive(Debug)]
pub(super) struct Watchpost {
    pub(super) logs: bool,
}

impl Subject for Watchpost {
    fn name(&self) -> &'static str {
        if self.logs { "watchpost_logs" } else { "watchpost" }
    }

    fn takes(&self, workload: Workload, _: Mode) -> bool {
        !self.logs || workload.has_info()
    }

    fn sent(&self) -> usize {
        SENT.load(Ordering::Relaxed)
    }

    fn play(&self, mode: Mode, turn: Turn<'_>) -> Result<(), Box<dyn Error>> {
        let _guard = options(mode)?.map(watchpost::init).transpose()?;
        let layer = watchpost::tracing::layer();
        let (layer, logger) =
            if self.logs { (layer.logs(Level::INFO), &*LOGGER_WITH_LOGS) } else { (layer, &*LOGGER) };
        let dispatch = Dispatch::new(registry().with(layer));
        logger::with(logger, || play_with(&dispatch, count, turn));
        Ok(())
    }
}

fn count() {
    watchpost::metrics::count("orders.placed", 1)
        .attribute("plan", black_box("pro"))
        .attribute("items", black_box(3_u64));
}

fn options(mode: Mode) -> Result<Option<Options>, InitError> {
    let options = Options::new().use_environment(false).dsn("https://key@localhost/1")?.transport(Discard);
    Ok(match mode {
        Mode::Rate0 => Some(options.traces_sample_rate(0.0)?),
        Mode::Rate1 => Some(options.traces_sample_rate(1.0)?),
        Mode::TracingOff => Some(options),
        Mode::NoClient => None,
    })
}

struct Discard;

impl Transport for Discard {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        let traces = envelope.items.iter().filter(|item| item.header.ty == ItemType::Transaction);
        SENT.fetch_add(traces.count(), Ordering::Relaxed);
        Delivery::Accepted { limits: Vec::new() }
    }
}
