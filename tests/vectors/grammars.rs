//! Areas that are grammars of text: the DSN, `sentry-trace` and `baggage`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchpost::Dsn;
use watchpost::protocol::propagation::{
    Baggage, DynamicSamplingContext, SentryTrace, merge_baggage, strip_sentry,
};
use watchpost::protocol::{DsnError, SpanId, TraceId};

use crate::known::Deviation;
use crate::{Checked, Outcome, Vector, differs, equal, only, switch, text, unknown};

pub(crate) fn dsn(vector: &Vector<'_>) -> Outcome {
    let given = vector.input.as_str().ok_or_else(unknown)?;
    let parsed = given.parse::<Dsn>();
    if let Some(problem) = text(vector.expected, "error")? {
        only(vector.expected, &["error"])?;
        let problem = problem.to_lowercase();
        return match parsed {
            Err(error) if problem.contains(wrong_part(&error)) => Ok(Checked::Same),
            Err(error) if has_no_key(given) && problem.contains("hostname") => {
                differs(Deviation::KeyIsReadFirst, wrong_part(&error), "hostname", "public key")
            }
            Err(error) => Err(format!("expected {problem:?}, but {error}")),
            Ok(dsn) => Err(format!("expected {problem:?}, parsed as {dsn:?}")),
        };
    }
    only(vector.expected, &["ok"])?;
    let expected = &vector.expected["ok"];
    let (_, project) = given.rsplit_once('/').ok_or_else(unknown)?;
    let digits = project.bytes().all(|byte| byte.is_ascii_digit());
    let zeros_lost =
        project.starts_with('0') && text(expected, "project_id")? == Some(project.trim_start_matches('0'));
    if !digits || zeros_lost {
        let instead = digits.then(|| project.to_owned());
        let ours = parsed.ok().map(|dsn| dsn.project_id().to_owned());
        let theirs = text(expected, "project_id")?.map(str::to_owned);
        return differs(Deviation::ProjectIdIsDigits, ours, theirs, instead);
    }
    let dsn = parsed.map_err(|error| error.to_string())?;
    let ours = json!({
        "envelope_url": dsn.envelope_url(), "public_key": dsn.public_key(), "secret_key": dsn.secret_key(),
        "project_id": dsn.project_id(), "org_id": dsn.org_id(), "host": dsn.host(), "port": dsn.port(),
        "auth_header": dsn.auth_header("sentry.x/1"),
    });
    if text(expected, "secret_key")? == Some("") {
        let mut instead = expected.clone();
        instead["secret_key"] = Value::Null;
        let header = text(expected, "auth_header")?.ok_or_else(unknown)?;
        instead["auth_header"] = header.trim_end_matches(", sentry_secret=").into();
        return differs(Deviation::EmptySecretIsNone, &ours, expected, &instead);
    }
    if let Some(host) = text(expected, "host")?.filter(|host| host.contains(':')) {
        let mut instead = expected.clone();
        let url = text(expected, "envelope_url")?.ok_or_else(unknown)?;
        let bracketed = format!("[{host}]");
        if !url.contains(&bracketed) {
            instead["envelope_url"] = url.replacen(host, &bracketed, 1).into();
        }
        instead["host"] = bracketed.into();
        return differs(Deviation::Ipv6KeepsBrackets, &ours, expected, &instead);
    }
    equal(&ours, expected)
}

/// What the part that is wrong is called in the messages of the vectors.
fn wrong_part(error: &DsnError) -> &'static str {
    match error {
        DsnError::Empty | DsnError::Scheme(_) => "scheme",
        DsnError::Key => "public key",
        DsnError::Host(_) => "hostname",
        DsnError::Port(_) => "port ",
        DsnError::Project(_) | DsnError::Placeholder { part: "project id", .. } => "project",
        _ => "a part that the vectors have no word for",
    }
}

fn has_no_key(dsn: &str) -> bool {
    let (_, rest) = dsn.split_once("://").unwrap_or_default();
    rest.split('/')
        .next()
        .and_then(|authority| authority.rsplit_once('@'))
        .is_none_or(|(key, _)| key.is_empty())
}

pub(crate) fn sentry_trace(vector: &Vector<'_>) -> Outcome {
    let Some(header) = vector.input.as_str() else { return written_trace(vector) };
    let ours = header.parse::<SentryTrace>().ok().map(|header| {
        json!({
            "trace_id": header.trace_id.to_string(), "parent_span_id": header.span_id.to_string(),
            "parent_sampled": header.sampled,
        })
    });
    if vector.expected.is_null() {
        return equal(ours, None);
    }
    only(vector.expected, &["trace_id", "parent_span_id", "parent_sampled"])?;
    let (trace_id, span_id) = (text(vector.expected, "trace_id")?, text(vector.expected, "parent_span_id")?);
    let theirs = Some(vector.expected.clone());
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else {
        return differs(Deviation::BothIdsRequired, ours, theirs, None);
    };
    if [trace_id, span_id].iter().any(|id| id.bytes().all(|digit| digit == b'0')) {
        return differs(Deviation::ZeroIdIsNone, ours, theirs, None);
    }
    if header.trim_end().ends_with('-') {
        return differs(Deviation::DashAnnouncesAFlag, ours, theirs, None);
    }
    equal(ours, theirs)
}

fn written_trace(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["trace_id", "span_id", "sampled"])?;
    let id = |key: &str| text(vector.input, key)?.ok_or_else(|| format!("{key} is missing"));
    let header = SentryTrace {
        trace_id: id("trace_id")?.parse::<TraceId>().map_err(|error| error.to_string())?,
        span_id: id("span_id")?.parse::<SpanId>().map_err(|error| error.to_string())?,
        sampled: switch(vector.input, "sampled")?,
    };
    equal(Some(header.to_string().as_str()), vector.expected.as_str())
}

pub(crate) fn baggage(vector: &Vector<'_>) -> Outcome {
    let Some(header) = vector.input.as_str() else {
        only(vector.input, &["ours", "existing"])?;
        let ours = DynamicSamplingContext::from_baggage(text(vector.input, "ours")?.ok_or_else(unknown)?);
        let merged = merge_baggage(text(vector.input, "existing")?, &ours);
        return equal(Some(merged.as_str()), vector.expected.as_str());
    };
    match vector.expected {
        Value::String(stripped) => equal(&strip_sentry(header), stripped),
        parts => parsed_baggage(header, parts),
    }
}

fn parsed_baggage(header: &str, expected: &Value) -> Outcome {
    let parts = ["sentry_items", "third_party", "frozen", "serialized", "serialized_with_third_party"];
    only(expected, &parts)?;
    let baggage = Baggage::parse(header);
    equal(Some(baggage.third_party.as_str()), text(expected, "third_party")?)?;
    equal(Some(!baggage.dsc.is_empty()), switch(expected, "frozen")?)?;

    let items: BTreeMap<&str, &str> = baggage.dsc.iter().collect();
    let dashed: Vec<(&str, &str)> =
        items.keys().filter_map(|key| Some((*key, key.split_once('-')?.0))).collect();
    if !dashed.is_empty() {
        let theirs: BTreeMap<String, Value> =
            serde_json::from_value(expected["sentry_items"].clone()).map_err(|error| error.to_string())?;
        let mut instead = theirs.clone();
        for (whole, cut) in dashed {
            let value = instead.remove(cut).ok_or_else(|| format!("{whole} is not there as {cut}"))?;
            instead.insert(whole.to_owned(), value);
        }
        let ours = items.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        return differs(Deviation::DashedKeyIsWhole, ours, theirs, instead);
    }
    equal(&json!(items), &expected["sentry_items"])?;

    // The order, and what is escaped without need, are each one's own: what is read back must be the same, and all that there is.
    let read =
        |text: &str| (Baggage::parse(text), text.split(',').filter(|member| !member.is_empty()).count());
    let theirs = |key: &str| Ok::<_, String>(read(text(expected, key)?.ok_or_else(unknown)?));
    equal(read(&baggage.dsc.to_baggage()), theirs("serialized")?)?;
    let merged = merge_baggage(Some(&baggage.third_party), &baggage.dsc);
    equal(read(&merged), theirs("serialized_with_third_party")?)
}
