//! Areas that are behaviour: something is captured, and what would be sent is compared.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use watchpost::protocol::{Category, DiscardReason, Item, ItemType, truncate};
use watchpost::{
    Breadcrumb, Decision, Event, Level, Options, Rng, TransactionSource, User, add_breadcrumb, capture_error,
    capture_event, capture_message, capture_message_at, continue_trace, current_scope, global_scope,
    isolation_scope, last_event_id, start_transaction, with_isolation_scope, with_scope,
};
use watchpost_core::Losses;
use watchpost_testkit::{Captured, capture, capture_with};

use crate::{Checked, Outcome, differs, equal};

const DSN: &str = "https://mysecret@o1234.ingest.sentry.io/12312012";

/// A client as the vectors have it, without tracing.
fn client() -> Options {
    let options =
        Options::new().use_environment(false).dsn(DSN).and_then(|options| options.release("myapp@0.0.1"));
    options.unwrap()
}

fn sampled(options: Options, input: &Value) -> Options {
    match input["traces_sample_rate"].as_f64() {
        Some(rate) => options.traces_sample_rate(rate).unwrap(),
        None => options,
    }
}

fn headers(input: &Value) -> Vec<(String, String)> {
    let headers = input["headers"].as_object().into_iter().flatten();
    headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// The sampling context of the first envelope.
fn trace_header(captured: &Captured) -> BTreeMap<String, String> {
    let trace = captured.envelopes().first().and_then(|envelope| envelope.headers.trace.clone());
    trace.unwrap_or_default().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

pub(crate) fn dsc(id: &str, input: &Value, expected: &Value) -> Outcome {
    let name = input["transaction"].as_str().unwrap_or("foo").to_owned();
    if let Some(is_in) = expected["transaction_in_dsc"].as_bool() {
        let source: TransactionSource =
            input["source"].as_str().unwrap_or("custom").parse().map_err(|error| format!("{error}"))?;
        let options = client().traces_sample_rate(1.0).unwrap();
        let captured = capture_with(options, || start_transaction(name).source(source).start().finish());
        return equal(trace_header(&captured).contains_key("transaction"), is_in);
    }
    if let Some(transaction) = expected["dsc_transaction"].as_str() {
        let captured = capture_with(sampled(client(), input), || {
            drop(continue_trace(headers(input)));
            capture_error(&fmt::Error);
        });
        let trace = captured.events()[0].contexts.trace.clone().unwrap_or_default();
        equal(Some(trace.trace_id.to_string().as_str()), expected["trace_id"].as_str())?;
        let parent = trace.parent_span_id.map(|id| id.to_string());
        equal(parent.as_deref(), expected["parent_span_id"].as_str())?;
        return equal(trace_header(&captured).get("transaction").map(String::as_str), Some(transaction));
    }
    if !input.is_object() || !(expected.is_object() || expected.is_null()) {
        return Ok(Checked::Skipped("an input of a form we do not know"));
    }
    let mut options = sampled(client(), input);
    if let Some(environment) = input["environment"].as_str() {
        options = options.environment(environment).unwrap();
    }
    if let Some(rate) = input["traces_sampler"].as_f64() {
        options = options.traces_sampler(move |_| Decision::Rate(rate));
    }
    let incoming = headers(input);
    let is_head = incoming.is_empty();
    let captured = capture_with(options, || {
        let builder = if is_head { start_transaction(name) } else { continue_trace(incoming).name(name) };
        builder.start().finish();
        if input["traces_sample_rate"].is_null() && input["traces_sampler"].is_null() {
            capture_error(&fmt::Error);
        }
    });
    let mut ours = trace_header(&captured);
    let theirs: BTreeMap<String, String> = expected
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    if is_head {
        // A trace that begins here has a roll of the dice and an id of its own.
        equal(ours.remove("sample_rand").map(|rand| rand.len()), Some(8))?;
        if let Some(trace_id) = theirs.get("trace_id") {
            equal(ours.insert("trace_id".into(), trace_id.clone()).map(|id| id.len()), Some(32))?;
        }
        let theirs: BTreeMap<_, _> = theirs.into_iter().filter(|(key, _)| key != "sample_rand").collect();
        return equal(ours, theirs);
    }
    let without_rate = |mut dsc: BTreeMap<String, String>| {
        dsc.remove("sample_rate");
        dsc
    };
    if ours != theirs
        && input["traces_sampler"].is_null()
        && without_rate(ours.clone()) == without_rate(theirs.clone())
    {
        return differs(true, "only a sampler changes the rate of a context that came in");
    }
    equal(ours, theirs).map_err(|problem| format!("{id}: {problem}"))
}

/// Dice that always fall the same way.
struct Loaded(u64);

impl Rng for Loaded {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

pub(crate) fn sampling(id: &str, input: &Value, expected: &Value) -> Outcome {
    if let Some(interval) = expected["sample_rand_interval_half_open"].as_array() {
        let ours = watchpost::protocol::propagation::sample_rand_interval(
            input["parent_sampled"].as_bool(),
            input["incoming_sample_rate"].as_f64(),
        );
        return equal(&json!([ours.start, ours.end]), &json!(interval));
    }
    if id.contains("backpressure") || !expected["downsample_factor"].is_null() {
        return Ok(Checked::Skipped("backpressure is not built yet"));
    }
    if expected.get("sent").is_none() {
        return Ok(Checked::Skipped("an expectation of a form we do not know"));
    }
    let mut options = sampled(client(), input);
    if let Some(rate) = input["sample_rate"].as_f64() {
        options = options.sample_rate(rate).unwrap();
    }
    if let Some(rand) = input["sample_rand"].as_f64() {
        options = options.rng(Loaded(7_000_000 + (rand * 1e6).round() as u64));
    }
    let untyped = input["traces_sampler"]
        .as_str()
        .is_some_and(|answer| answer != "raises" && answer.parse::<f64>().is_err());
    options = match &input["traces_sampler"] {
        Value::Null => options,
        Value::Bool(true) => options.traces_sampler(|_| Decision::Keep),
        Value::Bool(false) => options.traces_sampler(|_| Decision::Drop),
        Value::String(answer) if answer == "raises" => {
            options.traces_sampler(|_| panic!("as the vector wants"))
        }
        Value::String(answer) => {
            let rate = answer.parse().unwrap_or(f64::NAN);
            options.traces_sampler(move |_| Decision::Rate(rate))
        }
        answer => {
            let rate = answer.as_f64().ok_or("a sampler of a form we do not know")?;
            options.traces_sampler(move |_| Decision::Rate(rate))
        }
    };
    let parent = input["parent_sampled"].as_bool();
    let captured = capture_with(options, || {
        let builder = match parent {
            None => start_transaction("foo"),
            Some(sampled) => {
                let flag = u8::from(sampled);
                continue_trace([(
                    "sentry-trace",
                    format!("12312012123120121231201212312012-0415201309082013-{flag}"),
                )])
                .name("foo")
            }
        };
        builder.start().finish();
    });
    equal(captured.transactions().len() as u64, expected["sent"].as_u64().unwrap_or(0))?;
    equal(losses(&captured), lines(&expected["lost"]))?;
    if let (1, None, Some(rate)) = (captured.transactions().len(), parent, expected["sample_rate"].as_f64()) {
        let ours: Option<f64> = trace_header(&captured).get("sample_rate").and_then(|rate| rate.parse().ok());
        equal(ours, Some(rate))?;
    }
    if untyped {
        differs(
            true,
            "a sampler that answers with a word does not compile; a number that is no rate keeps nothing",
        )
    } else {
        Ok(Checked::Same)
    }
}

fn losses(captured: &Captured) -> Vec<String> {
    captured.losses()
}

/// Expected losses in the form of the testkit.
fn lines(lost: &Value) -> Vec<String> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let rows = lost.as_array().into_iter().flatten();
    let mut lines: Vec<String> = rows
        .map(|line| format!("{}/{}: {}", text(line, "reason"), text(line, "category"), line["quantity"]))
        .collect();
    lines.sort();
    lines
}

pub(crate) fn scope_merge(id: &str, input: &Value, expected: &Value) -> Outcome {
    match id.trim_start_matches("scope_merge.") {
        "three_layers" => three_layers(expected),
        "new_scope" => {
            let captured = capture(|| {
                with_scope(|scope| {
                    scope.set_tag("inner", 1);
                    isolation_scope().set_tag("iso", 1);
                    capture_message("inside");
                });
                capture_message("after");
            });
            let keys = |at: usize| captured.events()[at].tags.keys().cloned().collect::<Vec<_>>();
            let theirs = |key: &str| {
                expected[key]
                    .as_object()
                    .map(|map| map.keys().cloned().collect::<Vec<_>>())
                    .unwrap_or_default()
            };
            equal(keys(0), theirs("inside"))?;
            equal(keys(1), theirs("after"))
        }
        "isolation_scope_forks_both" => {
            let captured = capture(|| {
                with_isolation_scope(|scope| {
                    scope.set_tag("iso", 1);
                    current_scope().set_tag("cur", 1);
                    capture_message("inside");
                });
                capture_message("after");
            });
            let inside: Vec<_> = captured.events()[0].tags.keys().cloned().collect();
            equal(inside, vec!["cur".to_owned(), "iso".to_owned()])?;
            equal(captured.events()[1].tags.len(), 0)
        }
        "set_tags_merges" => {
            let captured = capture(|| {
                watchpost::set_tags([("a", "1"), ("b", "1")]);
                watchpost::set_tags([("b", "2"), ("c", "2")]);
                capture_message("m");
            });
            let tags: Vec<String> =
                captured.events()[0].tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            equal(tags.join(" ").as_str(), "a=1 b=2 c=2")
        }
        "set_user_none" => {
            let captured = capture(|| {
                watchpost::set_user(User::id(input["set"]["id"].as_str().unwrap_or_default()));
                capture_message("with");
                watchpost::set_user(None);
                capture_message("without");
            });
            let users: Vec<Value> = captured.events().iter().map(|event| json!(event.user)).collect();
            equal(&json!(users), expected)
        }
        "last_event_id" => {
            let mut outcome = Ok(Checked::Same);
            capture(|| {
                let before = last_event_id();
                let returned = capture_message("m");
                let after = last_event_id();
                start_transaction("t").start().finish();
                let unmoved = last_event_id();
                isolation_scope().clear();
                outcome = equal((before, after, unmoved, last_event_id()), (None, returned, returned, None));
            });
            outcome
        }
        "message_level_default" => {
            let captured = capture(|| {
                capture_message("default");
                capture_message_at(Level::Warning, "warning");
            });
            let levels: Vec<Value> = captured.events().iter().map(|event| json!(event.level)).collect();
            equal(&json!(levels), expected)
        }
        "empty_dsn" => {
            let client =
                watchpost::new_client(Options::new().use_environment(false).dsn("").unwrap()).unwrap();
            let returned = client.capture_message("m", Level::Info, None);
            equal(returned, None)?;
            differs(!client.is_active(), "a client that cannot send is not called initialized")
        }
        _ => Ok(Checked::Skipped("a case of a form we do not know")),
    }
}

fn three_layers(expected: &Value) -> Outcome {
    let captured = capture(|| {
        with_scope(|current| {
            for (scope, name) in
                [(global_scope(), "global"), (&isolation_scope(), "isolation"), (current, "current")]
            {
                scope.set_tag("who", name);
                scope.set_tag(name, 1);
                scope.set_context("ctx", json!({ name: 1 }));
                scope.set_context(format!("ctx_{name}"), json!({ name: 1 }));
                #[expect(deprecated, reason = "it is still there, and merged")]
                scope.set_extra("x", name);
                let mut user = User::id(name);
                user.other.insert(name.into(), "1".into());
                scope.set_user(user);
                scope.set_fingerprint([name]);
                scope.set_level(Some(if name == "current" { Level::Fatal } else { Level::Debug }));
            }
            capture_message("m");
        });
        // The global scope is the process's: leave it as it was.
        global_scope().clear();
    });
    let event = &captured.events()[0];
    let tags: Vec<_> = event.tags.keys().cloned().collect();
    let theirs: Vec<_> =
        expected["tags"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    equal(tags, theirs)?;
    equal(event.tags.get("who").map(String::as_str), expected["tags"]["who"].as_str())?;
    equal(&event.contexts.other["ctx"], &expected["ctx"])?;
    let names: Vec<_> = event.contexts.other.keys().filter(|name| name.starts_with("ctx")).cloned().collect();
    equal(&json!(names), &expected["ctx_names"])?;
    equal(&json!(event.extra), &expected["extra"])?;
    equal(&json!(event.user), &expected["user"])?;
    equal(&json!(event.level), &expected["level"])?;
    equal(&json!(event.fingerprint), &expected["fingerprint"])
}

pub(crate) fn truncation(id: &str, input: &Value, expected: &Value) -> Outcome {
    if id.contains(".string") {
        return string(input, expected);
    }
    if id.ends_with("before_breadcrumb") {
        let options = watchpost_testkit::options().before_breadcrumb(|mut crumb| {
            crumb.message = Some("edited".into());
            (crumb.category.as_deref() != Some("drop")).then_some(crumb)
        });
        let captured = capture_with(options, || {
            for crumb in input["crumbs"].as_array().into_iter().flatten() {
                add_breadcrumb(serde_json::from_value(crumb.clone()).unwrap());
            }
            capture_message("m");
        });
        let kept = captured.events()[0]
            .breadcrumbs
            .iter()
            .map(|crumb| json!({"message": crumb.message, "category": crumb.category, "type": crumb.ty}))
            .collect::<Vec<_>>();
        return equal(&json!(kept), expected);
    }
    if let (Some(max), Some(added)) = (input["max_breadcrumbs"].as_u64(), input["added"].as_u64()) {
        let captured = capture_with(watchpost_testkit::options().max_breadcrumbs(max as usize), || {
            for number in 0..added {
                add_breadcrumb(Breadcrumb::new(number.to_string()));
            }
            capture_message("m");
        });
        let event = &captured.events()[0];
        equal(event.breadcrumbs.len() as u64, expected["kept"].as_u64().unwrap_or(0))?;
        let message = |crumb: Option<&Breadcrumb>| crumb.and_then(|crumb| crumb.message.clone());
        equal(message(event.breadcrumbs.first()).as_deref(), expected["first"].as_str())?;
        equal(message(event.breadcrumbs.last()).as_deref(), expected["last"].as_str())?;
        let noted =
            event.meta.as_ref().map(|meta| meta["breadcrumbs"][""]["len"].clone()).unwrap_or_default();
        if max == 0 && !expected["_meta_len"].is_null() {
            return differs(noted.is_null(), "breadcrumbs that are switched off are not counted either");
        }
        return equal(&noted, &expected["_meta_len"]);
    }
    if id.ends_with("limits") {
        equal(
            watchpost::DEFAULT_MAX_BREADCRUMBS as u64,
            expected["DEFAULT_MAX_BREADCRUMBS"].as_u64().unwrap_or(0),
        )?;
        equal(watchpost::DEFAULT_QUEUE_SIZE as u64, expected["DEFAULT_QUEUE_SIZE"].as_u64().unwrap_or(0))?;
        equal(watchpost_core::MAX_SPANS as u64, expected["max_spans_default"].as_u64().unwrap_or(0))?;
        return equal(
            watchpost::DEFAULT_MAX_VALUE_LENGTH as u64,
            expected["DEFAULT_MAX_VALUE_LENGTH@2.36(seed)"].as_u64().unwrap_or(0),
        );
    }
    Ok(Checked::Skipped("the depth and the breadth of data are not cut yet"))
}

fn string(input: &Value, expected: &Value) -> Outcome {
    let value = &input["value"];
    let mut text = match (value.as_str(), value["repeat"].as_str(), value["n"].as_u64()) {
        (Some(text), ..) => text.to_owned(),
        (None, Some(part), Some(times)) => part.repeat(times as usize),
        _ => return Ok(Checked::Skipped("an input of a form we do not know")),
    };
    let meta = input["max_bytes"]
        .as_u64()
        .and_then(|max| truncate(&mut text, max as usize))
        .map(|cut| cut.to_meta());
    match expected["value"].as_str() {
        Some(value) => equal(text.as_str(), value)?,
        None => {
            equal(Some(text.len() as u64), expected["value"]["len_bytes"].as_u64())?;
            equal(Some(text.ends_with("...")), expected["value"]["ends_with_ellipsis"].as_bool())?
        }
    };
    equal(&meta.unwrap_or_default(), &expected["meta"])
}

pub(crate) fn client_reports(id: &str, input: &Value, expected: &Value) -> Outcome {
    let sum = |quantities: Vec<(Category, u64)>| -> Vec<(String, u64)> {
        let mut lines: Vec<_> =
            quantities.into_iter().map(|(category, quantity)| (category.to_string(), quantity)).collect();
        lines.sort();
        lines
    };
    let rows = expected.as_array().into_iter().flatten();
    let mut theirs: Vec<(String, u64)> = rows
        .map(|row| {
            (row["category"].as_str().unwrap_or_default().to_owned(), row["quantity"].as_u64().unwrap_or(0))
        })
        .collect();
    theirs.sort();
    if let ("transaction", Some(spans)) =
        (input["lost_item"].as_str().unwrap_or_default(), input["spans"].as_u64())
    {
        let item =
            Item::json(ItemType::Transaction, &json!({ "spans": vec![json!({}); spans as usize] })).unwrap();
        return equal(sum(item.losses()), theirs);
    }
    if input["lost_item"] == "attachment" {
        let payload = input["payload"].as_str().unwrap_or_default();
        let ours = sum(Item::attachment("a", None, payload.into()).losses());
        let bytes: Vec<_> = ours.iter().filter(|(category, _)| category == "attachment").cloned().collect();
        equal(bytes, theirs)?;
        return differs(
            ours.len() == 2,
            "an attachment is counted by its bytes and as one item, as the protocol has both",
        );
    }
    if let Some(calls) = input["calls"].as_array() {
        let ledger = Losses::default();
        for call in calls {
            let category =
                call[0].as_str().unwrap_or_default().parse().map_err(|error| format!("{error}"))?;
            ledger.record(DiscardReason::Ignored, category, call[1].as_u64().unwrap_or(0));
        }
        return equal(
            sum(ledger.take().into_iter().map(|line| (line.category, line.quantity)).collect()),
            theirs,
        );
    }
    let before_send = |kind: &str| id.ends_with(kind);
    if before_send("before_send_drop") {
        let captured = capture_with(watchpost_testkit::options().before_send(|_| None), || {
            capture_event(Event::default());
        });
        return equal(losses(&captured), lines(expected));
    }
    if before_send("before_send_transaction_drop") {
        let captured = capture_with(watchpost_testkit::options().before_send_transaction(|_| None), || {
            let root = start_transaction("root").start();
            for _ in 0..input["spans"].as_u64().unwrap_or(0) {
                root.child("child").finish();
            }
        });
        return equal(losses(&captured), lines(expected));
    }
    Ok(Checked::Skipped("what the wire answers is in tests/http.rs; the limit of spans is no option"))
}

#[derive(Debug)]
struct RuntimeError(ValueError);
#[derive(Debug)]
struct ValueError;

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inner")
    }
}

impl std::error::Error for ValueError {}

impl std::error::Error for RuntimeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The chain of the vector: types, values, order. Its mechanisms are the protocol's newer ones.
pub(crate) fn chain(expected: &Value) -> Outcome {
    let captured = capture(|| {
        capture_error(&RuntimeError(ValueError));
    });
    let event = &captured.events()[0];
    let ours: Vec<Value> = event.exception.iter().map(|each| json!([each.ty, each.value])).collect();
    let theirs: Vec<Value> =
        expected.as_array().into_iter().flatten().map(|each| json!([each["type"], each["value"]])).collect();
    equal(ours, theirs)?;
    let mechanisms: Vec<_> = event.exception.iter().filter_map(|each| each.mechanism.as_ref()).collect();
    differs(
        mechanisms[0].ty == "chained" && mechanisms[1].ty == "generic" && mechanisms[1].handled == Some(true),
        "a cause is `chained` to the error that it caused, which is the newer form",
    )
}
