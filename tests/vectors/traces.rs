//! Traces from other processes, and what this one says of its own: which are continued, and the sampling context.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use watchpost::protocol::{DynamicSamplingContext, TraceContext};
use watchpost::{
    Options, TransactionSource, capture_error, continue_trace, start_transaction, with_isolation_scope,
};
use watchpost_testkit::{Captured, capture_with, options};

use crate::known::Deviation;
use crate::sampling::{traces_sample_rate, traces_sampler};
use crate::{Outcome, Vector, differs, equal, only, switch, text, unknown};

/// The trace of a request that came in, where the vector names none.
pub(crate) const INCOMING: &str = "771a43a4192642f0b136d5159a501700";

pub(crate) fn trace_continuation(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["strict", "baggage_org_id", "client_org_id", "dsn_org", "org_id_option"])?;
    let strict = switch(vector.input, "strict")?.ok_or_else(unknown)?;
    let of_client = text(vector.input, "client_org_id")?;
    let in_dsn = text(vector.input, "dsn_org")?.or(of_client);
    let host = in_dsn.map_or("sentry.io".to_owned(), |org| format!("o{org}.ingest.sentry.io"));
    let mut options = program_at(&format!("https://mysecret@{host}/12312012"))?
        .strict_trace_continuation(strict)
        .traces_sample_rate(1.0)
        .map_err(|error| error.to_string())?;
    if let Some(org_id) = text(vector.input, "org_id_option")? {
        options = options.org_id(org_id);
    }
    let mut baggage = format!("sentry-trace_id={INCOMING}");
    if let Some(org_id) = text(vector.input, "baggage_org_id")? {
        baggage += &format!(",sentry-org_id={org_id}");
    }
    let headers = [("sentry-trace", format!("{INCOMING}-1234567890abcdef-1")), ("baggage", baggage)];
    let captured = capture_with(options, || continue_trace(headers).name("t").start().finish());
    let continued = trace_context(&captured)?.trace_id.to_string() == INCOMING;
    equal(Some(continued), vector.expected.as_bool())
}

pub(crate) fn dsc(vector: &Vector<'_>) -> Outcome {
    match vector.expected {
        Value::Object(expected) if expected.contains_key("transaction_in_dsc") => by_source(vector),
        Value::Object(expected) if expected.contains_key("dsc_transaction") => of_an_error(vector),
        Value::Object(_) => whole(vector),
        _ => Err(unknown()),
    }
}

/// Whether the name of a transaction is told, which depends on what the name is.
fn by_source(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["transaction", "source"])?;
    only(vector.expected, &["transaction_in_dsc"])?;
    let name = text(vector.input, "transaction")?.ok_or_else(unknown)?;
    let source = text(vector.input, "source")?.ok_or_else(unknown)?;
    let source: TransactionSource = source.parse().map_err(|error| format!("{error}"))?;
    let captured = capture_with(options(), || {
        start_transaction(name.to_owned()).source(source).start().finish();
    });
    let told = trace_header(&captured)?.get("transaction").map(|told| told == name);
    equal(Some(told == Some(true)), switch(vector.expected, "transaction_in_dsc")?)
}

/// An error that is captured after a trace came in belongs to that trace.
fn of_an_error(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["headers", "traces_sample_rate"])?;
    only(vector.expected, &["trace_id", "parent_span_id", "dsc_transaction"])?;
    let options = traces_sample_rate(program()?, vector.input)?;
    let headers = headers(vector.input)?;
    let captured = capture_with(options, || {
        // A trace comes in with a request or a task.
        with_isolation_scope(|_| {
            drop(continue_trace(headers));
            capture_error(&fmt::Error);
        });
    });
    let context = trace_context(&captured)?;
    let (trace_id, parent) = (context.trace_id.to_string(), context.parent_span_id.map(|id| id.to_string()));
    equal(Some(trace_id.as_str()), text(vector.expected, "trace_id")?)?;
    equal(parent.as_deref(), text(vector.expected, "parent_span_id")?)?;
    let header = trace_header(&captured)?;
    equal(header.get("transaction").map(String::as_str), text(vector.expected, "dsc_transaction")?)
}

/// All that the header of an envelope says of its trace.
fn whole(vector: &Vector<'_>) -> Outcome {
    let (input, mut theirs) = (vector.input, BTreeMap::new());
    let known = [
        "dsn",
        "release",
        "environment",
        "traces_sample_rate",
        "traces_sampler",
        "transaction",
        "trace_id",
        "headers",
    ];
    only(input, &known)?;
    for (key, value) in vector.expected.as_object().ok_or_else(unknown)? {
        theirs.insert(key.clone(), value.as_str().ok_or_else(unknown)?.to_owned());
    }
    let mut options = program_at(text(input, "dsn")?.unwrap_or(DSN))?;
    if let Some(release) = text(input, "release")? {
        options = options.release(release).map_err(|error| error.to_string())?;
    }
    if let Some(environment) = text(input, "environment")? {
        options = options.environment(environment).map_err(|error| error.to_string())?;
    }
    let options = traces_sampler(traces_sample_rate(options, input)?, input)?;
    let traced = !(input["traces_sample_rate"].is_null() && input["traces_sampler"].is_null());
    let name = text(input, "transaction")?.unwrap_or("foo").to_owned();
    let incoming = if input["headers"].is_null() { Vec::new() } else { headers(input)? };
    let is_head = incoming.is_empty();
    let baggage = incoming.iter().find(|(name, _)| name == "baggage");
    let context =
        baggage.map(|(_, baggage)| DynamicSamplingContext::from_baggage(baggage)).unwrap_or_default();
    let rate_before = context.get("sample_rate").map(str::to_owned);
    let captured = capture_with(options, || {
        with_isolation_scope(|_| {
            let root = if is_head { start_transaction(name) } else { continue_trace(incoming).name(name) };
            root.start().finish();
            if !traced {
                capture_error(&fmt::Error);
            }
        });
    });
    let mut ours = trace_header(&captured)?;
    if is_head {
        // The trace has an id and a roll of the dice of its own, which the vector does not know.
        if ours.get("trace_id") == Some(&trace_context(&captured)?.trace_id.to_string()) {
            ours.insert("trace_id".into(), text(input, "trace_id")?.unwrap_or("the trace's own").into());
        }
        if !theirs.contains_key("sample_rand") {
            let rand = ours.remove("sample_rand").ok_or("there is no sample_rand")?;
            let six_decimals = rand.len() == 8 && rand.parse().is_ok_and(|rand| (0.0..1.0).contains(&rand));
            equal((rand.as_str(), six_decimals), (rand.as_str(), true))?;
        }
    }
    if !is_head && context.is_empty() {
        return differs(Deviation::ContextStaysEmpty, ours, theirs, BTreeMap::new());
    }
    if !is_head && input["traces_sampler"].is_null() && theirs.get("sample_rate") != rate_before.as_ref() {
        let mut instead = theirs.clone();
        instead.remove("sample_rate");
        instead.extend(rate_before.map(|rate| ("sample_rate".to_owned(), rate)));
        return differs(Deviation::SamplerAloneChangesRate, ours, theirs, instead);
    }
    equal(ours, theirs)
}

/// Where the client of the vectors reports to.
const DSN: &str = "https://mysecret@o1234.ingest.sentry.io/12312012";

/// The client of the vectors: tracing is not switched on by itself.
pub(crate) fn program() -> Result<Options, String> {
    program_at(DSN)
}

pub(crate) fn program_at(dsn: &str) -> Result<Options, String> {
    let options = Options::new().use_environment(false).shutdown_timeout(Duration::from_secs(60));
    let options = options.dsn(dsn).and_then(|options| options.release("myapp@0.0.1"));
    options.map_err(|error| error.to_string())
}

fn headers(input: &Value) -> Result<Vec<(String, String)>, String> {
    let headers = input["headers"].as_object().ok_or_else(unknown)?.iter();
    headers.map(|(name, value)| Ok((name.clone(), value.as_str().ok_or_else(unknown)?.to_owned()))).collect()
}

/// The trace that the first event or transaction says it belongs to.
fn trace_context(captured: &Captured) -> Result<TraceContext, String> {
    let transaction = captured.transactions().into_iter().next().map(|transaction| transaction.contexts);
    let contexts = transaction.or_else(|| Some(captured.events().into_iter().next()?.contexts));
    contexts.and_then(|contexts| contexts.trace).ok_or_else(|| "nothing with a trace was sent".to_owned())
}

/// The sampling context of the first envelope.
fn trace_header(captured: &Captured) -> Result<BTreeMap<String, String>, String> {
    let envelope = captured.envelopes().first().ok_or("nothing was sent")?;
    let trace = envelope.headers.trace.clone().unwrap_or_default();
    Ok(trace.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}
