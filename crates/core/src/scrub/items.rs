//! Where each kind of item has maps and texts.

use serde_json::Value;
use watchpost_protocol::{
    AttributeValue, Breadcrumb, Contexts, Event, Exception, Frame, Log, LogEntry, Metric, Remark, Request,
    ResponseContext, SpanLink, SpanRecord, Stacktrace, Thread, TraceContext, Transaction, User,
};

use super::FILTERED;
use super::path::Path;
use super::walk::{Scrub, Walk};
use crate::finished::FinishedSpan;

/// What the attributes of a log begin with that are parameters of its message.
const PARAMETER: &str = "sentry.message.parameter.";

/// Shows fields to a walk, each under its own name. A field with a name of another kind on the wire is shown by hand.
macro_rules! show {
    ($walk:ident, $at:ident, $item:ident: $($field:ident),*) => {
        $($item.$field.scrub($walk, &$at.key(stringify!($field)));)*
        // Unknown fields stand beside the known ones.
        $item.other.scrub($walk, $at);
    };
}

impl Scrub for Event {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: transaction, logentry, fingerprint, tags, extra, user, request, contexts);
        self.breadcrumbs.scrub(walk, &at.key("breadcrumbs").key("values"));
        self.exception.scrub(walk, &at.key("exception").key("values"));
        self.threads.scrub(walk, &at.key("threads").key("values"));
    }
}

impl Scrub for Transaction {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: transaction, tags, extra, user, request, contexts, spans);
    }
}

impl Scrub for SpanRecord {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: description, tags, data, links);
    }
}

/// As a [`SpanRecord`], which it has not become.
impl Scrub for FinishedSpan<'_> {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        // What it has in common with others was looked at when it was first described.
        let is_own = self.likeness().is_none();
        if let Some(description) = self.description.as_mut().filter(|_| is_own) {
            walk.borrowed_text(&at.key("description"), description);
        }
        walk.attributes(&at.key("data"), &mut self.data);
        self.links.scrub(walk, &at.key("links"));
    }
}

impl Scrub for SpanLink {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: attributes);
    }
}

impl Scrub for TraceContext {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: description, data, links);
    }
}

impl Scrub for Request {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: url, data);
        walk.headers(&at.key("headers"), &mut self.headers);
        walk.headers(&at.key("env"), &mut self.env);
        if let Some(query) = &mut self.query_string {
            walk.query(&at.key("query_string"), query);
        }
        if let Some(cookies) = &mut self.cookies {
            walk.cookies(&at.key("cookies"), cookies);
        }
    }
}

impl Scrub for ResponseContext {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: data);
        if let Some(headers) = &mut self.headers {
            walk.headers(&at.key("headers"), headers);
        }
        if let Some(cookies) = &mut self.cookies {
            walk.cookies(&at.key("cookies"), cookies);
        }
    }
}

impl Scrub for User {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self:);
        // What is no address would be refused: it cannot be replaced, only left out.
        if self.ip_address.is_some() && walk.rules.hides("ip_address") {
            self.ip_address = None;
            walk.note(&at.key("ip_address"), Remark::REMOVED);
        }
    }
}

impl Scrub for Contexts {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        self.trace.scrub(walk, &at.key("trace"));
        self.response.scrub(walk, &at.key("response"));
        let typed = [
            ("os", self.os.as_mut().map(|context| &mut context.other)),
            ("runtime", self.runtime.as_mut().map(|context| &mut context.other)),
            ("rust", self.rust.as_mut().map(|context| &mut context.other)),
            ("device", self.device.as_mut().map(|context| &mut context.other)),
            ("app", self.app.as_mut().map(|context| &mut context.other)),
            ("culture", self.culture.as_mut().map(|context| &mut context.other)),
        ];
        for (name, unknown) in typed {
            if let Some(unknown) = unknown {
                unknown.scrub(walk, &at.key(name));
            }
        }
        for (name, context) in &mut self.other {
            if name == "flags" {
                flags(walk, &at.key(name).key("values"), context);
            }
            context_of_any_name(walk, &at.key(name), name, context);
        }
    }
}

/// The name of a flag stands beside its value. That it was on or off is no secret, whatever it is called.
fn flags(walk: &mut Walk<'_>, at: &Path<'_>, context: &mut Value) {
    let values = context.get_mut("values").and_then(Value::as_array_mut);
    for (index, flag) in values.into_iter().flatten().enumerate() {
        let hidden = flag.get("flag").and_then(Value::as_str).is_some_and(|name| walk.rules.hides(name));
        if let Some(result) = flag.get_mut("result").filter(|result| hidden && !result.is_boolean()) {
            walk.hide(&at.index(index).key("result"), result);
        }
    }
}

/// A context has to stay an object: of one with the name of a secret, everything in it is taken out.
fn context_of_any_name(walk: &mut Walk<'_>, at: &Path<'_>, name: &str, context: &mut Value) {
    let hidden = walk.rules.hides(name);
    match context {
        Value::Object(map) if hidden => {
            for (key, value) in map {
                walk.hide(&at.key(key), value);
            }
        }
        Value::Object(map) => map.scrub(walk, at),
        other if hidden => walk.hide(at, other),
        other => other.scrub(walk, at),
    }
}

impl Scrub for Breadcrumb {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: message, data);
    }
}

impl Scrub for Exception {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: value, stacktrace);
        if let Some(mechanism) = &mut self.mechanism {
            let at = &at.key("mechanism");
            show!(walk, at, mechanism: description, data, meta);
        }
    }
}

impl Scrub for Thread {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: stacktrace);
    }
}

impl Scrub for Stacktrace {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: frames);
    }
}

impl Scrub for Frame {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: vars, context_line, pre_context, post_context);
    }
}

/// The text of a parameter stands in the body of a log, too: what is hidden in the one is hidden in the other.
impl Scrub for Log {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        for (key, value) in &self.attributes {
            if key.strip_prefix(PARAMETER).is_some_and(|name| walk.rules.hides(name)) {
                // As it was filled in.
                let text = match value {
                    AttributeValue::String(text) => text.clone(),
                    AttributeValue::Integer(number) => number.to_string(),
                    AttributeValue::Double(number) => number.to_string(),
                    AttributeValue::Boolean(_) | AttributeValue::Array(_) => continue,
                };
                if !text.is_empty() {
                    self.body = self.body.replace(&text, FILTERED);
                }
            }
        }
        show!(walk, at, self: body, attributes);
    }
}

impl Scrub for Metric {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: attributes);
    }
}

impl Scrub for LogEntry {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        show!(walk, at, self: formatted, message, params);
    }
}
