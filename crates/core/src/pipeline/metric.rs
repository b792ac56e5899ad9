//! What a measurement is on its way.

use std::borrow::Cow;

use watchpost_protocol::{Attributes, Category, Meta, Metric, MetricType, MetricValue};

use super::batches::{Batches, Record};
use super::{Job, Telemetry, attributes};
use crate::batch::{Batcher, Entry};
use crate::config::Config;
use crate::integration::Integration;
use crate::scrub::Rules;

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
}

impl Telemetry for Metric {
    /// Metrics pass no processor and no integration (§10.2).
    fn integrate(self, _: &dyn Integration) -> Option<Self> {
        Some(self)
    }

    fn scrub(&mut self, rules: &Rules) {
        rules.scrub(self, &mut Meta::default());
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

    // What is too long is refused, not cut.
    fn trim(&mut self, _: &Config) {}

    fn refuse(&self) -> Option<&'static str> {
        (!self.value.as_f64().is_finite()).then_some("its value is not finite")
    }
}
