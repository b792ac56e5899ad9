//! Check-ins.

use std::time::Duration;

use serde_json::{Value, json};
use watchpost::protocol::{CheckInId, ItemType};
use watchpost::{Breadcrumb, CheckInStatus, Level, add_breadcrumb, isolation_scope, monitor, set_tag};
use watchpost_testkit::{Captured, capture, capture_with, options};

use crate::known::Deviation;
use crate::{Outcome, Vector, differs, equal, list, number, only, switch, text, unknown};

pub(crate) fn crons(vector: &Vector<'_>) -> Outcome {
    let keys: Vec<&str> = vector.input.as_object().ok_or_else(unknown)?.keys().map(String::as_str).collect();
    match keys[..] {
        ["duration", "id", "slug", "status"] => simple(vector),
        ["check_in_id"] => new_id(vector),
        [] => no_config(vector),
        ["fn"] => failing(vector),
        ["scope"] => scope(vector),
        _ => Err(unknown()),
    }
}

/// The payload of the one check-in.
fn payload(captured: &Captured) -> Result<Value, String> {
    let item = &captured.envelopes().first().ok_or("nothing was sent")?.items[0];
    equal(&item.header.ty, &ItemType::CheckIn)?;
    item.decode().map_err(|error| error.to_string())
}

/// An id is 32 digits: the vector's, which are fewer, are filled up. The item says its type, and the payload does not.
fn simple(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["item_type", "payload"])?;
    let given = text(vector.input, "id")?.ok_or_else(unknown)?;
    let id: CheckInId = format!("{given:0>32}").parse().map_err(|error| format!("{error}"))?;
    let slug = text(vector.input, "slug")?.ok_or_else(unknown)?;
    let seconds = number(vector.input, "duration")?.ok_or_else(unknown)?;
    let status: CheckInStatus =
        text(vector.input, "status")?.ok_or_else(unknown)?.parse().map_err(|error| format!("{error}"))?;
    let monitor = monitor(slug).map_err(|error| error.to_string())?;
    let expected = &vector.expected["payload"];
    let options = options().release(text(expected, "release")?.ok_or_else(unknown)?);
    let captured = capture_with(options.map_err(|error| error.to_string())?, || {
        monitor.check_in(status).id(id).duration(Duration::from_secs_f64(seconds)).send();
    });
    equal(vector.expected["item_type"].as_str(), Some(ItemType::CheckIn.as_str()))?;
    let mut ours = payload(&captured)?;
    let fields = ours.as_object_mut().ok_or_else(unknown)?;
    fields.remove("contexts");
    let mut instead = expected.clone();
    instead["check_in_id"] = json!(id);
    instead["duration"] = json!(seconds);
    instead.as_object_mut().ok_or_else(unknown)?.remove("type");
    differs(Deviation::PayloadHasNoType, &ours, expected, &instead)
}

fn new_id(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["returned_matches", "ok"])?;
    equal(text(vector.expected, "returned_matches")?, Some("^[0-9a-f]{32}$"))?;
    let mut returned = None;
    let captured = capture(|| {
        returned = monitor("job").ok().map(|monitor| monitor.check_in(CheckInStatus::Ok).send().to_string());
    });
    let returned = returned.ok_or("no id")?;
    let is_id =
        returned.len() == 32 && returned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    equal(Some(is_id), switch(vector.expected, "ok")?)?;
    equal(payload(&captured)?["check_in_id"].as_str(), Some(&*returned))
}

fn no_config(vector: &Vector<'_>) -> Outcome {
    let captured = capture(|| {
        let _ = monitor("job").map(|monitor| monitor.check_in(CheckInStatus::Ok).send());
    });
    let has_key = payload(&captured)?.get("monitor_config").is_some();
    equal(Some(has_key), switch(vector.expected, "has_key")?)
}

fn failing(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["statuses", "error_event_sent"])?;
    let captured = capture(|| {
        let _ = monitor("job").map(|monitor| monitor.run(|| Err::<(), _>("failed")));
    });
    let statuses: Vec<Value> = captured.check_ins().iter().map(|check_in| json!(check_in.status)).collect();
    equal(&statuses[..], list(&vector.expected["statuses"])?)?;
    equal(Some(!captured.events().is_empty()), switch(vector.expected, "error_event_sent")?)
}

fn scope(vector: &Vector<'_>) -> Outcome {
    equal(&vector.input["scope"], &json!(["tag", "breadcrumb", "extra", "level"]))?;
    let captured = capture(|| {
        set_tag("tag", 1);
        add_breadcrumb(Breadcrumb::new("breadcrumb"));
        #[expect(deprecated, reason = "it is still there")]
        isolation_scope().set_extra("extra", 1);
        isolation_scope().set_level(Some(Level::Fatal));
        let _ = monitor("job").map(|monitor| monitor.check_in(CheckInStatus::Ok).send());
    });
    let payload = payload(&captured)?;
    let has = |key: &str| payload.get(key).is_some();
    let ours = json!({
        "tags": has("tags"), "breadcrumbs": has("breadcrumbs"), "extra": has("extra"), "level": has("level"),
    });
    equal(&ours, vector.expected)
}
