//! What is told line by line: logs, metrics, check-ins.

use watchpost_protocol::{Attributes, CheckIn, CheckInStatus, Event, Log, LogLevel, Metric, MetricType};

use super::page::{Line, Page, Style, wrap};
use super::{facts, format};

/// What every log and metric has, which is the same for all: not shown.
const OF_ALL: [&str; 10] = [
    "sentry.environment",
    "sentry.release",
    "sentry.sdk.name",
    "sentry.sdk.version",
    "sentry.message.template",
    "sentry.origin",
    "server.address",
    "code.file.path",
    "code.line.number",
    "code.namespace",
];

/// As wide as the longest level, or kind of metric.
const KIND: usize = "distribution".len();

pub(super) fn logs(page: &mut Page, logs: &[Log]) {
    for log in logs {
        let line = begin(log.timestamp, level(log.level), log.level.as_str());
        page.push(with(line.put(Style::Plain, log.body.trim_end()), &log.attributes));
    }
}

pub(super) fn metrics(page: &mut Page, metrics: &[Metric]) {
    for metric in metrics {
        let sign = if metric.ty == MetricType::Counter { "+" } else { "" };
        let unit = metric.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
        let line = begin(metric.timestamp, Style::Blue, metric.ty.as_str()).put(Style::Plain, &metric.name);
        let line = line.put(Style::Bold, &format!("  {sign}{}{unit}", metric.value.as_f64()));
        page.push(with(line, &metric.attributes));
    }
}

pub(super) fn check_in(page: &mut Page, check_in: &CheckIn) {
    let style = match check_in.status {
        CheckInStatus::InProgress => Style::Blue,
        CheckInStatus::Ok => Style::Green,
        CheckInStatus::Error => Style::Red,
    };
    let line = Line::new().put(Style::Dim, "check-in  ").put(Style::Bold, check_in.monitor_slug.as_str());
    let mut line = line.put(style, &format!("  {}", check_in.status));
    if let Some(seconds) = check_in.duration {
        line = line.put(Style::Plain, &format!("  {}", format::duration((seconds * 1e6) as i64)));
    }
    page.push(line);
}

/// What a user says, and what is known of them.
pub(super) fn feedback(page: &mut Page, event: &Event) {
    /// A long message is cut after this many rows.
    const ROWS: usize = 8;
    const LABEL: &str = "feedback  ";
    let context = event.contexts.other.get("feedback");
    let text = |key: &str| context.and_then(|context| context.get(key)?.as_str());
    let mut line = Line::new().put(Style::Dim, LABEL);
    for row in wrap(text("message").unwrap_or_default(), page.room() - LABEL.len()).into_iter().take(ROWS) {
        page.push(line.put(Style::Bold, &row));
        line = Line::new().to(LABEL.len());
    }
    let known = ["name", "contact_email", "url", "associated_event_id"];
    for (key, value) in known.into_iter().filter_map(|key| Some((key, text(key)?))) {
        page.push(Line::new().to(LABEL.len()).join(facts::pair(key, value)));
    }
}

fn begin(timestamp: watchpost_protocol::Timestamp, style: Style, kind: &str) -> Line {
    let line = Line::new().put(Style::Dim, &format::clock(timestamp)).put(Style::Plain, "  ");
    let end = line.width() + KIND + 2;
    line.put(style, kind).to(end)
}

fn with(mut line: Line, attributes: &Attributes) -> Line {
    let own = attributes.iter().filter(|(key, _)| !OF_ALL.contains(&key.as_str()));
    for (key, value) in own {
        let key = key.strip_prefix("sentry.message.parameter.").unwrap_or(key);
        let value = value.to_json().unwrap_or_default();
        line = line.put(Style::Plain, "  ").join(facts::pair(key, &format::value(&value)));
    }
    line
}

fn level(level: LogLevel) -> Style {
    match level {
        LogLevel::Trace | LogLevel::Debug => Style::Dim,
        LogLevel::Info => Style::Green,
        LogLevel::Warn => Style::Yellow,
        LogLevel::Error => Style::Red,
        LogLevel::Fatal => Style::RedBold,
    }
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::{CheckInId, MetricValue, MonitorSlug, TraceId};

    use super::super::samples;
    use super::*;

    fn rows(draw: impl FnOnce(&mut Page)) -> Vec<String> {
        let mut page = Page::new(100, false);
        draw(&mut page);
        page.finish().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn each_is_a_line_with_what_is_its_own() {
        let trace_id = TraceId::from_bytes([1; 16]);
        let mut log = Log {
            trace_id,
            timestamp: samples::at(0),
            body: "ann bought a lamp".into(),
            level: LogLevel::Warn,
            ..Log::default()
        };
        for (key, value) in
            [("sentry.message.parameter.user", "ann"), ("sentry.sdk.name", "x"), ("where", "shop")]
        {
            log.attributes.insert(key.into(), value.into());
        }
        let metric = Metric {
            timestamp: samples::at(0),
            trace_id,
            span_id: None,
            name: "orders".into(),
            ty: MetricType::Counter,
            value: MetricValue::Integer(2),
            unit: Some("order".into()),
            attributes: Attributes::new(),
            other: Default::default(),
        };
        let time = format::clock(samples::at(0));
        assert_eq!(
            rows(|page| super::logs(page, std::slice::from_ref(&log))),
            [format!("▌ {time}  warn          ann bought a lamp  user=ann  where=shop")]
        );
        assert_eq!(
            rows(|page| super::metrics(page, std::slice::from_ref(&metric))),
            [format!("▌ {time}  counter       orders  +2 order")]
        );
    }

    #[test]
    fn a_check_in_says_how_long_it_took() {
        let check_in = CheckIn {
            check_in_id: CheckInId::default(),
            monitor_slug: MonitorSlug::literal("nightly"),
            status: CheckInStatus::Ok,
            duration: Some(1.25),
            release: None,
            environment: None,
            monitor_config: None,
            contexts: None,
            other: Default::default(),
        };
        assert_eq!(rows(|page| super::check_in(page, &check_in)), ["▌ check-in  nightly  ok  1.250 s"]);
    }
}
