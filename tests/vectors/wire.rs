//! Areas that are about what goes over the wire and comes back: envelopes and rate limits.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};
use watchpost::protocol::rate_limit::{from_response, parse_rate_limits};
use watchpost::protocol::{Category, Envelope, ItemType, RateLimit, RateLimitCategories, Timestamp};

use crate::known::Deviation;
use crate::{Outcome, Vector, differs, equal, list, only, text, unknown};

/// Seconds by category; `null` is everything.
type Seconds = BTreeMap<String, f64>;

pub(crate) fn rate_limits(vector: &Vector<'_>) -> Outcome {
    let (limits, header, retry) = match vector.input {
        Value::String(header) => (parse_rate_limits(header), Some(header.as_str()), None),
        response => {
            let limits = limits_of(response)?;
            (limits, header(response, "x-sentry-rate-limits")?, header(response, "retry-after")?)
        }
    };
    let ours = by_category(&limits);
    let seconds = |(name, seconds): (&String, &Value)| Some((name.clone(), seconds.as_f64()?));
    let theirs = vector.expected.as_object().ok_or_else(unknown)?.iter().map(seconds);
    let theirs: Seconds = theirs.collect::<Option<_>>().ok_or_else(unknown)?;

    let mut instead = theirs.clone();
    let unknown_to_us = |name: &str| name != "null" && name.parse::<Category>().is_err();
    instead.retain(|name, _| !(unknown_to_us(name) && header.is_some_and(|header| header.contains(name))));
    if instead != theirs {
        return differs(Deviation::CategoriesAreKnown, ours, theirs, instead);
    }
    if instead.contains_key("metric_bucket") && header.is_some_and(foreign_namespaces) {
        instead.remove("metric_bucket");
        return differs(Deviation::NamespacesCount, ours, theirs, instead);
    }
    let fraction = |limit: &&str| limit.split(':').next().is_some_and(|seconds| seconds.contains('.'));
    let with_fraction: Vec<&str> = header.unwrap_or_default().split(',').filter(fraction).collect();
    instead.extend(by_category(&parse_rate_limits(&with_fraction.join(","))));
    if let (None, Some(seconds)) = (header, retry.filter(fraction)) {
        instead.extend(seconds.parse().map(|seconds| ("null".to_owned(), seconds)));
    }
    if instead != theirs {
        return differs(Deviation::SecondsHaveFractions, ours, theirs, instead);
    }
    equal(ours, theirs)
}

/// Whether the header limits metrics, and only such of other namespaces than the one that metrics of a program have.
fn foreign_namespaces(header: &str) -> bool {
    let limits = header.split(',').map(|limit| limit.split(':').collect::<Vec<_>>());
    let mut metrics =
        limits.filter(|fields| fields.get(1).is_some_and(|names| names.contains("metric_bucket")));
    metrics.all(|fields| fields.get(4).is_some_and(|spaces| spaces.split(';').all(|space| space != "custom")))
}

/// The limits of a response. A date among its headers is one that has passed: a vector cannot name another.
fn limits_of(response: &Value) -> Result<Vec<RateLimit>, String> {
    only(response, &["status", "headers"])?;
    for name in response["headers"].as_object().ok_or_else(unknown)?.keys() {
        if !["retry-after", "x-sentry-rate-limits"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("no check looks at the header {name}"));
        }
    }
    let status =
        response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).ok_or_else(unknown)?;
    let limits = header(response, "x-sentry-rate-limits")?;
    Ok(from_response(status, limits, header(response, "retry-after")?, SystemTime::now()))
}

fn header<'a>(response: &'a Value, name: &str) -> Result<Option<&'a str>, String> {
    let headers = &response["headers"];
    let key = headers.as_object().ok_or_else(unknown)?.keys().find(|key| key.eq_ignore_ascii_case(name));
    key.map_or(Ok(None), |key| text(headers, key))
}

fn by_category(limits: &[RateLimit]) -> Seconds {
    let mut seconds = Seconds::new();
    for limit in limits {
        match &limit.categories {
            RateLimitCategories::All => drop(seconds.insert("null".to_owned(), limit.seconds)),
            RateLimitCategories::Some(categories) => {
                seconds.extend(categories.iter().map(|category| (category.to_string(), limit.seconds)));
            }
        }
    }
    seconds
}

pub(crate) fn envelope(vector: &Vector<'_>) -> Outcome {
    let Some(given) = vector.input.as_str() else {
        only(vector.input, &["item_types"])?;
        let mut ours = json!({});
        for ty in list(&vector.input["item_types"])? {
            let ty = ty.as_str().ok_or_else(unknown)?;
            ours[ty] = ItemType::from(ty).category().to_string().into();
        }
        return equal(&ours, vector.expected);
    };
    let ours = Envelope::from_slice(given.as_bytes()).map(|envelope| {
        let item = |item: &watchpost::protocol::Item| {
            json!([item.header.ty.as_str(), String::from_utf8_lossy(&item.payload)])
        };
        json!({ "headers": envelope.headers, "items": envelope.items.iter().map(item).collect::<Vec<_>>() })
    });
    let (ours, problem) = match ours {
        Ok(ours) => (Some(ours), String::new()),
        Err(error) => (None, error.to_string()),
    };
    if vector.expected.is_null() || vector.expected.get("error").is_some() {
        return equal(ours, None);
    }
    only(vector.expected, &["headers", "items"])?;
    let mut theirs = vector.expected.clone();
    if let Some(sent_at) = text(&theirs["headers"], "sent_at")? {
        // A moment can be written in several ways; ours has its microseconds.
        theirs["headers"]["sent_at"] =
            Timestamp::parse_rfc3339(sent_at).ok_or_else(unknown)?.to_rfc3339().into();
    }
    let theirs = Some(theirs);
    if problem.contains("payload of") {
        return differs(Deviation::LengthsAreTrue, ours, theirs, None);
    }
    equal(ours, theirs).map_err(|difference| format!("{difference} {problem}"))
}
