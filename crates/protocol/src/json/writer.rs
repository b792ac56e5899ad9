//! JSON written by hand, for what is sent by the thousand: a span costs a fifth of what it costs by way of `serde`.

use serde::Serialize;

use super::{Json, Written};
use crate::id::{SpanId, TraceId};
use crate::timestamp::Timestamp;

/// Something that writes its own JSON: one value, as a rule an object.
pub trait WriteJson {
    /// Writes it.
    fn write_json(&self, json: &mut JsonWriter<'_>);
}

/// Where values and members are written one after the other. Whoever writes says where objects begin and end; commas before the members that it begins
/// are the writer's.
#[derive(Debug)]
pub struct JsonWriter<'j> {
    json: &'j mut Json,
}

/// A part of some JSON, printed once to be written many times.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Printed(Vec<u8>);

impl Printed {
    /// What `write` writes: members of an object, say, without the object.
    #[must_use]
    pub fn new(write: impl FnOnce(&mut JsonWriter<'_>)) -> Self {
        let mut json = Json { out: Vec::new(), bad_key: false };
        write(&mut JsonWriter::new(&mut json));
        json.out.shrink_to_fit();
        Printed(json.out)
    }
}

impl<'j> JsonWriter<'j> {
    pub(super) fn new(json: &'j mut Json) -> Self {
        JsonWriter { json }
    }

    /// Writes JSON that the program is made with, commas included: the names of a span's fields.
    pub fn raw(&mut self, json: &'static str) {
        self.json.raw(json);
    }

    /// Writes what was printed before, commas included.
    pub fn printed(&mut self, part: &Printed) {
        self.json.out.extend_from_slice(&part.0);
    }

    /// Writes members that were printed before, if there are any: a comma comes before them if they are not the first.
    pub fn members(&mut self, members: &Printed) {
        if !members.0.is_empty() {
            self.json.next();
            self.printed(members);
        }
    }

    /// Begins an object.
    pub fn begin(&mut self) {
        self.json.out.push(b'{');
    }

    /// Ends an object.
    pub fn end(&mut self) {
        self.json.out.push(b'}');
    }

    /// Begins a list.
    pub fn begin_list(&mut self) {
        self.json.out.push(b'[');
    }

    /// Begins an element of a list: the value comes next.
    pub fn element(&mut self) {
        self.json.next();
    }

    /// Ends a list.
    pub fn end_list(&mut self) {
        self.json.out.push(b']');
    }

    /// Begins a member whose name needs no escapes: the value comes next.
    pub fn field(&mut self, name: &'static str) {
        self.json.field(name);
    }

    /// Begins a member of any name: the value comes next.
    pub fn key(&mut self, key: &str) {
        self.json.next();
        self.json.text(key);
        self.json.out.push(b':');
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.json.text(text);
    }

    /// Writes the id of a trace.
    pub fn trace_id(&mut self, id: TraceId) {
        self.json.plain(id.digits(&mut [0; 32]));
    }

    /// Writes the id of a span.
    pub fn span_id(&mut self, id: SpanId) {
        self.json.plain(id.digits(&mut [0; 16]));
    }

    /// Writes a moment, in seconds.
    pub fn timestamp(&mut self, moment: Timestamp) {
        self.json.micros(moment.as_micros().is_negative(), moment.as_micros().unsigned_abs());
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, flag: bool) {
        self.json.raw(if flag { "true" } else { "false" });
    }

    /// Writes an integer.
    pub fn i64(&mut self, number: i64) {
        self.json.integer(number);
    }

    /// Writes an integer.
    pub fn u64(&mut self, number: u64) {
        self.json.natural(number);
    }

    /// Writes a number; one that is not finite is `null`.
    pub fn f64(&mut self, number: f64) {
        self.json.double(number);
    }

    /// Writes anything else. What cannot be written is `null`.
    pub fn value<T: Serialize>(&mut self, value: &T) {
        self.or_null(|json| value.serialize(json));
    }

    /// Writes an object, and before its own members those that `write` writes. An object that cannot be written is `null`.
    pub fn object_with<T: Serialize>(&mut self, object: &T, write: impl FnOnce(&mut JsonWriter<'_>)) {
        self.or_null(|json| json.join(object, write));
    }

    fn or_null(&mut self, write: impl FnOnce(&mut Json) -> Written) {
        let start = self.json.out.len();
        if write(self.json).is_err() {
            self.json.out.truncate(start);
            self.json.raw("null");
        }
    }
}
