//! What is lost, and how it is counted and reported.

use serde_json::{Value, json};
use watchpost::protocol::{Category, DiscardReason, DiscardedEvent, Item, ItemType};
use watchpost::transport::{HttpOptions, HttpTransport};
use watchpost::{Dsn, capture_message, start_transaction};
use watchpost_core::{Losses, MAX_SPANS};
use watchpost_testkit::{Recorder, capture_with, options};

use crate::known::Deviation;
use crate::support::Watched;
use crate::support::server::{Answer, Received, Server};
use crate::{Checked, Outcome, Vector, count, differs, equal, list, only, text, unknown};

pub(crate) fn client_reports(vector: &Vector<'_>) -> Outcome {
    let has = |key: &str| vector.input.get(key).is_some();
    if has("lost_item") {
        item(vector)
    } else if has("calls") {
        calls(vector)
    } else if has("status") {
        refused(vector)
    } else if has("before_send") {
        dropped_event(vector)
    } else if has("max_spans") {
        overflow(vector)
    } else if has("spans") {
        dropped_transaction(vector)
    } else {
        Err(unknown())
    }
}

/// What is lost with one item.
fn item(vector: &Vector<'_>) -> Outcome {
    // Where the vector names no reason, the item met a rate limit.
    let reason = text(vector.input, "reason")?.unwrap_or(DiscardReason::RatelimitBackoff.as_str());
    let theirs = lost(vector.expected)?;
    match text(vector.input, "lost_item")? {
        Some("transaction") => {
            only(vector.input, &["lost_item", "spans", "reason"])?;
            let spans = vec![json!({}); count(vector.input, "spans")?];
            let item = Item::json(ItemType::Transaction, &json!({ "spans": spans }));
            equal(counted(reason, &item.map_err(|error| error.to_string())?.losses()), theirs)
        }
        Some("attachment") => {
            only(vector.input, &["lost_item", "payload", "reason"])?;
            let payload = text(vector.input, "payload")?.ok_or_else(unknown)?;
            let ours = counted(reason, &Item::attachment("a", None, payload.into()).losses());
            let mut instead = theirs.clone();
            instead.push(format!("{reason}/attachment_item: 1"));
            instead.sort();
            differs(Deviation::AttachmentIsAlsoAnItem, ours, theirs, instead)
        }
        _ => Err(unknown()),
    }
}

/// Losses of the same reason add up.
fn calls(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["calls", "reason"])?;
    let call = |call: &Value| match list(call)? {
        [category, quantity] => {
            let category =
                category.as_str().ok_or_else(unknown)?.parse().map_err(|error| format!("{error}"))?;
            Ok((category, quantity.as_u64().ok_or_else(unknown)?))
        }
        _ => Err(unknown()),
    };
    let calls = list(&vector.input["calls"])?.iter().map(call).collect::<Result<Vec<_>, _>>()?;
    let reason = text(vector.input, "reason")?.ok_or_else(unknown)?;
    equal(counted(reason, &calls), lost(vector.expected)?)
}

/// The lines of a ledger after these losses. A reason that the protocol does not know is only a name in a vector: another stands for it.
fn counted(reason: &str, losses: &[(Category, u64)]) -> Vec<String> {
    let ledger = Losses::default();
    for loss in losses {
        ledger.record_all(reason.parse().unwrap_or(DiscardReason::Ignored), &[*loss]);
    }
    let line = |line: DiscardedEvent| format!("{reason}/{}: {}", line.category, line.quantity);
    let mut lines: Vec<String> = ledger.lines().into_iter().map(line).collect();
    lines.sort();
    lines
}

/// What a server that answers with a status makes of what it is sent.
fn refused(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["status", "envelope"])?;
    let status = count(vector.input, "status")?;
    let send = match list(&vector.input["envelope"])? {
        [item] if item == "event" => || {
            capture_message("m");
        },
        [item] if item == "transaction" => || start_transaction("t").start().finish(),
        _ => return Err(unknown()),
    };
    let refusal = format!("HTTP/1.1 {status} as the vector says\r\nContent-Length: 0\r\n\r\n");
    let server = Server::start([Answer::Says(refusal.leak())]);
    let dsn: Dsn = server.dsn().parse().map_err(|error| format!("{error}"))?;
    // The proxy of the machine's environment must not come between.
    let http =
        HttpTransport::new(&dsn, HttpOptions::default().proxy("")).map_err(|error| error.to_string())?;
    let options = options().default_integrations(false).transport(http);
    let program = Watched::over(options, Recorder::new());
    program.run(send);
    program.close();
    let ours = reported(&server.rest())?;
    let theirs = lost(vector.expected)?;
    let network = DiscardReason::NetworkError.as_str();
    if theirs.iter().any(|line| line.starts_with(network)) {
        let send = DiscardReason::SendError.as_str();
        let instead = theirs.iter().map(|line| line.replacen(network, send, 1)).collect();
        return differs(Deviation::RefusedIsSendError, ours, theirs, instead);
    }
    equal(ours, theirs)
}

/// The losses that reached the server.
fn reported(requests: &[Received]) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for item in requests.iter().flat_map(|request| request.envelope().items) {
        if item.header.ty == ItemType::ClientReport {
            let report: Value = item.decode().map_err(|error| error.to_string())?;
            lines.extend(lost(&report["discarded_events"])?);
        }
    }
    lines.sort();
    Ok(lines)
}

fn dropped_event(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["before_send", "event"])?;
    if (&vector.input["before_send"], &vector.input["event"]) != (&json!("drop"), &json!("message")) {
        return Err(unknown());
    }
    let captured = capture_with(options().before_send(|_| None), || {
        capture_message("m");
    });
    equal(captured.losses(), lost(vector.expected)?)
}

fn dropped_transaction(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["spans"])?;
    let spans = count(vector.input, "spans")?;
    let captured = capture_with(options().before_send_transaction(|_| None), || {
        let root = start_transaction("root").start();
        (0..spans).for_each(|_| root.child("child").finish());
    });
    equal(captured.losses(), lost(vector.expected)?)
}

/// More spans than a transaction may have. Our limit is no option: as many more are started as the vector has below its own.
fn overflow(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["max_spans", "spans_started"])?;
    only(vector.expected, &["sent_spans", "_meta_spans_len", "lost"])?;
    let more = MAX_SPANS - count(vector.input, "max_spans")?;
    let started = count(vector.input, "spans_started")? + more;
    let captured = capture_with(options(), || {
        let root = start_transaction("root").start();
        (0..started).for_each(|_| root.child("child").finish());
    });
    let transaction = captured.transactions().into_iter().next().ok_or("no transaction was sent")?;
    let before_cut = transaction.meta.get(["spans"]).and_then(|meta| meta.said.len);
    equal(transaction.spans.len() - more, count(vector.expected, "sent_spans")?)?;
    let theirs = vector.expected["_meta_spans_len"].as_u64();
    equal(before_cut, theirs.map(|spans| spans + more as u64))?;
    equal(captured.losses(), lost(&vector.expected["lost"])?)?;
    Ok(Checked::Same)
}

/// The lines of a vector, in the form of the testkit: `reason/category: quantity`.
pub(crate) fn lost(lines: &Value) -> Result<Vec<String>, String> {
    let line = |line: &Value| {
        only(line, &["reason", "category", "quantity"])?;
        let part = |key: &str| text(line, key)?.ok_or_else(unknown);
        Ok(format!("{}/{}: {}", part("reason")?, part("category")?, count(line, "quantity")?))
    };
    let mut lines = list(lines)?.iter().map(line).collect::<Result<Vec<_>, String>>()?;
    lines.sort();
    Ok(lines)
}
