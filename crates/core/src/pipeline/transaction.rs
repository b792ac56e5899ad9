//! What a transaction is on its way, from the end of its root span.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use watchpost_protocol::{
    Category, DiscardReason, DynamicSamplingContext, EventId, Item, Map, Timestamp, Transaction,
    TransactionInfo, TransactionSource, Value,
};

use super::callsites::Callsites;
use super::ceiling::{self, BODY, CONTEXTS, Common, Cut, EXTRA};
use super::profile;
use super::{Pipeline, Standalone, Telemetry, models};
use crate::config::Config;
use crate::dsc;
use crate::fields::FieldValue;
use crate::filters::{self, SpanRule};
use crate::finished::{AsTraceContext, FinishedSpan, trace_context};
use crate::hints::{self, Rush};
use crate::integration::Integration;
use crate::losses::Losses;
use crate::merge;
use crate::naming::Name;
use crate::options::Options;
use crate::profiling::{Profiled, WriteProfile};
use crate::propagation_context::PropagationContext;
use crate::record::{Buffer, Finished, Lent};
use crate::sampling::Sampled;
use crate::scope::ScopeData;
use crate::scrub::{Path, Rules, Scrub, Walk};
use crate::span_data::{SpanData, SpanValue};

/// How many there are, of the whole process: a developer is told when there are too many.
static RUSH: Rush = Rush::new();

/// A finished trace: its spans as they were recorded, and the scopes that it lived in.
pub(crate) struct TransactionJob {
    pub(crate) event_id: EventId,
    pub(crate) name: Name,
    pub(crate) source: TransactionSource,
    /// Whether the program gave it that name: then it stays, whatever a layer says at the end.
    pub(crate) renamed: bool,
    pub(crate) measurements: Vec<(String, Value)>,
    pub(crate) buffer: Lent,
    /// What the scopes hold, the nearest first.
    pub(crate) layers: [ScopeData; 3],
    pub(crate) propagation: Arc<PropagationContext>,
    pub(crate) sampled: Sampled,
    /// What has profiled it, if anything has.
    pub(crate) profiled: Option<Box<Profiled>>,
}

impl TransactionJob {
    pub(super) fn quantities(&self) -> Vec<(Category, u64)> {
        let own = self.profiled.as_ref().is_some_and(|profiled| profiled.own.is_some());
        quantities(self.buffer.span_count().max(1), own)
    }

    /// The transaction of `buffer` and `layers`, which were the job's, with everything that the client and the scopes know, and the sampling context, frozen with this
    /// envelope unless it was before. Children that did not fit or did not end are counted.
    pub(super) fn into_report<'b>(
        self,
        (buffer, layers): (&'b Buffer, &'b [ScopeData; 3]),
        (config, callsites): (&Config, &Callsites),
        losses: &Losses,
    ) -> Option<(Report<'b>, Arc<DynamicSamplingContext>)> {
        let (time, moment) = buffer.anchor?;
        let at = |later: Instant| {
            let micros = later.saturating_duration_since(moment).as_micros() as i64;
            Timestamp::from_micros(time.as_micros().saturating_add(micros))
        };
        let mut describer = callsites.describer(config.scrub.as_ref());
        let Finished { root, source, children, unfinished, overflow } =
            buffer.finished(self.propagation.trace_id, at, |span, made| describer.describe(span, made));
        let (mut root, lost) = (root?, overflow + unfinished);
        root.parent_span_id = self.propagation.parent_span_id;
        // What was known at the start may be less than what the attributes say in the end: a route, say, that was recorded late.
        let (name, source) = match (source, root.description.take()) {
            (Some(source), Some(described)) if !self.renamed => (described.into_owned().into(), source),
            _ => (self.name.into_text(), self.source),
        };
        merge::into_root(root.origin, &mut root.data, layers);
        let answer = status_code(&root.data);
        let mut report = Report {
            transaction: Transaction {
                event_id: self.event_id,
                transaction: or_unlabeled(name),
                transaction_info: Some(TransactionInfo { source }),
                start_timestamp: Some(root.start_timestamp),
                timestamp: Some(root.timestamp),
                platform: Some("native".into()),
                release: config.release.clone(),
                environment: Some(Arc::clone(&config.environment)),
                server_name: config.server_name.clone(),
                dist: config.dist.clone(),
                sdk: Some(Arc::clone(&config.sdk)),
                measurements: self.measurements.into_iter().collect(),
                ..Transaction::default()
            },
            root: Some(root),
            spans: children,
            profile: None,
            limit: config.options.max_event_size,
        };
        let is_profiled = self.profiled.as_ref().is_some_and(|profiled| profiled.own.is_some());
        let pipeline = layers.iter().find_map(|layer| layer.pipeline.as_deref());
        let ignored = if config.spans_are_read || is_profiled || models::are_seen_in(report.recorded()) {
            report.read(&config.options.ignore_spans, pipeline)
        } else {
            0
        };
        if lost > 0 {
            // How many there were (§6.3).
            report.transaction.meta.below("spans").said.len = Some(report.span_count() + lost);
        }
        merge::into_transaction(&mut report.transaction, layers);
        if let Some(profiled) = self.profiled {
            report.link(&profiled, config, losses);
        }
        if overflow > 0 {
            hints::too_many_spans(&report.transaction.transaction, overflow);
        }
        // Counted when nothing can fail any more that would have all of it counted again.
        losses.record(DiscardReason::BufferOverflow, Category::Span, lost);
        losses.record(DiscardReason::Ignored, Category::Span, ignored);
        let transaction = &report.transaction;
        if let Some(reason) = refuses(&config.options, transaction, answer) {
            crate::debug!("dropped the transaction {:?} ({reason})", transaction.transaction);
            losses.record_all(reason, &report.quantities());
            return None;
        }
        RUSH.count(&transaction.transaction, self.sampled.rate, config.options.clock.monotonic());
        let named = || (transaction.transaction.clone(), source);
        let dsc = dsc::of_trace(&self.propagation, config, &self.sampled, named);
        Some((report, dsc))
    }
}

/// What is lost with a transaction of so many spans, the root included.
fn quantities(spans: u64, profile: bool) -> Vec<(Category, u64)> {
    let mut quantities = vec![(Category::Transaction, 1), (Category::Span, spans)];
    quantities.extend(profile.then_some((Category::Profile, 1)));
    quantities
}

/// Why a finished transaction is not wanted, if it is not: it may have been named, and answered, long after it was sampled.
fn refuses(options: &Options, transaction: &Transaction, answer: Option<u16>) -> Option<DiscardReason> {
    let name = &transaction.transaction;
    // Where there are rules for spans, the root has become a trace context.
    if let Some(root) = &transaction.contexts.trace
        && filters::ignores_span(&options.ignore_spans, name, &root.data)
    {
        return Some(DiscardReason::Ignored);
    }
    let answered_so = answer.is_some_and(|code| options.trace_ignore_status_codes.contains(&code));
    (answered_so || filters::ignores_transaction(&options.ignore_transactions, name))
        .then_some(DiscardReason::EventProcessor)
}

fn status_code(attributes: &SpanData<'_>) -> Option<u16> {
    match attributes.get("http.response.status_code")? {
        FieldValue::Str(code) => code.parse().ok(),
        FieldValue::U64(code) => code.try_into().ok(),
        FieldValue::I64(code) => code.try_into().ok(),
        FieldValue::F64(_) | FieldValue::Bool(_) => None,
    }
}

fn or_unlabeled(given: Cow<'static, str>) -> String {
    if given.is_empty() { "<unlabeled transaction>".to_owned() } else { given.into_owned() }
}

/// A transaction that is being finished, with those of its spans that nobody wants to see on their way, and the profile that goes with it.
pub(super) struct Report<'a> {
    transaction: Transaction,
    /// `None` once it is a trace context.
    root: Option<FinishedSpan<'a>>,
    spans: Vec<FinishedSpan<'a>>,
    profile: Option<WriteProfile>,
    /// How many bytes it may have. What its spans say is never cut (§16.7).
    limit: usize,
}

/// What goes if it has more, in this order.
const CUTS: [Cut<Transaction>; 3] = [
    (BODY, |transaction| ceiling::body(&mut of_transaction(transaction))),
    (EXTRA, |transaction| ceiling::extra(&mut of_transaction(transaction))),
    (CONTEXTS, |transaction| ceiling::contexts(&mut of_transaction(transaction))),
];

fn of_transaction(transaction: &mut Transaction) -> Common<'_> {
    let Transaction { request, extra, contexts, meta, .. } = transaction;
    Common { request, extra, contexts: &mut contexts.other, meta }
}

impl<'a> Report<'a> {
    /// The spans that are as they were recorded, the root first.
    fn recorded(&self) -> impl Iterator<Item = &FinishedSpan<'a>> {
        self.root.iter().chain(&self.spans)
    }

    /// Makes of its spans what the protocol has, for those who read that; says how many were not wanted.
    fn read(&mut self, unwanted: &[SpanRule], pipeline: Option<&str>) -> u64 {
        let Some(root) = self.root.take() else { return 0 };
        let mut root = root.into_record();
        let mut spans = std::mem::take(&mut self.spans).into_iter().map(FinishedSpan::into_record).collect();
        let ignored = filters::without_ignored(unwanted, &mut spans);
        models::complete(&mut root, &mut spans, pipeline);
        self.transaction.contexts.trace = Some(trace_context(root));
        self.transaction.spans = spans;
        ignored
    }

    /// Says what has profiled it (§13.1, §13.2); takes its own profile along, if there is one that is worth sending.
    fn link(&mut self, profiled: &Profiled, config: &Config, losses: &Losses) {
        let own = profiled.own.as_ref().and_then(|own| {
            let profile = (own.profiling.plug().profile)(own, &profile::program(config));
            if profile.is_none() {
                losses.record(DiscardReason::InsufficientData, Category::Profile, 1);
            }
            Some((own.id, profile?))
        });
        let mut context = Map::new();
        if let Some((id, _)) = &own {
            context.insert("profile_id".into(), id.to_string().into());
        }
        if let Some(profiler) = profiled.profiler {
            let id = Value::from(profiler.to_string());
            let transaction = &mut self.transaction;
            let root = transaction.contexts.trace.as_mut().map(|trace| &mut trace.data);
            for data in transaction.spans.iter_mut().map(|span| &mut span.data).chain(root) {
                data.insert("profiler_id".into(), id.clone());
            }
            for span in self.root.iter_mut().chain(&mut self.spans) {
                span.data.insert("profiler_id", SpanValue::Made(profiler.to_string()));
            }
            context.insert("profiler_id".into(), id);
        }
        if !context.is_empty() {
            self.transaction.contexts.other.insert("profile".into(), context.into());
        }
        self.profile = own.map(|(_, write)| write);
    }

    fn change(self, change: impl FnOnce(Transaction) -> Option<Transaction>) -> Option<Self> {
        Some(Report { transaction: change(self.transaction)?, ..self })
    }

    /// Its children.
    fn span_count(&self) -> u64 {
        (self.transaction.spans.len() + self.spans.len()) as u64
    }
}

impl Scrub for Report<'_> {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        self.transaction.scrub(walk, at);
        self.root.scrub(walk, &at.key("contexts").key("trace"));
        let first = self.transaction.spans.len();
        let at = at.key("spans");
        for (index, span) in self.spans.iter_mut().enumerate() {
            span.scrub(walk, &at.index(first + index));
        }
    }
}

impl Telemetry for Report<'_> {
    fn integrate(self, integration: &dyn Integration) -> Option<Self> {
        self.change(|transaction| integration.process_transaction(transaction))
    }

    fn scrub(&mut self, rules: &Rules) {
        let mut meta = std::mem::take(&mut self.transaction.meta);
        rules.scrub(self, &mut meta);
        self.transaction.meta = meta;
    }

    fn before_send(self, config: &Config) -> Option<Self> {
        match &config.options.before_send_transaction {
            Some(hook) => self.change(|transaction| hook(transaction)),
            None => Some(self),
        }
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        quantities(self.span_count() + 1, self.profile.is_some())
    }

    fn part_lost(&self, before: &[(Category, u64)]) -> Option<(Category, u64)> {
        let spans = before.iter().find(|(category, _)| *category == Category::Span)?.1;
        let lost = spans.saturating_sub(self.span_count() + 1);
        (lost > 0).then_some((Category::Span, lost))
    }

    // Names and descriptions of spans are never cut (§16.7).
    fn trim(&mut self, _: &Config) {}
}

impl Standalone for Report<'_> {
    fn event_id(&self) -> Option<EventId> {
        Some(self.transaction.event_id)
    }

    fn item(&mut self) -> Result<Item, serde_json::Error> {
        let root = self.root.as_ref().map(AsTraceContext);
        ceiling::fit("a transaction", &mut self.transaction, self.limit, &CUTS, |transaction| {
            Item::transaction_with_spans(transaction, root.as_ref(), &self.spans)
        })
    }

    fn companions(self, pipeline: &Pipeline) -> Vec<Item> {
        let Some(profile) = self.profile else { return Vec::new() };
        let item = profile(&self.transaction);
        if let Err(error) = &item {
            crate::debug!("a profile could not be serialised: {error}");
            pipeline.losses.record(DiscardReason::InternalSdkError, Category::Profile, 1);
        }
        item.into_iter().collect()
    }
}
