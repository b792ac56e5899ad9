//! What leaves and looks, by its key, as if it said who somebody is: told to the developer, once (H14).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;
use watchpost_protocol::Item;

use crate::diag;

/// So many items are looked at: what a program sends it sends again and again.
const LOOKED_AT: u32 = 20;

/// The last part of a key, in lower case and with `_` for `-`.
const KEYS: &[&str] = &[
    "birth_date",
    "birthday",
    "date_of_birth",
    "e_mail",
    "email",
    "email_address",
    "first_name",
    "full_name",
    "iban",
    "ip_address",
    "last_name",
    "mobile",
    "passport",
    "phone",
    "phone_number",
    "postal_code",
    "ssn",
    "street",
    "surname",
    "username",
    "zip_code",
];

static LOOKED: AtomicU32 = AtomicU32::new(0);
static TOLD: AtomicBool = AtomicBool::new(false);

/// Looks at an item as it leaves, under `debug`.
pub(crate) fn look(item: &Item) {
    if !diag::enabled() || TOLD.load(Ordering::Relaxed) || LOOKED.fetch_add(1, Ordering::Relaxed) >= LOOKED_AT
    {
        return;
    }
    let payload = std::str::from_utf8(&item.payload).ok().and_then(|payload| payload.parse().ok());
    let kept = payload.map(|payload| kept_in(&payload)).unwrap_or_default();
    if !kept.is_empty() && !TOLD.swap(true, Ordering::Relaxed) {
        let (ty, kept) = (&item.header.ty, kept.join(", "));
        crate::debug!(
            "kept in an item of type {ty}, and as it looks personal: {kept}; see EventScrubber::deny and before_send"
        );
    }
}

/// The paths of such keys that have a value.
fn kept_in(payload: &Value) -> Vec<String> {
    let mut kept = Vec::new();
    find("", payload, &mut kept);
    kept
}

/// Nothing is nested deeper than its reader allowed it to be.
fn find(path: &str, value: &Value, kept: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                find(&format!("{path}{dot}{key}"), value, kept);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| find(path, value, kept)),
        Value::Null => {}
        Value::String(text) if text.is_empty() || text == crate::scrub::FILTERED => {}
        _ => {
            let key = path.rsplit('.').next().unwrap_or_default();
            let looks_personal = KEYS.contains(&key.to_ascii_lowercase().replace('-', "_").as_str());
            if looks_personal && !kept.iter().any(|known| known == path) {
                kept.push(path.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_at_any_depth_and_what_is_filtered_is_not_told() {
        let payload = serde_json::json!({
            "user": { "id": "42", "email": "a@b.c", "ip_address": null },
            "extra": { "order": [{ "Phone-Number": 1 }, { "Phone-Number": 2 }], "ssn": "[Filtered]" },
            "tags": { "plan": "pro" },
        });
        assert_eq!(kept_in(&payload), ["extra.order.Phone-Number", "user.email"]);
    }
}
