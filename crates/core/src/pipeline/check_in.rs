//! What a check-in is on its way: nothing of the scopes is in it but the trace (`protocol.md` §11).

use std::sync::Arc;

use watchpost_protocol::{Category, CheckIn, DynamicSamplingContext, Envelope, EventId, Item};

use super::{ItemJob, Job, Pipeline, Standalone, Telemetry};
use crate::config::Config;
use crate::integration::Integration;
use crate::outbox::{Label, Priority};
use crate::scrub::Rules;

/// A check-in, and the trace of its run.
pub(crate) struct CheckInJob {
    pub(crate) check_in: CheckIn,
    pub(crate) dsc: Option<Arc<DynamicSamplingContext>>,
    /// Those of one monitor have the same.
    pub(crate) order: u64,
}

impl Job {
    pub(crate) fn check_in(job: CheckInJob) -> Self {
        Job::Item(ItemJob {
            label: Label {
                priority: Priority::Status,
                category: Category::Monitor,
                order: Some(job.order),
                weight: size_of::<CheckInJob>() + job.check_in.monitor_slug.as_str().len(),
            },
            quantities: [(Category::Monitor, 1), (Category::Monitor, 0), (Category::Monitor, 0)],
            prepare: Box::new(move |pipeline, _| pipeline.prepare_check_in(job)),
        })
    }
}

impl Pipeline {
    fn prepare_check_in(&self, job: CheckInJob) -> Option<Envelope> {
        let CheckInJob { mut check_in, dsc, .. } = job;
        check_in.release.clone_from(&self.config.release);
        check_in.environment = Some(Arc::clone(&self.config.environment));
        self.finish(check_in, dsc)
    }
}

impl Telemetry for CheckIn {
    /// Check-ins pass no processor, no integration and no hook.
    fn integrate(self, _: &dyn Integration) -> Option<Self> {
        Some(self)
    }

    // It says what the program says in its code.
    fn scrub(&mut self, _: &Rules) {}

    fn before_send(self, _: &Config) -> Option<Self> {
        Some(self)
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        vec![(Category::Monitor, 1)]
    }

    fn trim(&mut self, _: &Config) {}
}

impl Standalone for CheckIn {
    fn event_id(&self) -> Option<EventId> {
        None
    }

    fn item(&mut self) -> Result<Item, serde_json::Error> {
        Item::check_in(self)
    }
}
