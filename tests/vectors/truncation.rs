//! What is cut: texts that are too long, breadcrumbs that are too many.

use serde_json::{Value, json};
use watchpost::protocol::{Annotation, Request, truncate};
use watchpost::{Breadcrumb, Event, MaxRequestBodySize, add_breadcrumb, capture_event, capture_message};
use watchpost_testkit::{capture_with, options};

use crate::known::{Deviation, Unchecked};
use crate::{Checked, Outcome, Vector, count, differs, equal, list, only, text, unknown};

pub(crate) fn truncation(vector: &Vector<'_>) -> Outcome {
    let input = vector.input.as_object().ok_or_else(unknown)?;
    let has = |key: &str| input.contains_key(key);
    if has("max_bytes") {
        string(vector)
    } else if has("max_breadcrumbs") {
        breadcrumbs(vector)
    } else if has("crumbs") {
        before_breadcrumb(vector)
    } else if input.is_empty() {
        limits(vector)
    } else if has("request.data keys") {
        breadth(vector)
    } else {
        Err(unknown())
    }
}

fn string(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["value", "max_bytes"])?;
    only(vector.expected, &["value", "meta"])?;
    let mut ours = match &vector.input["value"] {
        Value::String(text) => text.clone(),
        repeated => {
            only(repeated, &["repeat", "n"])?;
            text(repeated, "repeat")?.ok_or_else(unknown)?.repeat(count(repeated, "n")?)
        }
    };
    let meta = match &vector.input["max_bytes"] {
        Value::Null => None,
        _ => truncate(&mut ours, count(vector.input, "max_bytes")?),
    };
    let said = meta.map(|cut| {
        let mut said = Annotation::default();
        cut.note(&mut said);
        said
    });
    equal(&json!(said), &vector.expected["meta"])?;
    match &vector.expected["value"] {
        Value::String(text) => equal(&ours, text),
        measures => {
            let ours = json!({ "len_bytes": ours.len(), "ends_with_ellipsis": ours.ends_with("...") });
            equal(&ours, measures)
        }
    }
}

fn breadcrumbs(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["max_breadcrumbs", "added"])?;
    only(vector.expected, &["kept", "first", "last", "_meta_len"])?;
    let (max, added) = (count(vector.input, "max_breadcrumbs")?, count(vector.input, "added")?);
    let captured = capture_with(options().max_breadcrumbs(max), || {
        for number in 0..added {
            add_breadcrumb(Breadcrumb::new(number.to_string()));
        }
        capture_message("m");
    });
    let event = captured.events().into_iter().next().ok_or("no event was sent")?;
    let message = |crumb: Option<&Breadcrumb>| crumb.and_then(|crumb| crumb.message.clone());
    let ours = json!({
        "kept": event.breadcrumbs.len(),
        "first": message(event.breadcrumbs.first()),
        "last": message(event.breadcrumbs.last()),
        "_meta_len": event.meta.get(["breadcrumbs"]).and_then(|meta| meta.said.len),
    });
    let mut theirs = vector.expected.clone();
    for missing in ["first", "last", "_meta_len"] {
        theirs[missing] = vector.expected[missing].clone(); // where there is none, null
    }
    if max == 0 && !theirs["_meta_len"].is_null() {
        let mut instead = theirs.clone();
        instead["_meta_len"] = Value::Null;
        return differs(Deviation::OffIsNotCut, ours, theirs, instead);
    }
    equal(ours, theirs)
}

/// The hook of the vector drops what is of the category `drop`, and edits the message of the rest.
fn before_breadcrumb(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["crumbs"])?;
    let crumb = |crumb: &Value| serde_json::from_value::<Breadcrumb>(crumb.clone());
    let crumbs = list(&vector.input["crumbs"])?.iter().map(crumb).collect::<Result<Vec<_>, _>>();
    let crumbs = crumbs.map_err(|error| error.to_string())?;
    let hooked = options().before_breadcrumb(|mut crumb| {
        crumb.message = Some("edited".into());
        (crumb.category.as_deref() != Some("drop")).then_some(crumb)
    });
    let captured = capture_with(hooked, || {
        crumbs.into_iter().for_each(add_breadcrumb);
        capture_message("m");
    });
    let event = captured.events().into_iter().next().ok_or("no event was sent")?;
    let kept = event.breadcrumbs.iter();
    let kept = kept.map(|it| json!({ "message": it.message, "category": it.category, "type": it.ty }));
    equal(&json!(kept.collect::<Vec<_>>()), vector.expected)
}

/// A body of so many fields.
fn breadth(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["request.data keys", "max_request_body_size"])?;
    only(vector.expected, &["kept", "_meta_len"])?;
    let keys = count(vector.input, "request.data keys")?;
    let size = text(vector.input, "max_request_body_size")?.unwrap_or("medium");
    let size = size.parse::<MaxRequestBodySize>().map_err(|error| error.to_string())?;
    let data: Value = (0..keys).map(|key| (key.to_string(), json!(key))).collect();
    let captured = capture_with(options().max_request_body_size(size), || {
        let request = Request { data: Some(data), ..Request::default() };
        capture_event(Event { request: Some(request), ..Event::default() });
    });
    let event = captured.events().into_iter().next().ok_or("no event was sent")?;
    let data = event.request.and_then(|request| request.data).ok_or("the body is gone")?;
    let length = json!(event.meta.get(["request", "data"]).and_then(|meta| meta.said.len));
    equal(&json!(data.as_object().map(serde_json::Map::len)), &vector.expected["kept"])?;
    equal(length.is_null(), vector.expected["kept"] == json!(keys))
}

/// The limits that hold where the program says nothing.
fn limits(vector: &Vector<'_>) -> Outcome {
    let mut parts = Vec::new();
    let mut unnamed = false;
    let seed = "DEFAULT_MAX_VALUE_LENGTH@2.36(seed)";
    for (name, theirs) in vector.expected.as_object().ok_or_else(unknown)? {
        let ours = match name.as_str() {
            "DEFAULT_MAX_BREADCRUMBS" => watchpost::DEFAULT_MAX_BREADCRUMBS,
            "DEFAULT_QUEUE_SIZE" => {
                let ours = json!(watchpost::DEFAULT_QUEUE_SIZE);
                parts.push(differs(Deviation::QueueHasMemory, &ours, theirs, &json!(16_384))?);
                continue;
            }
            "max_spans_default" => watchpost_core::MAX_SPANS,
            name if name.starts_with("DEFAULT_MAX_VALUE_LENGTH@") => {
                let ours = json!(watchpost::DEFAULT_MAX_VALUE_LENGTH);
                if theirs.is_null() {
                    parts.push(differs(Deviation::LimitOfTheSeed, &ours, theirs, &vector.expected[seed])?);
                } else {
                    equal(&ours, theirs)?;
                }
                continue;
            }
            "MAX_DATABAG_DEPTH" => watchpost::DEFAULT_MAX_DEPTH,
            "MAX_DATABAG_BREADTH" => watchpost::DEFAULT_MAX_BREADTH,
            "DEFAULT_MAX_STACK_FRAMES" => {
                unnamed = true;
                continue;
            }
            _ => return Err(format!("no check looks at the limit {name}")),
        };
        equal(&json!(ours), theirs).map_err(|problem| format!("{name}: {problem}"))?;
    }
    parts.push(if unnamed { Checked::Partly(Unchecked::UnnamedLimits) } else { Checked::Same });
    Ok(Checked::Parts(parts))
}
