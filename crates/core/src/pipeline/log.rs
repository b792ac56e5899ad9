//! What a log is on its way, from the call that said it.

use std::borrow::Cow;

use watchpost_protocol::{Category, Log, LogLevel, Meta, truncate};

use super::batches::{Batches, Record};
use super::{Job, Telemetry, attributes};
use crate::batch::{Batcher, Entry};
use crate::config::Config;
use crate::fields::FieldValue;
use crate::integration::Integration;
use crate::origin::Site;
use crate::scrub::{FILTERED, Rules};

/// The field that is the body of a log, and no attribute.
const MESSAGE: &str = "message";

/// A log, without its fields.
#[derive(Debug)]
pub(crate) struct LogRecord {
    pub(crate) level: LogLevel,
    pub(crate) source: LogSource,
}

/// Who said a log.
#[derive(Debug)]
pub(crate) enum LogSource {
    /// The program itself, with a template if it has parameters.
    ByHand { template: Option<&'static str> },
    /// A logging library, which a layer or a bridge listens to.
    Bridged { origin: &'static str, logger: Cow<'static, str>, site: Site },
}

impl Record for LogRecord {
    type Item = Log;
    const CATEGORIES: [Category; 2] = [Category::LogItem, Category::LogByte];

    fn batcher(batches: &Batches) -> &Batcher<Self, Job> {
        batches.logs()
    }

    fn make(entry: &Entry<'_, Self>, config: &Config) -> Log {
        let mut log = Log {
            timestamp: entry.moment.timestamp,
            trace_id: entry.moment.trace_id,
            span_id: entry.moment.span_id,
            level: entry.said.level,
            severity_number: Some(entry.said.level.severity_number()),
            ..Log::default()
        };
        // The message comes last, or once: what the program calls by that name besides is an attribute.
        let message = entry.fields().rposition_of(MESSAGE);
        for (position, (key, value)) in entry.fields().enumerate() {
            if Some(position) == message {
                log.body = value.to_string();
            } else {
                attributes::insert(&mut log.attributes, key, value);
            }
        }
        entry.said.source.describe(&mut log);
        if log.body.is_empty() {
            log.body = spelled_out(entry, config).unwrap_or_else(|| entry.said.source.name().to_owned());
        }
        attributes::fill(&mut log.attributes, entry.scopes, config);
        log
    }
}

/// Where in a list of fields the last of a key is.
trait RPositionOf {
    fn rposition_of(self, key: &str) -> Option<usize>;
}

impl<'a, I: Iterator<Item = (&'a str, FieldValue<'a>)>> RPositionOf for I {
    fn rposition_of(self, key: &str) -> Option<usize> {
        self.enumerate().filter(|(_, (known, _))| *known == key).last().map(|(position, _)| position)
    }
}

impl LogSource {
    fn name(&self) -> &str {
        match self {
            LogSource::ByHand { template } => template.unwrap_or_default(),
            LogSource::Bridged { logger, .. } => logger,
        }
    }

    fn describe(&self, log: &mut Log) {
        let mut put = |key: &str, value: Option<FieldValue<'_>>| {
            if let (Some(value), false) = (value, log.attributes.contains_key(key)) {
                attributes::insert(&mut log.attributes, key, value);
            }
        };
        match self {
            LogSource::ByHand { template } => {
                put("sentry.message.template", template.map(FieldValue::Str));
            }
            LogSource::Bridged { origin, logger, site } => {
                put("sentry.origin", Some(FieldValue::Str(origin)));
                put("logger.name", Some(FieldValue::Str(logger)));
                put("code.file.path", site.file.map(FieldValue::Str));
                put("code.line.number", site.line.map(FieldValue::from));
                put("code.namespace", site.module.map(FieldValue::Str));
            }
        }
    }
}

/// What a log without a message says: its fields. A body is not searched for secrets: what is named as one does not go into it.
fn spelled_out(entry: &Entry<'_, LogRecord>, config: &Config) -> Option<String> {
    let show = |(key, value): (&str, FieldValue<'_>)| match config.hides_in_text(key) {
        true => format!("{key}={FILTERED}"),
        false => format!("{key}={value}"),
    };
    let fields: Vec<String> = entry.fields().filter(|(key, _)| *key != MESSAGE).map(show).collect();
    (!fields.is_empty()).then(|| fields.join(" "))
}

impl Telemetry for Log {
    /// Logs pass no processor and no integration (§9.3).
    fn integrate(self, _: &dyn Integration) -> Option<Self> {
        Some(self)
    }

    fn scrub(&mut self, rules: &Rules) {
        rules.scrub(self, &mut Meta::default());
    }

    fn before_send(self, config: &Config) -> Option<Self> {
        match &config.options.before_send_log {
            Some(hook) => hook(self),
            None => Some(self),
        }
    }

    fn quantities(&self) -> Vec<(Category, u64)> {
        self.losses().to_vec()
    }

    fn trim(&mut self, config: &Config) {
        if let Some(limit) = config.options.max_value_length {
            truncate(&mut self.body, limit);
        }
    }
}
