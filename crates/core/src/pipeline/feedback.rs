//! What feedback is on its way: an event of its own, which no hook for errors sees (`protocol.md` §14.2).

use watchpost_protocol::{Category, DiscardReason, Envelope, Event, EventId, Item};

use super::event::Report;
use super::{EventJob, ItemJob, Job, Pipeline, Telemetry, weight};
use crate::config::Config;
use crate::integration::Integration;
use crate::outbox::{Label, Priority};
use crate::scrub::Rules;

/// An event that says what a user said. The files of the scopes go with errors only.
struct FeedbackEvent(Report);

impl Job {
    pub(crate) fn feedback(job: EventJob) -> Self {
        let weight = weight::event(&job);
        Job::Item(ItemJob {
            label: Label { priority: Priority::Error, category: Category::Feedback, order: None, weight },
            quantities: [(Category::Feedback, 1), (Category::Feedback, 0), (Category::Feedback, 0)],
            prepare: Box::new(move |pipeline| pipeline.prepare_feedback(job)),
        })
    }
}

impl Pipeline {
    fn prepare_feedback(&self, job: EventJob) -> Option<Envelope> {
        let dsc = job.trace.dsc.clone();
        let processors = job.processors(&self.config);
        let mut feedback = FeedbackEvent(job.into_report(&self.config).without_attachments());
        feedback.0.event.contexts.other.remove("flags"); // they are told of errors only (§14.3)
        for processor in &processors {
            feedback = self.step(feedback, DiscardReason::EventProcessor, |feedback| {
                feedback.with(|event| processor(event))
            })?;
        }
        self.finish(feedback, dsc)
    }
}

impl FeedbackEvent {
    fn with(self, step: impl FnOnce(Event) -> Option<Event>) -> Option<Self> {
        self.0.map(step).map(FeedbackEvent)
    }
}

impl Telemetry for FeedbackEvent {
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
        vec![(Category::Feedback, 1)]
    }

    fn trim(&mut self, config: &Config) {
        self.0.trim(config);
    }

    fn event_id(&self) -> Option<EventId> {
        self.0.event_id()
    }

    fn item(&mut self) -> Result<Item, serde_json::Error> {
        Item::feedback(&self.0.event)
    }
}
