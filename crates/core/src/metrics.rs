//! Metrics: counters, gauges and distributions.
//!
//! ```
//! # use watchpost_core as watchpost;
//! use std::time::Duration;
//! use watchpost::metrics;
//!
//! metrics::count("orders.placed", 1).attribute("plan", "pro");
//! metrics::gauge("db.pool.size", 12).unit("connection");
//! metrics::distribution("checkout.duration", Duration::from_millis(87)).unit("second");
//! ```
//!
//! Each measurement is sent with the trace and the span that it was made in, and with the attributes of the scopes. The server adds up: nothing is
//! aggregated here.

use std::borrow::Cow;
use std::fmt;

use watchpost_protocol::{MetricType, MetricValue};

use crate::current::Scopes;
use crate::fields::{FieldValue, Fields};
use crate::heard::{moment, with_client};
use crate::pipeline::MetricRecord;
use crate::{client, mute, scratch};

/// Adds to a counter.
pub fn count(name: impl Into<Cow<'static, str>>, by: impl Into<MetricValue>) -> Measurement {
    Measurement::new(MetricType::Counter, name, by)
}

/// Sets a gauge.
pub fn gauge(name: impl Into<Cow<'static, str>>, value: impl Into<MetricValue>) -> Measurement {
    Measurement::new(MetricType::Gauge, name, value)
}

/// Adds a value to a distribution.
pub fn distribution(name: impl Into<Cow<'static, str>>, value: impl Into<MetricValue>) -> Measurement {
    Measurement::new(MetricType::Distribution, name, value)
}

/// A measurement. It is recorded when it is dropped: at the end of the statement that makes it.
///
/// A value that is not a finite number is counted as lost (`invalid`), and so is a measurement of more than two kilobytes.
pub struct Measurement {
    /// `None`: nobody would hear of it.
    record: Option<MetricRecord>,
    /// The attributes, in the thread's buffer; `None`: there are none.
    fields: Option<Box<Fields>>,
}

impl Measurement {
    fn new(ty: MetricType, name: impl Into<Cow<'static, str>>, value: impl Into<MetricValue>) -> Self {
        let heard = client::any_active() && !mute::is_muted();
        let record = heard.then(|| MetricRecord { name: name.into(), ty, value: value.into(), unit: None });
        Measurement { record, fields: None }
    }

    /// Says what it is measured in: `millisecond`, `byte`, `percent`, …. Default: nothing.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        if let Some(record) = &mut self.record {
            record.unit = Some(unit.into());
        }
        self
    }

    /// Adds an attribute. Values tell measurements apart, so there should be few different ones.
    pub fn attribute<'a>(mut self, key: &'static str, value: impl Into<FieldValue<'a>>) -> Self {
        if self.record.is_some() {
            self.fields.get_or_insert_with(scratch::take).push(key, value.into());
        }
        self
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        let Some(record) = self.record.take() else { return };
        match self.fields.take() {
            None => add(record, &NONE),
            Some(fields) => {
                add(record, &fields);
                scratch::give_back(fields);
            }
        }
    }
}

static NONE: Fields = Fields::new();

fn add(record: MetricRecord, fields: &Fields) {
    Scopes::with_at_hand(|scopes, trace| {
        with_client(scopes, trace, |client| {
            if !client.options().enable_metrics || !client.admits::<MetricRecord>() {
                return;
            }
            let moment = moment(client.options().clock.now(), client, scopes, trace);
            client.add(record, moment, scopes.nearest_first(), fields);
        });
    });
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measurement").field("record", &self.record).finish_non_exhaustive()
    }
}
