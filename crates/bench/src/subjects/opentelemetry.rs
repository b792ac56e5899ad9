//! `tracing-opentelemetry`, with the SDK's batch processor. It has spans and span events, and neither breadcrumbs nor a logger.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tracing::Dispatch;
use tracing_subscriber::{layer::SubscriberExt, registry};

use super::{Subject, play_with};
use crate::measure::Turn;
use crate::workloads::{Mode, Workload};

static SENT: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
pub(super) struct OpenTelemetry;

impl Subject for OpenTelemetry {
    fn name(&self) -> &'static str {
        "opentelemetry"
    }

    fn takes(&self, workload: Workload, mode: Mode) -> bool {
        !matches!(workload, Workload::LogInfo | Workload::Counter) && mode != Mode::TracingOff
    }

    fn sent(&self) -> usize {
        SENT.load(Ordering::Relaxed)
    }

    fn play(&self, mode: Mode, turn: Turn<'_>) -> Result<(), Box<dyn Error>> {
        let Some(provider) = provider(mode) else {
            play_with(&Dispatch::new(registry().with(tracing_opentelemetry::layer())), || {}, turn);
            return Ok(());
        };
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
        play_with(&Dispatch::new(registry().with(layer)), || {}, turn);
        Ok(provider.shutdown()?)
    }
}

fn provider(mode: Mode) -> Option<SdkTracerProvider> {
    let sampler = match mode {
        Mode::Rate0 => Sampler::AlwaysOff,
        Mode::Rate1 => Sampler::AlwaysOn,
        Mode::NoClient | Mode::TracingOff => return None,
    };
    let builder = SdkTracerProvider::builder().with_sampler(sampler).with_batch_exporter(Discard);
    // By default it drops the events of a span beyond 128, for which a sample would have to be too short.
    Some(builder.with_max_events_per_span(10_000).build())
}

#[derive(Debug)]
struct Discard;

impl SpanExporter for Discard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        SENT.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
}
