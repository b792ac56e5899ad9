//! What is taken out: by the scrubber, and of URLs. Each vector goes all the way that an item goes.

use serde_json::{Value, json};
use watchpost::scrub::{DEFAULT_DENYLIST, DEFAULT_PII_DENYLIST, url};
use watchpost::{Event, EventScrubber, Options, capture_event, start_transaction};
use watchpost_testkit::{capture_with, options};

use crate::known::Deviation;
use crate::{Checked, Outcome, Vector, differs, equal, only, switch, unknown};

const FILTERED: &str = "[Filtered]";

pub(crate) fn url_scrub(vector: &Vector<'_>) -> Outcome {
    let text = vector.input.as_str().ok_or_else(unknown)?;
    equal(&json!(url(text)), vector.expected)?;
    let (event, _) = sent(options(), json!({ "request": { "url": text } }))?;
    equal(&event["request"]["url"], vector.expected)
}

pub(crate) fn scrubber(vector: &Vector<'_>) -> Outcome {
    let input = vector.input.as_object().ok_or_else(unknown)?;
    let has = |key: &str| input.contains_key(key);
    if has("event") {
        request(vector)
    } else if has("user") {
        user(vector)
    } else if has("span_data") {
        span_data(vector)
    } else if has("denylist") {
        denylist(vector)
    } else if has("extra") {
        depth(vector)
    } else if input.is_empty() {
        lists(vector)
    } else {
        Err(unknown())
    }
}

fn request(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["event", "send_default_pii"])?;
    only(vector.expected, &["request", "_meta"])?;
    let consent = switch(vector.input, "send_default_pii")?.unwrap_or(false);
    let (event, meta) = sent(options().send_default_pii(consent), vector.input["event"].clone())?;
    let (ours, theirs) = (&event["request"], &vector.expected["request"]);
    only(theirs, &["headers", "cookies", "data"])?;
    equal(&ours["data"], &theirs["data"])?;

    // A name that only a dash keeps off their list is on ours, as the vector itself recommends.
    let mut headers = theirs["headers"].clone();
    for (name, value) in headers.as_object_mut().ok_or_else(unknown)? {
        let folded = name.to_lowercase().replace('-', "_");
        if name.contains('-')
            && DEFAULT_DENYLIST.iter().chain(DEFAULT_PII_DENYLIST).any(|denied| *denied == folded)
        {
            *value = FILTERED.into();
        }
    }
    let dashes = differs(Deviation::DashIsUnderscore, &ours["headers"], &theirs["headers"], &headers)?;

    let pairs = theirs["cookies"].as_object().ok_or_else(unknown)?.iter();
    let text: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
    let text = json!(text.join("; "));
    let cookies = differs(Deviation::CookiesAreText, &ours["cookies"], &theirs["cookies"], &text)?;

    // What they note we note too.
    for (map, noted) in vector.expected["_meta"].as_object().ok_or_else(unknown)? {
        for (key, note) in noted.as_object().ok_or_else(unknown)? {
            let meta = &meta["request"][map];
            let ours = if map == "cookies" { meta } else { &meta[key] };
            equal(ours, note).map_err(|problem| format!("{map}.{key}: {problem}"))?;
        }
    }
    Ok(Checked::Parts(vec![dashes, cookies]))
}

fn user(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["user", "send_default_pii"])?;
    only(vector.expected, &["user"])?;
    let consent = switch(vector.input, "send_default_pii")?.unwrap_or(false);
    let (event, _) = sent(options().send_default_pii(consent), json!({ "user": vector.input["user"] }))?;
    equal(&event["user"], &vector.expected["user"])
}

fn span_data(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["span_data"])?;
    only(vector.expected, &["data", "_meta"])?;
    let captured = capture_with(options(), || {
        let root = start_transaction("root").start();
        let child = root.child("child");
        for (key, value) in vector.input["span_data"].as_object().into_iter().flatten() {
            child.set_attribute(key.clone().leak(), value.as_str().unwrap_or_default());
        }
        child.finish();
        root.finish();
    });
    let transaction = captured.transactions().pop().ok_or("no transaction")?;
    for (key, value) in vector.expected["data"].as_object().ok_or_else(unknown)? {
        equal(transaction.spans[0].data.get(key), Some(value))?;
    }
    equal(&json!(transaction.meta)["spans"], &vector.expected["_meta"])
}

fn denylist(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["denylist", "extra"])?;
    only(vector.expected, &["extra"])?;
    let names = vector.input["denylist"].as_array().ok_or_else(unknown)?.iter();
    let names: Vec<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
    let scrubber = EventScrubber::default().denylist(names);
    equal(&extra(vector, scrubber)?, &vector.expected["extra"])
}

fn depth(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["extra"])?;
    only(vector.expected, &["extra"])?;
    let deepest = "/deep/deeper/0/deepest/password";
    let with = |value: &str| {
        let mut expected = vector.expected["extra"].clone();
        *expected.pointer_mut(deepest).ok_or_else(unknown)? = value.into();
        Ok::<Value, String>(expected)
    };
    // They show a text as their language would write it.
    let theirs = with("x")?;
    equal(&extra(vector, EventScrubber::default().recursive(false))?, &theirs)?;
    let ours = extra(vector, EventScrubber::default())?;
    differs(Deviation::DepthIsSearched, ours, theirs, with(FILTERED)?)
}

fn lists(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["denylist", "pii_denylist"])?;
    let theirs = |list: &str| -> Vec<&str> {
        vector.expected[list].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (secrets, persons) = (theirs("denylist"), theirs("pii_denylist"));
    let no_address: Vec<&str> = secrets.iter().copied().filter(|name| *name != "x_forwarded_for").collect();
    let attributes: Vec<&str> = [&persons[..], &["client.address", "http.client_ip"]].concat();
    let ours = (DEFAULT_DENYLIST.to_vec(), DEFAULT_PII_DENYLIST.to_vec());
    differs(Deviation::AddressIsNoSecret, ours, (secrets, persons), (no_address, attributes))
}

fn extra(vector: &Vector<'_>, scrubber: EventScrubber) -> Result<Value, String> {
    let event = json!({ "extra": vector.input["extra"] });
    sent(options().event_scrubber(scrubber), event).map(|(mut event, _)| event["extra"].take())
}

/// An event as it was sent, and its `_meta`.
fn sent(options: Options, event: Value) -> Result<(Value, Value), String> {
    let event: Event = serde_json::from_value(event).map_err(|error| error.to_string())?;
    let captured = capture_with(options, || _ = capture_event(event));
    let sent = captured.events().pop().ok_or("no event")?;
    Ok((json!(sent), json!(sent.meta)))
}
