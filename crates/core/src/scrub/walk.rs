//! The way through an item: which maps and texts it has is the item's to say; what happens to them is said here, once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};
use watchpost_protocol::{AttributeValue, DynamicSamplingContext};

use super::path::Path;
use super::scrubber::{CONTENT, Rules};
use super::{FILTERED, text};

/// What stands deeper than this is taken out unseen: a stack has an end, and the server keeps far less (§5.1).
const MAX_DEPTH: usize = 120;

/// Something that has maps and texts. A kind of item that is added later adds one of these.
pub(crate) trait Scrub {
    /// Shows all of them to `walk`; `at` is where this is in the item.
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>);
}

impl Rules {
    /// Takes out of an item what must not leave the process, and says so in its `_meta` (§16.6). Where nothing is found nothing is allocated.
    pub(crate) fn scrub(&self, item: &mut impl Scrub, meta: &mut Option<Value>) {
        item.scrub(&mut Walk { rules: self, meta }, &Path::ROOT);
    }

    /// The same for the context in an envelope's header, which has the name of the transaction and no `_meta`.
    pub(crate) fn scrub_context(&self, context: &mut DynamicSamplingContext) {
        let name = context.get("transaction").map(|name| self.text(name));
        if let Some(Cow::Owned(name)) = name {
            context.set("transaction", name);
        }
    }

    fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        text::any(text, &|name| self.hides_parameter(name))
    }
}

/// What goes through an item.
pub(crate) struct Walk<'w> {
    pub(super) rules: &'w Rules,
    meta: &'w mut Option<Value>,
}

impl Walk<'_> {
    /// A map of values that the program named.
    pub(crate) fn map<'v, V: Datum + 'v>(
        &mut self,
        at: &Path<'_>,
        entries: impl IntoIterator<Item = (&'v String, &'v mut V)>,
    ) {
        for (key, value) in entries {
            let at = at.key(key);
            if self.rules.hides(key) {
                self.hide(&at, value);
            } else {
                value.inspect(self, &at, TextKind::of(key));
            }
        }
    }

    /// A map of headers.
    pub(crate) fn headers(&mut self, at: &Path<'_>, headers: &mut BTreeMap<String, String>) {
        for (name, value) in headers {
            // As the environment of a CGI program has them.
            let header = name.strip_prefix("HTTP_").unwrap_or(name);
            if self.rules.hides_header(header) {
                self.hide(&at.key(name), value);
            } else {
                self.text(&at.key(name), value);
            }
        }
    }

    /// A query in any of its three forms: text, a map, or a list of pairs (§5.5).
    pub(crate) fn query(&mut self, at: &Path<'_>, query: &mut Value) {
        match query {
            Value::Object(map) => {
                for (name, value) in map {
                    self.parameter(&at.key(name), name, value);
                }
            }
            Value::Array(list) => {
                for (index, pair) in list.iter_mut().enumerate() {
                    let at = at.index(index);
                    match pair.as_array_mut().map(Vec::as_mut_slice) {
                        Some([Value::String(name), value]) => self.parameter(&at.index(1), name, value),
                        _ => pair.inspect(self, &at, TextKind::Query),
                    }
                }
            }
            other => other.inspect(self, at, TextKind::Query),
        }
    }

    fn parameter(&mut self, at: &Path<'_>, name: &str, value: &mut Value) {
        if self.rules.hides_parameter(name) {
            self.hide(at, value);
        } else {
            value.inspect(self, at, TextKind::Any);
        }
    }

    /// A text in which URLs may stand.
    pub(crate) fn text(&mut self, at: &Path<'_>, text: &mut String) {
        self.text_of_kind(at, text, TextKind::Any);
    }

    pub(crate) fn cookies(&mut self, at: &Path<'_>, text: &mut String) {
        self.text_of_kind(at, text, TextKind::Cookies);
    }

    fn text_of_kind(&mut self, at: &Path<'_>, text: &mut String, kind: TextKind) {
        let rules = self.rules;
        if matches!(kind, TextKind::Json) && self.json(at, text) {
            return;
        }
        let filtered = match kind {
            TextKind::Any | TextKind::Json => rules.text(text),
            TextKind::Query => text::pairs(text, &|name| rules.hides_parameter(name)),
            TextKind::Cookies => text::cookies(text, &|name| rules.hides_cookie(name)),
        };
        if let Cow::Owned(filtered) = filtered {
            *text = filtered;
            self.note(at, "s");
        }
    }

    /// What was a map or a list before it was printed. False if it was not.
    fn json(&mut self, at: &Path<'_>, text: &mut String) -> bool {
        let Ok(mut value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) else {
            return false;
        };
        let mut meta = None;
        value.inspect(&mut Walk { rules: self.rules, meta: &mut meta }, &Path::ROOT, TextKind::Any);
        if meta.is_some() {
            *text = value.to_string();
            self.note(at, "s");
        }
        true
    }

    pub(crate) fn hide(&mut self, at: &Path<'_>, value: &mut impl Datum) {
        value.hide();
        self.note(at, "s");
    }

    /// Says that the value here was substituted (`s`) or removed (`x`).
    pub(crate) fn note(&mut self, at: &Path<'_>, what: &str) {
        at.note(self.meta, what);
    }
}

/// What a key says about the text under it.
#[derive(Clone, Copy)]
pub(crate) enum TextKind {
    Any,
    Query,
    Cookies,
    /// What is said to a model and by it: printed as JSON, because an attribute has no maps.
    Json,
}

impl TextKind {
    fn of(key: &str) -> Self {
        match key {
            "http.query" | "http.fragment" | "url.query" | "url.fragment" | "query_string" => TextKind::Query,
            "cookies" => TextKind::Cookies,
            key if CONTENT.contains(&key) => TextKind::Json,
            _ => TextKind::Any,
        }
    }
}

/// A value under a key.
pub(crate) trait Datum {
    /// Replaces it.
    fn hide(&mut self);
    /// Looks into it.
    fn inspect(&mut self, walk: &mut Walk<'_>, at: &Path<'_>, kind: TextKind);
}

impl Datum for String {
    fn hide(&mut self) {
        if self != FILTERED {
            FILTERED.clone_into(self);
        }
    }

    fn inspect(&mut self, walk: &mut Walk<'_>, at: &Path<'_>, kind: TextKind) {
        walk.text_of_kind(at, self, kind);
    }
}

impl Datum for Value {
    fn hide(&mut self) {
        *self = Value::String(FILTERED.to_owned());
    }

    fn inspect(&mut self, walk: &mut Walk<'_>, at: &Path<'_>, kind: TextKind) {
        match self {
            Value::String(text) => walk.text_of_kind(at, text, kind),
            Value::Object(_) | Value::Array(_) if at.depth() > MAX_DEPTH => walk.hide(at, self),
            Value::Object(map) if walk.rules.recursive => map.scrub(walk, at),
            Value::Array(list) if walk.rules.recursive => {
                for (index, each) in list.iter_mut().enumerate() {
                    each.inspect(walk, &at.index(index), kind);
                }
            }
            _ => {}
        }
    }
}

impl Datum for AttributeValue {
    fn hide(&mut self) {
        *self = FILTERED.into();
    }

    fn inspect(&mut self, walk: &mut Walk<'_>, at: &Path<'_>, kind: TextKind) {
        match self {
            AttributeValue::String(text) => walk.text_of_kind(at, text, kind),
            AttributeValue::Array(list) => {
                for (index, each) in list.iter_mut().enumerate() {
                    each.inspect(walk, &at.index(index), kind);
                }
            }
            AttributeValue::Integer(_) | AttributeValue::Double(_) | AttributeValue::Boolean(_) => {}
        }
    }
}

impl Scrub for Map<String, Value> {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        walk.map(at, self);
    }
}

impl<V: Datum> Scrub for BTreeMap<String, V> {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        walk.map(at, self);
    }
}

/// A body, or a parameter of a message: of a map its keys count also where maps within maps are not searched.
impl Scrub for Value {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        match self {
            Value::Object(map) => map.scrub(walk, at),
            other => other.inspect(walk, at, TextKind::Any),
        }
    }
}

impl<T: Scrub> Scrub for Vec<T> {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        for (index, each) in self.iter_mut().enumerate() {
            each.scrub(walk, &at.index(index));
        }
    }
}

impl<T: Scrub> Scrub for Option<T> {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        if let Some(each) = self {
            each.scrub(walk, at);
        }
    }
}

impl Scrub for Cow<'static, str> {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        // What the program is made with has no secrets.
        if let Cow::Owned(text) = self {
            text.scrub(walk, at);
        }
    }
}

impl Scrub for String {
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>) {
        walk.text(at, self);
    }
}
