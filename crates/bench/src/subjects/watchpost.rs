//! Watchpost: `init`, its layer and its bridge, as a program has them.

use std::error::Error;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::Dispatch;
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

#[derive(Debug)]
pub(super) struct Watchpost;

impl Subject for Watchpost {
    fn name(&self) -> &'static str {
        "watchpost"
    }

    fn takes(&self, _: Workload, _: Mode) -> bool {
        true
    }

    fn sent(&self) -> usize {
        SENT.load(Ordering::Relaxed)
    }

    fn play(&self, mode: Mode, turn: Turn<'_>) -> Result<(), Box<dyn Error>> {
        let _guard = options(mode)?.map(watchpost::init).transpose()?;
        let dispatch = Dispatch::new(registry().with(watchpost::tracing::layer()));
        logger::with(&*LOGGER, || play_with(&dispatch, turn));
        Ok(())
    }
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
