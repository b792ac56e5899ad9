//! What a transaction is on its way, from the end of its root span.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use watchpost_protocol::{
    Category, DiscardReason, DynamicSamplingContext, EventId, Item, Map, SpanId, SpanRecord, Timestamp,
    TraceContext, Transaction, TransactionInfo, TransactionSource, Value,
};

use super::{Standalone, Telemetry, models};
use crate::config::Config;
use crate::dsc;
use crate::filters;
use crate::hints::Rush;
use crate::integration::Integration;
use crate::losses::Losses;
use crate::merge;
use crate::naming::Name;
use crate::options::Options;
use crate::propagation_context::PropagationContext;
use crate::record::Buffer;
use crate::sampling::Sampled;
use crate::scope::ScopeData;
use crate::scrub::Rules;

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
    pub(crate) buffer: Buffer,
    /// What the scopes hold, the nearest first.
    pub(crate) layers: [ScopeData; 3],
    pub(crate) propagation: Arc<PropagationContext>,
    pub(crate) sampled: Sampled,
}

impl TransactionJob {
    pub(super) fn quantities(&self) -> Vec<(Category, u64)> {
        vec![(Category::Transaction, 1), (Category::Span, self.buffer.span_count().max(1))]
    }

    /// The transaction with everything that the client and the scopes know, and the sampling context, frozen with this envelope unless it
    /// was before. Children that did not fit or did not end are counted.
    pub(super) fn into_transaction(
        self,
        config: &Config,
        losses: &Losses,
    ) -> Option<(Transaction, Arc<DynamicSamplingContext>)> {
        let (time, moment) = self.buffer.anchor?;
        let at = |later: Instant| {
            let micros = later.saturating_duration_since(moment).as_micros() as i64;
            Timestamp::from_micros(time.as_micros().saturating_add(micros))
        };
        let mut records = self.buffer.into_records(self.propagation.trace_id, at);
        let lost = records.overflow + records.unfinished;
        let mut root = records.root?;
        let ignored = filters::without_ignored(&config.options.ignore_spans, &mut records.children);
        let pipeline = self.layers.iter().find_map(|layer| layer.pipeline.as_deref());
        models::complete(&mut root, &mut records.children, pipeline);
        // What was known at the start may be less than what the attributes say in the end: a route, say, that was recorded late.
        let (name, source) = match (records.source, root.description.take()) {
            (Some(source), Some(described)) if !self.renamed => (described.into(), source),
            _ => (self.name.into_text(), self.source),
        };
        let mut transaction = Transaction {
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
            meta: (lost > 0).then(|| spans_meta(records.children.len() as u64 + lost)),
            spans: records.children,
            measurements: self.measurements.into_iter().collect(),
            ..Transaction::default()
        };
        transaction.contexts.trace = Some(trace_context(root, self.propagation.parent_span_id));
        merge::into_transaction(&mut transaction, &self.layers);
        // Counted when nothing can fail any more that would have all of it counted again.
        losses.record(DiscardReason::BufferOverflow, Category::Span, lost);
        losses.record(DiscardReason::Ignored, Category::Span, ignored);
        if let Some(reason) = refuses(&config.options, &transaction) {
            crate::debug!("dropped the transaction {:?} ({reason})", transaction.transaction);
            losses.record_all(reason, &transaction.quantities());
            return None;
        }
        RUSH.count(&transaction.transaction, self.sampled.rate, config.options.clock.monotonic());
        let named = || (transaction.transaction.clone(), source);
        let dsc = dsc::of_trace(&self.propagation, config, &self.sampled, named);
        Some((transaction, dsc))
    }
}

/// Why a finished transaction is not wanted, if it is not: it may have been named, and answered, long after it was sampled.
fn refuses(options: &Options, transaction: &Transaction) -> Option<DiscardReason> {
    let (name, attributes) = (&transaction.transaction, &transaction.contexts.trace.as_ref()?.data);
    if filters::ignores_span(&options.ignore_spans, name, attributes) {
        return Some(DiscardReason::Ignored);
    }
    let answered_so =
        status_code(attributes).is_some_and(|code| options.trace_ignore_status_codes.contains(&code));
    (answered_so || filters::ignores_transaction(&options.ignore_transactions, name))
        .then_some(DiscardReason::EventProcessor)
}

fn status_code(attributes: &Map<String, Value>) -> Option<u16> {
    match attributes.get("http.response.status_code")? {
        Value::String(code) => code.parse().ok(),
        code => code.as_u64()?.try_into().ok(),
    }
}

fn or_unlabeled(given: Cow<'static, str>) -> String {
    if given.is_empty() { "<unlabeled transaction>".to_owned() } else { given.into_owned() }
}

fn trace_context(root: SpanRecord, parent_span_id: Option<SpanId>) -> TraceContext {
    TraceContext {
        trace_id: root.trace_id,
        span_id: root.span_id,
        parent_span_id,
        op: root.op,
        status: root.status,
        origin: root.origin,
        data: root.data,
        links: root.links,
        ..TraceContext::default()
    }
}

/// How many spans there were (§6.3).
fn spans_meta(original: u64) -> Value {
    serde_json::json!({ "spans": { "": { "len": original } } })
}

impl Telemetry for Transaction {
    fn integrate(self, integration: &dyn Integration) -> Option<Self> {
        integration.process_transaction(self)
    }

    fn scrub(&mut self, rules: &Rules) {
        let mut meta = self.meta.take();
        rules.scrub(self, &mut meta);
        self.meta = meta;
    }

    fn before_send(self, config: &Config) -> Option<Self> {
        match &config.options.before_send_transaction {
            Some(hook) => hook(self),
            None => Some(self),
        }
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        vec![(Category::Transaction, 1), (Category::Span, self.spans.len() as u64 + 1)]
    }

    fn part_lost(&self, before: &[(Category, u64)]) -> Option<(Category, u64)> {
        let spans = before.iter().find(|(category, _)| *category == Category::Span)?.1;
        let lost = spans.saturating_sub(self.spans.len() as u64 + 1);
        (lost > 0).then_some((Category::Span, lost))
    }

    // Names and descriptions of spans are never cut (§16.7).
    fn trim(&mut self, _: &Config) {}
}

impl Standalone for Transaction {
    fn event_id(&self) -> Option<EventId> {
        Some(self.event_id)
    }

    fn item(&mut self) -> Result<Item, serde_json::Error> {
        Item::transaction(self)
    }
}
