//! What an event is on its way, from the moment of its capture.

use std::sync::Arc;

use watchpost_protocol::{
    Category, DynamicSamplingContext, Event, EventId, Exception, Item, Level, Stacktrace, Thread,
    TraceContext, truncate,
};

use super::Telemetry;
use crate::config::Config;
use crate::integration::{Integration, RawStack};
use crate::merge::{self, Layers};
use crate::scope::EventProcessor;
use crate::scrub::Rules;
use crate::session::Note;

/// An event, and what belongs to it but is put together on the worker.
pub(crate) struct EventJob {
    pub(crate) event: Event,
    pub(crate) layers: Layers,
    pub(crate) trace: EventTrace,
    pub(crate) stack: Option<RawStack>,
    pub(crate) default_level: Level,
    /// What it means for the session that it happened in.
    pub(crate) note: Option<Note>,
}

/// The trace of an event: of the open span, or of the scope's propagation context.
#[derive(Default)]
pub(crate) struct EventTrace {
    pub(crate) context: Option<TraceContext>,
    pub(crate) dsc: Option<Arc<DynamicSamplingContext>>,
    /// The name of the transaction that is open.
    pub(crate) transaction: Option<String>,
}

impl EventJob {
    /// Whether it tells of the end of the program, or may.
    pub(super) fn is_crash(&self) -> bool {
        let unhandled = |exception: &Exception| {
            exception.mechanism.as_ref().is_some_and(|mechanism| mechanism.handled == Some(false))
        };
        self.event.level == Some(Level::Fatal) || self.event.exception.iter().any(unhandled)
    }

    /// The scopes' processors, the widest scope's first (§15.4).
    pub(super) fn processors(&self) -> Vec<EventProcessor> {
        let layers = [&self.layers.global, &self.layers.isolation, &self.layers.current];
        layers.iter().flat_map(|layer| layer.data.processors.iter().cloned()).collect()
    }

    /// The event with everything that the client and the scopes know (§20.4, steps 1 to 3).
    pub(super) fn into_event(self, config: &Config) -> Event {
        let mut event = self.event;
        event.platform.get_or_insert("native".into());
        fill(&mut event.release, &config.release);
        fill(&mut event.dist, &config.dist);
        fill(&mut event.server_name, &config.server_name);
        event.environment.get_or_insert_with(|| Arc::clone(&config.environment));
        event.sdk.get_or_insert_with(|| Arc::clone(&config.sdk));
        if event.contexts.trace.is_none() {
            event.contexts.trace = self.trace.context;
        }
        merge::into_event(&mut event, &self.layers, self.default_level, config.options.max_breadcrumbs);
        if event.transaction.is_none() {
            event.transaction = self.trace.transaction;
        }
        if let (Some(stack), Some(source)) = (&self.stack, &config.options.stack_source)
            && let Some(stacktrace) = source.resolve(stack)
        {
            attach(&mut event, stacktrace);
        }
        event
    }
}

fn fill(field: &mut Option<Arc<str>>, value: &Option<Arc<str>>) {
    if field.is_none() {
        field.clone_from(value);
    }
}

/// The stack belongs to the error that was captured, which is the last one; without an error, to the thread (§5.11).
fn attach(event: &mut Event, stacktrace: Stacktrace) {
    match event.exception.last_mut() {
        Some(exception) if exception.stacktrace.is_none() => exception.stacktrace = Some(stacktrace),
        Some(_) => {}
        None => event.threads.push(Thread {
            crashed: Some(false),
            current: Some(true),
            stacktrace: Some(stacktrace),
            ..Thread::default()
        }),
    }
}

impl Telemetry for Event {
    fn integrate(self, integration: &dyn Integration) -> Option<Self> {
        integration.process_event(self)
    }

    fn scrub(&mut self, rules: &Rules) {
        let mut meta = self.meta.take();
        rules.scrub(self, &mut meta);
        self.meta = meta;
    }

    fn before_send(self, config: &Config) -> Option<Self> {
        match &config.options.before_send {
            Some(hook) => hook(self),
            None => Some(self),
        }
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        vec![(Category::Error, 1)]
    }

    fn trim(&mut self, config: &Config) {
        let Some(limit) = config.options.max_value_length else { return };
        let values = self.exception.iter_mut().filter_map(|exception| exception.value.as_mut());
        let message = self.logentry.iter_mut().filter_map(|entry| entry.formatted.as_mut());
        for text in values.chain(message) {
            truncate(text, limit);
        }
    }

    fn event_id(&self) -> Option<EventId> {
        Some(self.event_id)
    }

    fn item(&self) -> Result<Item, serde_json::Error> {
        Item::event(self)
    }
}
