//! What a measurement is on its way.

use std::borrow::Cow;

use watchpost_protocol::{Attributes, Category, EventId, Item, Metric, MetricType, MetricValue};

use super::batches::{Batches, Record};
use super::{Job, Telemetry, attributes};
use crate::batch::{Batcher, Entry};
use crate::config::Config;
use crate::integration::Integration;
use crate::scrub::Rules;

/// One metric that is larger costs all of its envelope (§10.1).
const MAX_BYTES: usize = 2048;

/// What the JSON of a metric takes besides its name, its value and its attributes, and what that of an attribute takes, about.
const AROUND: usize = 200;
const AROUND_ATTRIBUTE: usize = 32;

/// A measurement, without its attributes.
#[derive(Debug)]
pub(crate) struct MetricRecord {
    pub(crate) name: Cow<'static, str>,
    pub(crate) ty: MetricType,
    pub(crate) value: MetricValue,
    pub(crate) unit: Option<Cow<'static, str>>,
}

impl Record for MetricRecord {
    type Item = Metric;
    const CATEGORIES: [Category; 2] = [Category::TraceMetric, Category::TraceMetricByte];

    fn batcher(batches: &Batches) -> &Batcher<Self, Job> {
        batches.metrics()
    }

    fn make(entry: &Entry<'_, Self>, config: &Config) -> Metric {
        let MetricRecord { name, ty, value, unit } = entry.said;
        let mut attributes = Attributes::new();
        for (key, value) in entry.fields() {
            attributes::insert(&mut attributes, key, value);
        }
        attributes::fill(&mut attributes, entry.scopes, config);
        Metric {
            timestamp: entry.moment.timestamp,
            trace_id: entry.moment.trace_id,
            span_id: entry.moment.span_id,
            name: name.clone(),
            ty: *ty,
            value: *value,
            unit: unit.clone(),
            attributes,
            other: Default::default(),
        }
    }

    fn container(metrics: &[Metric]) -> Result<Item, serde_json::Error> {
        Item::metrics(metrics)
    }
}

impl Telemetry for Metric {
    /// Metrics pass no processor and no integration (§10.2).
    fn integrate(self, _: &dyn Integration) -> Option<Self> {
        Some(self)
    }

    fn scrub(&mut self, rules: &Rules) {
        rules.scrub(self, &mut None);
    }

    fn before_send(self, config: &Config) -> Option<Self> {
        match &config.options.before_send_metric {
            Some(hook) => hook(self),
            None => Some(self),
        }
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        self.losses().to_vec()
    }

    // What is too long is refused, not cut: see `refuse`.
    fn trim(&mut self, _: &Config) {}

    fn refuse(&self) -> Option<&'static str> {
        if !self.value.as_f64().is_finite() {
            return Some("its value is not finite");
        }
        let written = self.losses()[1].1 as usize + AROUND_ATTRIBUTE * self.attributes.len() + AROUND;
        (written > MAX_BYTES).then_some("it is larger than two kilobytes, with its attributes")
    }

    fn event_id(&self) -> Option<EventId> {
        None
    }

    fn item(&mut self) -> Result<Item, serde_json::Error> {
        Item::metrics(std::slice::from_ref(self))
    }
}
