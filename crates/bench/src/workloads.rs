//! What is measured. Each workload is written once; a sample of it is a number of operations with what must stand around them.

use std::hint::black_box;

use crate::api::Api;
use crate::measure::Meter;

/// How the subject is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Tracing is on and no trace is kept.
    Rate0,
    /// Every trace is kept, and what is sent is discarded.
    Rate1,
    /// The layer is installed and there is no client.
    NoClient,
    /// There is a client whose sample rate is not set.
    TracingOff,
}

impl Mode {
    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Rate0 => "rate_0",
            Mode::Rate1 => "rate_1",
            Mode::NoClient => "no_client",
            Mode::TracingOff => "tracing_off",
        }
    }
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// A span in a root: created, entered, left, closed.
    ChildSpan,
    /// The same with three fields.
    ChildSpan3Fields,
    /// Into a span that exists, and out: what each `.await` of an instrumented future does.
    EnterExit,
    /// A span without a parent, to its end.
    RootSpan,
    /// A root with 10 children of 2 fields, in 3 chains of 3 and a leaf, and 5 INFO events of 2 fields.
    Request,
    /// A DEBUG event, which nobody wants.
    FilteredEvent,
    /// An INFO event of 2 fields: a breadcrumb.
    InfoEvent,
    /// Into a span, one INFO event, and out, when there are 100 breadcrumbs already.
    FirstBreadcrumbAfterFork,
    /// `log::info!`: a breadcrumb, by the bridge.
    LogInfo,
    /// A counter with two attributes, in a root.
    Counter,
}

impl Workload {
    pub(crate) const ALL: [Workload; 10] = [
        Workload::ChildSpan,
        Workload::ChildSpan3Fields,
        Workload::EnterExit,
        Workload::RootSpan,
        Workload::Request,
        Workload::FilteredEvent,
        Workload::InfoEvent,
        Workload::FirstBreadcrumbAfterFork,
        Workload::LogInfo,
        Workload::Counter,
    ];

    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Workload::ChildSpan => "child_span",
            Workload::ChildSpan3Fields => "child_span_3_fields",
            Workload::EnterExit => "enter_exit",
            Workload::RootSpan => "root_span",
            Workload::Request => "request",
            Workload::FilteredEvent => "filtered_event",
            Workload::InfoEvent => "info_event",
            Workload::FirstBreadcrumbAfterFork => "first_breadcrumb_after_fork",
            Workload::LogInfo => "log_info",
            Workload::Counter => "counter",
        }
    }

    /// The modes in which it differs.
    pub(crate) fn modes(self) -> &'static [Mode] {
        use Mode::{NoClient, Rate0, Rate1, TracingOff};
        match self {
            Workload::FilteredEvent | Workload::LogInfo | Workload::Counter => &[Rate1, NoClient],
            Workload::FirstBreadcrumbAfterFork => &[Rate0, Rate1],
            _ => &[Rate0, Rate1, NoClient, TracingOff],
        }
    }

    /// Whether it has INFO events or records.
    pub(crate) fn has_info(self) -> bool {
        use Workload::{FirstBreadcrumbAfterFork, InfoEvent, LogInfo, Request};
        matches!(self, Request | InfoEvent | FirstBreadcrumbAfterFork | LogInfo)
    }

    /// How many operations a sample has: enough for the clock, and few enough that what is sent stays within every buffer.
    pub fn operations(self) -> usize {
        match self {
            Workload::RootSpan => 40,
            Workload::Request => 20,
            Workload::FirstBreadcrumbAfterFork => 50,
            _ => 500,
        }
    }

    /// One sample. The root of a workload of children is within what is measured, because what children leave behind is paid when it
    /// ends; for those that only enter a span or emit an event it is around it.
    pub(crate) fn sample<A: Api>(self, api: &A, meter: &mut dyn Meter) {
        let count = self.operations();
        let idle = || {
            black_box(());
        };
        match self {
            Workload::ChildSpan => {
                meter.measure(&mut || api.in_root(|| repeat(count, || api.in_child(idle))));
            }
            Workload::ChildSpan3Fields => {
                meter.measure(&mut || api.in_root(|| repeat(count, || api.in_child_with_3_fields(idle))));
            }
            Workload::EnterExit => api.in_root(|| {
                let span = api.child();
                meter.measure(&mut || repeat(count, || api.enter(&span, idle)));
            }),
            Workload::RootSpan => meter.measure(&mut || repeat(count, || api.in_root(idle))),
            Workload::Request => meter.measure(&mut || repeat(count, || request(api))),
            Workload::FilteredEvent => api.in_root(|| meter.measure(&mut || repeat(count, || api.debug()))),
            Workload::InfoEvent => api.in_root(|| meter.measure(&mut || repeat(count, || api.info()))),
            Workload::FirstBreadcrumbAfterFork => api.in_root(|| {
                repeat(100, || api.info());
                let span = api.child();
                meter.measure(&mut || repeat(count, || api.enter(&span, || api.info())));
            }),
            Workload::Counter => api.in_root(|| meter.measure(&mut || repeat(count, || api.count()))),
            Workload::LogInfo => {
                api.in_root(|| {
                    meter.measure(&mut || repeat(count, || log::info!("cart {} loaded", black_box(7))))
                });
            }
        }
    }
}

#[inline]
fn repeat(count: usize, operation: impl Fn()) {
    for _ in 0..black_box(count) {
        operation();
    }
}

fn request<A: Api>(api: &A) {
    api.in_root(|| {
        for _ in 0..3 {
            api.in_child_with_2_fields(|| {
                api.in_child_with_2_fields(|| api.in_child_with_2_fields(|| api.info()));
            });
        }
        api.in_child_with_2_fields(|| api.info());
        api.info();
    });
}
