//! What feedback is on its way: an event of its own, which no hook for errors sees (`protocol.md` §14.2).

use watchpost_protocol::{Category, Envelope, Event, EventId, Item};

use super::event::Report;
use super::{EventJob, ItemJob, Job, Pipeline, Standalone, Step, Telemetry, weight};
use crate::config::Config;
use crate::integration::Integration;
use crate::outbox::{Label, Priority};
use crate::scrub::Rules;

/// The report of what a user said.
pub(super) struct Feedback(Report);

impl Job {
    pub(crate) fn feedback(job: EventJob) -> Self {
        let (weight, _) = weight::event(&job);
        Job::Item(ItemJob {
            label: Label { priority: Priority::Error, category: Category::Feedback, order: None, weight },
            quantities: of_feedback(job.quantities()),
            prepare: Box::new(move |pipeline, _| pipeline.prepare_feedback(job)),
        })
    }
}

/// What is lost with it: an event of another category, and its files.
fn of_feedback(mut quantities: [(Category, u64); 3]) -> [(Category, u64); 3] {
    quantities[0].0 = Category::Feedback;
    quantities
}

impl Pipeline {
    pub(super) fn prepare_feedback(&self, job: EventJob) -> Option<Envelope> {
        let dsc = job.trace.dsc.clone();
        let processors = job.processors(&self.config);
        let mut feedback = Feedback(job.into_report(&self.config).without_attachments()); // those are for errors (§14.1)
        feedback.0.event.contexts.other.remove("flags"); // they are told of errors only (§14.3)
        for processor in &processors {
            feedback =
                self.step(feedback, Step::PROCESSOR, |feedback| feedback.with(|event| processor(event)))?;
        }
        self.finish(feedback, dsc)
    }
}

impl Feedback {
    fn with(self, step: impl FnOnce(Event) -> Option<Event>) -> Option<Self> {
        self.0.map(step).map(Feedback)
    }
}

impl Telemetry for Feedback {
    fn integrate(self, integration: &dyn Integration) -> Option<Self> {
        self.with(|event| integration.process_event(event))
    }

    fn scrub(&mut self, rules: &Rules) {
        self.0.scrub(rules);
    }

    fn before_send(self, config: &Config) -> Option<Self> {
        match &config.options.before_send_feedback {
            Some(hook) => self.with(|event| hook(event)),
            None => Some(self),
        }
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        let mut quantities = self.0.quantities();
        quantities[0].0 = Category::Feedback;
        quantities
    }

    fn trim(&mut self, config: &Config) {
        self.0.trim(config);
    }
}

impl Standalone for Feedback {
    fn event_id(&self) -> Option<EventId> {
        self.0.event_id()
    }

    fn item(&mut self) -> Result<Item, serde_json::Error> {
        Item::feedback(&self.0.event)
    }

    fn companions(self, pipeline: &Pipeline) -> Vec<Item> {
        self.0.companions(pipeline)
    }
}
