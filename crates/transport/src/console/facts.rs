//! What issues and traces have in common: the request, the user, the tags.

use std::collections::BTreeMap;

use watchpost_protocol::{Contexts, Request, User, Value};

use super::format;
use super::page::{Line, Page, Style};

/// Where the facts begin, behind their names.
const COLUMN: usize = 15;

/// What was answered, what was asked for, and which route took it if an instrumentation said so: an address is long, and what stands behind it is
/// cut.
pub(super) fn request(page: &mut Page, request: Option<&Request>, contexts: &Contexts) {
    let status = contexts.response.as_ref().and_then(|response| response.status_code);
    let Some(request) = request else {
        return;
    };
    let mut line = label("request");
    if let Some(status) = status {
        let style = match status {
            ..400 => Style::Green,
            400..500 => Style::Yellow,
            _ => Style::Red,
        };
        line = line.put(style, &status.to_string()).put(Style::Plain, " ");
    }
    if let Some(method) = &request.method {
        line = line.put(Style::Bold, method).put(Style::Plain, " ");
    }
    line = line.put(Style::Plain, request.url.as_deref().unwrap_or("(no url)"));
    if let Some(Value::String(query)) = &request.query_string {
        line = line.put(Style::Dim, "?").put(Style::Dim, query);
    }
    let route =
        contexts.trace.as_ref().and_then(|trace| trace.data.get("http.route")).and_then(Value::as_str);
    if let Some(route) = route {
        line = line.put(Style::Dim, " → ").put(Style::Plain, route);
    }
    page.push(line);
}

pub(super) fn user(page: &mut Page, user: Option<&User>) {
    let Some(user) = user else {
        return;
    };
    let known = [
        ("id", user.id.clone()),
        ("username", user.username.clone()),
        ("email", user.email.clone()),
        ("ip", user.ip_address.as_ref().map(ToString::to_string)),
    ];
    let known = known.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
    let other = user.other.iter().map(|(name, value)| (name.clone(), format::value(value)));
    pairs(page, "user", known.chain(other));
}

pub(super) fn tags(page: &mut Page, tags: &BTreeMap<String, String>) {
    pairs(page, "tags", tags.iter().map(|(key, value)| (key.clone(), value.clone())));
}

/// The flags that were evaluated, the oldest first.
pub(super) fn flags(page: &mut Page, contexts: &Contexts) {
    let values = contexts.other.get("flags").and_then(|flags| flags.get("values")?.as_array());
    let flag = |flag: &Value| {
        let name = flag.get("flag")?.as_str()?.to_owned();
        Some((name, format::value(flag.get("result")?)))
    };
    pairs(page, "flags", values.into_iter().flatten().filter_map(flag));
}

/// What was said beside the message of an event: the fields of `tracing`, of the event and of the spans around it; the pairs of `log`.
pub(super) fn fields(page: &mut Page, contexts: &Contexts, is_drawn: impl Fn(&str, &Value) -> bool) {
    let of = |context: &str| contexts.other.get(context).and_then(Value::as_object).into_iter().flatten();
    let of_record = of("Rust Log Record").filter(|(key, _)| !PLACE.contains(&key.as_str()));
    let fields = of("Rust Tracing Fields").chain(of_record).filter(|(key, value)| {
        let names_a_span = key.starts_with("otel.") || key.starts_with("sentry.");
        !names_a_span && !is_drawn(key, value)
    });
    pairs(page, "fields", fields.map(|(key, value)| (key.clone(), format::value(value))));
}

/// Where a record was made, which stands among its pairs.
const PLACE: [&str; 3] = ["file", "line", "module_path"];

/// One fact on one line.
pub(super) fn fact(page: &mut Page, name: &str, text: &str) {
    page.push(label(name).put(Style::Plain, text));
}

fn label(name: &str) -> Line {
    Line::new().put(Style::Plain, "  ").put(Style::Dim, name).to(COLUMN)
}

/// `key=value` side by side, in as many rows as they need.
fn pairs(page: &mut Page, name: &str, pairs: impl Iterator<Item = (String, String)>) {
    let mut line = label(name);
    for (key, value) in pairs {
        let pair = pair(&key, &value);
        if line.width() > COLUMN {
            if line.width() + 2 + pair.width() > page.room() {
                page.push(std::mem::replace(&mut line, label("")));
            } else {
                line = line.put(Style::Plain, "  ");
            }
        }
        line = line.join(pair);
    }
    if line.width() > COLUMN {
        page.push(line);
    }
}

pub(super) fn pair(key: &str, value: &str) -> Line {
    Line::new().put(Style::Dim, key).put(Style::Dim, "=").put(Style::Plain, value)
}
