//! The way through an item: which maps and texts it has is the item's to say; what happens to them is said here, once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use watchpost_protocol::{AttributeValue, DynamicSamplingContext, Meta, Remark, value};

use super::path::Path;
use super::scrubber::{CONTENT, Rules};
use super::seen::Seen;
use super::{FILTERED, text};
use crate::fields::FieldValue;
use crate::span_data::{SpanData, SpanValue};

/// What stands deeper than this is taken out unseen: a stack has an end, and the server keeps far less (§5.1).
const MAX_DEPTH: usize = 120;

/// Something that has maps and texts. A kind of item that is added later adds one of these.
pub(crate) trait Scrub {
    /// Shows all of them to `walk`; `at` is where this is in the item.
    fn scrub(&mut self, walk: &mut Walk<'_>, at: &Path<'_>);
}

impl Rules {
    /// Takes out of an item what must not leave the process, and says so in its `_meta` (§16.6). Where nothing is found nothing is allocated.
    pub(crate) fn scrub(&self, item: &mut impl Scrub, meta: &mut Meta) {
        item.scrub(&mut Walk::new(self, meta), &Path::ROOT);
    }

    /// The same for the context in an envelope's header, which has the name of the transaction and no `_meta`.
    pub(crate) fn scrub_context(&self, context: &mut Arc<DynamicSamplingContext>) {
        let name = context.get("transaction").map(|name| self.text(name));
        if let Some(Cow::Owned(name)) = name {
            Arc::make_mut(context).set("transaction", name);
        }
    }

    fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        text::any(text, &|name| self.hides_parameter(name))
    }
}

/// What goes through an item.
pub(crate) struct Walk<'w> {
    pub(super) rules: &'w Rules,
    meta: &'w mut Meta,
    /// What happens to the values of keys.
    keys: Seen<Verdict>,
    /// Whether there is nothing to take out of texts.
    texts: Seen<bool>,
}

impl<'w> Walk<'w> {
    fn new(rules: &'w Rules, meta: &'w mut Meta) -> Self {
        Walk { rules, meta, keys: Seen::default(), texts: Seen::default() }
    }
}

impl Walk<'_> {
    /// A map of values that the program named.
    #[inline(never)]
    pub(crate) fn map<'v, V: Datum + 'v>(
        &mut self,
        at: &Path<'_>,
        entries: impl IntoIterator<Item = (impl AsRef<str>, &'v mut V)>,
    ) {
        for (key, value) in entries {
            let key = key.as_ref();
            let verdict = Verdict::of(key, self.rules);
            self.carry_out(verdict, &at.key(key), value);
        }
    }

    /// The attributes of a span that was recorded. Keys and texts stay where they are until the walk is over, and most come again with the
    /// next span.
    pub(crate) fn attributes(&mut self, at: &Path<'_>, data: &mut SpanData<'_>) {
        for (key, value) in data.iter_mut() {
            let verdict = self.keys.verdict(key, |key| Verdict::of(key, self.rules));
            match (verdict, &value) {
                (Verdict::Inspect(TextKind::Any), SpanValue::Recorded(FieldValue::Str(text)))
                    if self.texts.verdict(text, |text| matches!(self.rules.text(text), Cow::Borrowed(_))) => {
                }
                (Verdict::Inspect(_), SpanValue::Recorded(value)) if !matches!(value, FieldValue::Str(_)) => {
                }
                _ => self.carry_out(verdict, &at.key(key), value),
            }
        }
    }

    fn carry_out(&mut self, verdict: Verdict, at: &Path<'_>, value: &mut impl Datum) {
        match verdict {
            Verdict::Hide => self.hide(at, value),
            Verdict::Inspect(kind) => value.inspect(self, at, kind),
        }
    }

    /// A map of headers.
    #[inline(never)]
    pub(crate) fn headers<N: AsRef<str>>(&mut self, at: &Path<'_>, headers: &mut BTreeMap<N, String>) {
        for (name, value) in headers {
            let name = name.as_ref();
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

    /// The same of a text that is somebody else's.
    pub(crate) fn borrowed_text(&mut self, at: &Path<'_>, text: &mut Cow<'_, str>) {
        if let Some(filtered) = self.filtered(at, text, TextKind::Any) {
            *text = Cow::Owned(filtered);
        }
    }

    #[inline(never)]
    fn text_of_kind(&mut self, at: &Path<'_>, text: &mut String, kind: TextKind) {
        if let Some(filtered) = self.filtered(at, text, kind) {
            *text = filtered;
        }
    }

    /// What is left of a text if something has to be taken out.
    #[inline(never)]
    fn filtered(&mut self, at: &Path<'_>, text: &str, kind: TextKind) -> Option<String> {
        let rules = self.rules;
        if matches!(kind, TextKind::Json)
            && let Some(printed) = self.json(at, text)
        {
            return printed;
        }
        let filtered = match kind {
            TextKind::Any | TextKind::Json => rules.text(text),
            TextKind::Query => text::pairs(text, &|name| rules.hides_parameter(name)),
            TextKind::Cookies => text::cookies(text, &|name| rules.hides_cookie(name)),
        };
        let Cow::Owned(filtered) = filtered else { return None };
        self.note(at, Remark::SUBSTITUTED);
        Some(filtered)
    }

    /// What is left of a text that was a map or a list before it was printed, if something has to be taken out. `None`: it was neither.
    fn json(&mut self, at: &Path<'_>, text: &str) -> Option<Option<String>> {
        let Ok(mut value @ (Value::Object(_) | Value::Array(_))) = text.parse::<Value>() else {
            return None;
        };
        let mut meta = Meta::default();
        value.inspect(&mut Walk::new(self.rules, &mut meta), &Path::ROOT, TextKind::Any);
        Some((!meta.is_empty()).then(|| {
            self.note(at, Remark::SUBSTITUTED);
            value::to_json_text(&value)
        }))
    }

    #[inline(never)]
    pub(crate) fn hide(&mut self, at: &Path<'_>, value: &mut impl Datum) {
        value.hide();
        self.note(at, Remark::SUBSTITUTED);
    }

    /// Says what was done to the value here.
    pub(crate) fn note(&mut self, at: &Path<'_>, remark: Remark) {
        at.note(self.meta, remark);
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

/// What happens to the value of a key.
#[derive(Clone, Copy)]
enum Verdict {
    Hide,
    Inspect(TextKind),
}

impl Verdict {
    fn of(key: &str, rules: &Rules) -> Self {
        if rules.hides(key) { Verdict::Hide } else { Verdict::Inspect(TextKind::of(key)) }
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

impl Datum for SpanValue<'_> {
    fn hide(&mut self) {
        *self = FILTERED.into();
    }

    fn inspect(&mut self, walk: &mut Walk<'_>, at: &Path<'_>, kind: TextKind) {
        if let FieldValue::Str(text) = self.get()
            && let Some(filtered) = walk.filtered(at, text, kind)
        {
            *self = SpanValue::Made(filtered);
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
