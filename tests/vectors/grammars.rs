//! Areas that are grammars: text in, data out.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use watchpost::protocol::propagation::{
    Baggage, DynamicSamplingContext, SentryTrace, continues, merge_baggage, strip_sentry,
};
use watchpost::protocol::rate_limit::{from_response, parse_rate_limits};
use watchpost::protocol::{Category, Dsn, Envelope, ItemType, RateLimit, RateLimitCategories, SpanStatus};
use watchpost::{InitError, Options};
use watchpost_core::parse_bool;

use crate::{Checked, Outcome, differs, equal};

pub(crate) fn dsn(_: &str, input: &Value, expected: &Value) -> Outcome {
    let text = input.as_str().ok_or("an input that is no text")?;
    let parsed = text.parse::<Dsn>();
    let Some(ok) = expected.get("ok") else {
        return match parsed {
            Err(_) => Ok(Checked::Same),
            Ok(dsn) => Err(format!("parsed as {dsn:?}")),
        };
    };
    let dsn = parsed.map_err(|error| error.to_string())?;
    let ours = json!({
        "envelope_url": dsn.envelope_url(), "public_key": dsn.public_key(), "secret_key": dsn.secret_key(),
        "project_id": dsn.project_id(), "org_id": dsn.org_id(), "host": dsn.host(), "port": dsn.port(),
        "auth_header": dsn.auth_header("sentry.x/1"),
    });
    equal(&ours, ok)
}

pub(crate) fn sentry_trace(_: &str, input: &Value, expected: &Value) -> Outcome {
    if let (Some(ids), Some(header)) = (input.as_object(), expected.as_str()) {
        let text = |key: &str| ids[key].as_str().unwrap_or_default().to_owned();
        let ours = SentryTrace {
            trace_id: text("trace_id").parse().map_err(|error| format!("{error}"))?,
            span_id: text("span_id").parse().map_err(|error| format!("{error}"))?,
            sampled: ids.get("sampled").and_then(Value::as_bool),
        };
        return equal(ours.to_string().as_str(), header);
    }
    let Some(text) = input.as_str() else { return Ok(Checked::Skipped("an input of a form we do not know")) };
    let ours = text.parse::<SentryTrace>().ok();
    if expected.is_object() && (expected["trace_id"].is_null() || expected["parent_span_id"].is_null()) {
        return differs(ours.is_none(), "a header without both ids continues nothing");
    }
    let ours = ours.map(|header| {
        json!({
            "trace_id": header.trace_id.to_string(), "parent_span_id": header.span_id.to_string(),
            "parent_sampled": header.sampled,
        })
    });
    equal(&ours.unwrap_or_default(), expected)
}

pub(crate) fn baggage(_: &str, input: &Value, expected: &Value) -> Outcome {
    if let Some(ours) = input["ours"].as_str() {
        let dsc = DynamicSamplingContext::from_baggage(ours);
        return equal(Some(merge_baggage(input["existing"].as_str(), &dsc).as_str()), expected.as_str());
    }
    let Some(header) = input.as_str() else {
        return Ok(Checked::Skipped("an input of a form we do not know"));
    };
    if let Some(stripped) = expected.as_str() {
        return equal(strip_sentry(header).as_str(), stripped);
    }
    let baggage = Baggage::parse(header);
    let ours: BTreeMap<&str, &str> = baggage.dsc.iter().collect();
    if ours.keys().any(|key| key.contains('-')) {
        return differs(baggage.dsc.iter().count() > 0, "a key with a dash keeps all of its name");
    }
    equal(&json!(ours), &expected["sentry_items"])?;
    equal(Some(baggage.third_party.as_str()), expected["third_party"].as_str())?;
    equal(Some(!baggage.dsc.is_empty()), expected["frozen"].as_bool())?;
    // The order and what is escaped beyond need are each one's own: what is read back must be the same.
    let read = |text: &str| Baggage::parse(text);
    equal(
        read(&baggage.dsc.to_baggage()).dsc,
        read(expected["serialized"].as_str().unwrap_or_default()).dsc,
    )?;
    let merged = merge_baggage(Some(&baggage.third_party), &baggage.dsc);
    equal(read(&merged), read(expected["serialized_with_third_party"].as_str().unwrap_or_default()))
}

pub(crate) fn trace_continuation(_: &str, input: &Value, expected: &Value) -> Outcome {
    let own = ["client_org_id", "org_id_option", "dsn_org"].iter().find_map(|key| input[key].as_str());
    let strict = input["strict"].as_bool().unwrap_or(false);
    equal(Some(continues(input["baggage_org_id"].as_str(), own, strict)), expected.as_bool())
}

pub(crate) fn rate_limits(_: &str, input: &Value, expected: &Value) -> Outcome {
    let expected = expected.as_object().ok_or("an expectation that is no map")?;
    let limits = match input.as_str() {
        Some(header) => parse_rate_limits(header),
        None => {
            let header = |name: &str| {
                let headers = input["headers"].as_object()?;
                headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str()
            };
            let status = input["status"].as_u64().ok_or("a status")? as u16;
            if header("retry-after").is_some_and(|value| value.contains(',')) {
                return Ok(Checked::Skipped("a date, relative to a moment that the vector does not name"));
            }
            from_response(status, header("x-sentry-rate-limits"), header("retry-after"), UNIX_EPOCH)
        }
    };
    let ours = seconds_by_category(&limits);
    let known = |name: &str| name == "null" || name.parse::<Category>().is_ok();
    let theirs: BTreeMap<String, f64> = expected
        .iter()
        .filter(|(name, _)| known(name))
        .map(|(name, seconds)| (name.clone(), seconds.as_f64().unwrap_or(f64::NAN)))
        .collect();
    let fractional = input.as_str().is_some_and(|header| {
        header
            .split(',')
            .any(|limit| limit.trim().split(':').next().is_some_and(|seconds| seconds.contains('.')))
    });
    if fractional && ours != theirs {
        return differs(!ours.is_empty(), "seconds may have a fraction");
    }
    equal(&ours, &theirs)?;
    match expected.keys().all(|name| known(name)) {
        true => Ok(Checked::Same),
        false => differs(
            true,
            "what is no category of the protocol is left out, and an empty name in a list is not everything",
        ),
    }
}

fn seconds_by_category(limits: &[RateLimit]) -> BTreeMap<String, f64> {
    let mut seconds = BTreeMap::new();
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

pub(crate) fn envelope(_: &str, input: &Value, expected: &Value) -> Outcome {
    if let Some(types) = input["item_types"].as_array() {
        let category = |ty: &Value| ItemType::from(ty.as_str().unwrap_or_default()).category().to_string();
        let ours: Value = types
            .iter()
            .map(|ty| (ty.as_str().unwrap_or_default().to_owned(), Value::String(category(ty))))
            .collect();
        return equal(&ours, expected);
    }
    let Some(text) = input.as_str() else { return Ok(Checked::Skipped("an input of a form we do not know")) };
    let envelope = match Envelope::from_slice(text.as_bytes()) {
        Ok(envelope) => envelope,
        Err(_) if expected.get("error").is_some() || expected.is_null() => return Ok(Checked::Same),
        Err(error) => return Err(error.to_string()),
    };
    let items: Vec<Value> = envelope
        .items
        .iter()
        .map(|item| json!([item.header.ty.as_str(), String::from_utf8_lossy(&item.payload)]))
        .collect();
    equal(&json!(envelope.headers), &expected["headers"])?;
    equal(&json!(items), &expected["items"])
}

pub(crate) fn environment(id: &str, input: &Value, expected: &Value) -> Outcome {
    let kind = id.trim_start_matches("environment.");
    if kind.starts_with("bool_") {
        return equal(&json!(parse_bool(input["value"].as_str())), &expected["strict"]);
    }
    if kind.starts_with("spotlight") {
        return Ok(Checked::Skipped("spotlight is not built yet"));
    }
    if kind == "release_order" {
        return release_order(input, expected);
    }
    let vars = input.get("env").unwrap_or(input).clone();
    let lookup = move |name: &str| vars.get(name)?.as_str().map(str::to_owned);
    if kind.starts_with("trace_from_env") {
        let options = Options::new().fill_from(&lookup).map_err(|error| error.to_string())?;
        let headers = options.configured_trace();
        let mut ours = json!({});
        if let Some((trace, baggage)) = headers {
            ours["sentry-trace"] = trace.into();
            if let Some(baggage) = baggage {
                ours["baggage"] = baggage.into();
            }
        }
        let nothing =
            expected.is_null() || expected.as_object().is_some_and(|map| !map.contains_key("sentry-trace"));
        return if nothing { equal(headers, None) } else { equal(&ours, expected) };
    }
    let options = with_option(kind, &input["option"]).and_then(|options| options.fill_from(&lookup));
    let options = options.map_err(|error| error.to_string())?;
    match expected.as_object().and_then(|map| map.iter().next()) {
        Some((key, value)) if key == "dsn" => equal(
            options.configured_dsn().map(ToString::to_string),
            value.as_str().filter(|dsn| !dsn.is_empty()).map(str::to_owned),
        ),
        Some((key, value)) if key == "environment" => {
            equal(Some(options.configured_environment()), value.as_str())
        }
        Some((key, value)) if key == "debug" => equal(Some(options.configured_debug()), value.as_bool()),
        Some((key, value)) if key == "release" => equal(options.configured_release(), value.as_str()),
        _ => Ok(Checked::Skipped("an expectation of a form we do not know")),
    }
}

fn with_option(kind: &str, option: &Value) -> Result<Options, InitError> {
    let options = Options::new();
    match (kind.split('_').next(), option) {
        (Some("dsn"), Value::String(dsn)) => options.dsn(dsn.as_str()),
        (Some("environment"), Value::String(name)) => options.environment(name.as_str()),
        (Some("release"), Value::String(name)) => options.release(name.as_str()),
        (Some("debug"), Value::Bool(debug)) => Ok(options.debug(*debug)),
        _ => Ok(options),
    }
}

/// The commit that git names is left to build time; the variables are asked in the order of the vector.
fn release_order(input: &Value, expected: &Value) -> Outcome {
    let names: Vec<&str> =
        input["all_set"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let release = |from: usize| {
        let set =
            |name: &str| names.iter().skip(from).find(|known| **known == name).map(|name| (*name).to_owned());
        let options = Options::new().fill_from(&set).map_err(|error| error.to_string())?;
        Ok::<_, String>(options.configured_release().map(str::to_owned))
    };
    equal(release(0)?.as_deref(), expected["with_SENTRY_RELEASE"].as_str())?;
    equal(release(1)?.as_deref(), expected["no_git"].as_str())?;
    for (at, name) in names.iter().enumerate() {
        equal(release(at)?.as_deref(), Some(*name))?;
    }
    equal(release(names.len())?.as_deref(), expected["nothing"].as_str())?;
    differs(true, "git is not run by a program that starts: the release is named when it is built")
}

pub(crate) fn exceptions(id: &str, input: &Value, expected: &Value) -> Outcome {
    if let Some(codes) = input["codes"].as_array() {
        let status = |code: &Value| SpanStatus::from_http_status(code.as_u64().unwrap_or(0) as u16).as_str();
        let ours: Value = codes.iter().map(|code| (code.to_string(), Value::from(status(code)))).collect();
        return equal(&ours, expected);
    }
    if id == "exceptions.chain" {
        return crate::pipeline::chain(expected);
    }
    Ok(Checked::Skipped("groups of errors are not built yet"))
}
