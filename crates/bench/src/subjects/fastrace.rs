//! `fastrace`, by its own API. It is no subscriber of `tracing`: what it costs is a bound for an API that could be designed for speed alone.

use std::error::Error;
use std::hint::black_box;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace::prelude::{Event, LocalSpan, Span, SpanContext};

use super::Subject;
use crate::api::Api;
use crate::measure::Turn;
use crate::workloads::{Mode, Workload};

static SENT: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
pub(super) struct Fastrace;

impl Subject for Fastrace {
    fn name(&self) -> &'static str {
        "fastrace"
    }

    /// It has neither levels nor breadcrumbs nor a logger.
    fn takes(&self, workload: Workload, mode: Mode) -> bool {
        let has = !matches!(
            workload,
            Workload::FilteredEvent
                | Workload::FirstBreadcrumbAfterFork
                | Workload::LogInfo
                | Workload::Counter
        );
        has && mode != Mode::TracingOff
    }

    fn sent(&self) -> usize {
        SENT.load(Ordering::Relaxed)
    }

    fn play(&self, mode: Mode, mut turn: Turn<'_>) -> Result<(), Box<dyn Error>> {
        static REPORTER: Once = Once::new();
        REPORTER.call_once(|| fastrace::set_reporter(Discard, Config::default()));
        turn.play(&Own(mode));
        fastrace::flush();
        Ok(())
    }
}

struct Discard;

impl Reporter for Discard {
    fn report(&mut self, batch: Vec<SpanRecord>) {
        SENT.fetch_add(batch.len(), Ordering::Relaxed);
    }
}

/// Its own API. Without a client, there is no root.
struct Own(Mode);

impl Own {
    #[inline]
    fn root(&self) -> Span {
        match self.0 {
            Mode::Rate0 => Span::root("request", SpanContext::random().sampled(false)),
            Mode::Rate1 => Span::root("request", SpanContext::random()),
            Mode::NoClient | Mode::TracingOff => Span::noop(),
        }
    }
}

impl Api for Own {
    type Span = Span;

    #[inline]
    fn in_root(&self, work: impl FnOnce()) {
        let root = self.root();
        let _entered = root.set_local_parent();
        work();
    }

    #[inline]
    fn in_child(&self, work: impl FnOnce()) {
        let _span = LocalSpan::enter_with_local_parent("query");
        work();
    }

    #[inline]
    fn in_child_with_2_fields(&self, work: impl FnOnce()) {
        let _span = LocalSpan::enter_with_local_parent("query").with_properties(|| {
            [("rows", black_box(42_u64).to_string()), ("table", black_box("users").into())]
        });
        work();
    }

    #[inline]
    fn in_child_with_3_fields(&self, work: impl FnOnce()) {
        let _span = LocalSpan::enter_with_local_parent("query").with_properties(|| {
            let rows = black_box(42_u64).to_string();
            [("rows", rows), ("table", black_box("users").into()), ("cached", black_box(true).to_string())]
        });
        work();
    }

    fn child(&self) -> Span {
        Span::enter_with_local_parent("query")
    }

    #[inline]
    fn enter(&self, span: &Span, work: impl FnOnce()) {
        let _entered = span.set_local_parent();
        work();
    }

    #[inline]
    fn info(&self) {
        LocalSpan::add_event(Event::new("cart loaded").with_properties(|| {
            [("items", black_box(3_u64).to_string()), ("plan", black_box("pro").into())]
        }));
    }

    /// It has no levels, and nothing is measured of this.
    fn debug(&self) {}

    /// Nor has it metrics.
    fn count(&self) {}
}
