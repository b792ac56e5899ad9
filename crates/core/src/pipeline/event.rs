//! What an event is on its way, from the moment of its capture.

use std::sync::Arc;

use watchpost_protocol::{
    Category, DynamicSamplingContext, Event, EventId, Exception, Item, Level, Stacktrace, Thread,
    TraceContext, truncate,
};

use super::{Pipeline, Standalone, Telemetry, ceiling, databag};
use crate::attachment::Attachment;
use crate::config::Config;
use crate::errors::Draft;
use crate::fields::Fields;
use crate::integration::{Integration, RawStack};
use crate::merge::{self, Layers};
use crate::rng;
use crate::scope::{EventProcessor, ScopeData};
use crate::scrub::Rules;
use crate::session::Note;
use crate::unharmed::unharmed;

/// An event, and what belongs to it but is put together on the worker.
pub(crate) struct EventJob {
    pub(crate) event: Event,
    pub(crate) layers: Layers,
    pub(crate) trace: EventTrace,
    pub(crate) stack: Option<RawStack>,
    /// The error's own backtrace, as it printed.
    pub(crate) printed_stack: Option<String>,
    /// The fields of the spans that it happened in.
    pub(crate) fields: Fields,
    pub(crate) attachments: Vec<Attachment>,
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
    pub(crate) fn of(draft: Draft, layers: Layers, trace: EventTrace, default_level: Level) -> Self {
        let Draft { event, notes, attachments } = draft;
        EventJob {
            event,
            layers,
            trace,
            stack: None,
            printed_stack: notes.printed_stack,
            fields: Fields::default(),
            attachments,
            default_level,
            note: None,
        }
    }

    /// Whether it tells of the end of the program, or may.
    pub(super) fn is_crash(&self) -> bool {
        let unhandled = |exception: &Exception| {
            exception.mechanism.as_ref().is_some_and(|mechanism| mechanism.handled == Some(false))
        };
        self.event.level == Some(Level::Fatal) || self.event.exception.iter().any(unhandled)
    }

    /// The client's processors, then those of the scopes, the widest scope's first (§15.4).
    pub(super) fn processors(&self, config: &Config) -> Vec<EventProcessor> {
        let scopes = self.scopes().into_iter().flat_map(|data| &data.processors);
        config.options.event_processors.iter().chain(scopes).cloned().collect()
    }

    /// The widest first.
    fn scopes(&self) -> [&ScopeData; 3] {
        [&self.layers.global.data, &self.layers.isolation.data, &self.layers.current.data]
    }

    fn all_attachments(&self) -> impl Iterator<Item = &Attachment> {
        self.scopes().into_iter().flat_map(|data| &data.attachments).chain(&self.attachments)
    }

    /// What is lost with it.
    pub(super) fn quantities(&self) -> [(Category, u64); 3] {
        quantities(self.all_attachments())
    }

    /// The report of it: the event with all that is known, and the files that go with it.
    pub(super) fn into_report(self, config: &Config) -> Report {
        let attachments = self.all_attachments().cloned().collect();
        Report { event: self.into_event(config), attachments, limit: config.options.max_event_size }
    }

    /// The event with everything that the client and the scopes know (§20.4, steps 1 to 3).
    fn into_event(mut self, config: &Config) -> Event {
        let stack = self.stacktrace(config);
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
        if let Some(stack) = stack {
            attach(&mut event, stack);
        }
        if let Some(source) = &config.options.stack_source {
            source.add_images(&mut event);
        }
        event
    }

    /// The stack of the error, else the one of its capture, with the fields of the spans around it.
    fn stacktrace(&mut self, config: &Config) -> Option<Stacktrace> {
        let source = config.options.stack_source.as_ref()?;
        let printed = self.printed_stack.take().and_then(|printed| source.parse(&printed));
        let mut stack = printed.or_else(|| source.resolve(self.stack.as_ref()?))?;
        if let Some(frame) = stack.frames.last_mut() {
            self.fields.write_to(&mut frame.vars);
        }
        Some(stack)
    }
}

/// What is lost with an event and these attachments.
pub(crate) fn quantities<'a>(attachments: impl Iterator<Item = &'a Attachment>) -> [(Category, u64); 3] {
    let mut quantities = [(Category::Error, 1), (Category::Attachment, 0), (Category::AttachmentItem, 0)];
    for attachment in attachments {
        quantities[1].1 += attachment.quantity();
        quantities[2].1 += 1;
    }
    quantities
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

/// An event that is being finished, and the files that go with it.
pub(super) struct Report {
    pub(super) event: Event,
    attachments: Vec<Attachment>,
    /// How large the event may be.
    limit: usize,
}

impl Report {
    pub(super) fn without_attachments(self) -> Self {
        Report { attachments: Vec::new(), ..self }
    }

    pub(super) fn map(self, step: impl FnOnce(Event) -> Option<Event>) -> Option<Self> {
        Some(Report { event: step(self.event)?, ..self })
    }
}

impl Telemetry for Report {
    fn integrate(self, integration: &dyn Integration) -> Option<Self> {
        self.map(|event| integration.process_event(event))
    }

    fn scrub(&mut self, rules: &Rules) {
        let mut meta = std::mem::take(&mut self.event.meta);
        rules.scrub(&mut self.event, &mut meta);
        self.event.meta = meta;
    }

    fn before_send(self, config: &Config) -> Option<Self> {
        match &config.options.before_send {
            Some(hook) => self.map(|event| hook(event)),
            None => Some(self),
        }
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        quantities(self.attachments.iter()).to_vec()
    }

    fn is_sampled(&self, config: &Config) -> bool {
        let Some(sampler) = &config.options.error_sampler else { return true };
        let share = unharmed(|| sampler(&self.event)).unwrap_or_else(|| {
            crate::debug!("error_sampler panicked: the event is kept");
            1.0
        });
        let is_share = (0.0..=1.0).contains(&share);
        if !is_share {
            crate::debug!("error_sampler returned {share}, which is no share: the event is kept");
        }
        !is_share || share >= 1.0 || rng::sample_rand(&*config.options.rng) < share
    }

    fn trim(&mut self, config: &Config) {
        databag::trim(&mut self.event, &config.options);
        let Event { exception, logentry, meta, .. } = &mut self.event;
        let Some(limit) = config.options.max_value_length else { return };
        for (index, exception) in exception.iter_mut().enumerate() {
            if let Some(cut) = exception.value.as_mut().and_then(|text| truncate(text, limit)) {
                cut.note(&mut meta.at(["exception", "values", &index.to_string(), "value"]).said);
            }
        }
        let formatted = logentry.as_mut().and_then(|entry| entry.formatted.as_mut());
        if let Some(cut) = formatted.and_then(|text| truncate(text, limit)) {
            cut.note(&mut meta.at(["logentry", "formatted"]).said);
        }
    }
}

impl Standalone for Report {
    fn event_id(&self) -> Option<EventId> {
        Some(self.event.event_id)
    }

    fn item(&mut self) -> Result<Item, serde_json::Error> {
        ceiling::item(&mut self.event, self.limit)
    }

    fn companions(self, pipeline: &Pipeline) -> Vec<Item> {
        let limit = pipeline.config.options.max_attachment_size;
        let items =
            self.attachments.into_iter().map(|attachment| attachment.into_item(limit, &pipeline.losses));
        items.flatten().collect()
    }
}
