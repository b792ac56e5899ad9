//! JSON, written by a serializer that is small where it is used a thousand times.
//!
//! serde_json's own serializer is inlined into every field of every payload, which makes 100 kB of code in each program that
//! reports. This one inlines a call or two per field: 40 kB, and less time. Escapes and integers are still serde_json's to write.

mod writer;

use std::fmt;
use std::io::Write;

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

pub use self::writer::{JsonWriter, Printed, WriteJson};

/// The JSON of a value.
///
/// # Errors
/// The value's own, and a map with keys that are neither text nor numbers.
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(1024);
    write(&mut out, value)?;
    Ok(out)
}

/// Writes the JSON of an object behind what is there already.
///
/// # Errors
/// As [`to_vec`].
pub(crate) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    let mut json = Json { out: std::mem::take(out), bad_key: false };
    let written = value.serialize(&mut json);
    *out = json.out;
    written?;
    if json.bad_key { Err(bad_key()) } else { Ok(()) }
}

/// The JSON of an object with members that it does not have itself. They are written first, so that nothing that was written is moved; there is
/// room for them in as many bytes.
pub(crate) fn with_members<O: Serialize>(
    room: usize,
    object: &O,
    write: impl FnOnce(&mut JsonWriter<'_>),
) -> Result<Vec<u8>, Error> {
    let mut json = Json { out: Vec::with_capacity(1024 + room), bad_key: false };
    json.join(object, write)?;
    if json.bad_key { Err(bad_key()) } else { Ok(json.out) }
}

fn bad_key() -> Error {
    Error::custom("a key must be text, a number or a boolean")
}

#[derive(Debug)]
struct Json {
    /// What is written so far. Its last byte tells whether a comma comes before the next member.
    out: Vec<u8>,
    /// Told at the end, so that no field has a failure to handle.
    bad_key: bool,
}

type Written = Result<(), Error>;

// None of these is inlined: that keeps small what calls them.
impl Json {
    #[inline(never)]
    fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    #[inline(never)]
    fn text(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            self.plain(text);
        } else {
            self.escaped(text);
        }
    }

    #[cold]
    #[inline(never)]
    fn escaped(&mut self, text: &str) {
        self.leaf(text);
    }

    /// A text that needs no escapes.
    fn plain(&mut self, text: &str) {
        self.out.reserve(text.len() + 3); // a comma or a colon is next
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
    }

    #[inline(never)]
    fn integer(&mut self, number: i64) {
        self.leaf(&number);
    }

    #[inline(never)]
    fn natural(&mut self, number: u64) {
        self.leaf(&number);
    }

    /// Always with a point or an exponent; `null` for what is not finite.
    #[inline(never)]
    fn double(&mut self, number: f64) {
        // Most are moments, which are whole microseconds: printed as integers, in a fraction of the time.
        let micros = (number.abs() * 1e6 + 0.5) as u64;
        if micros < 1 << 53 && micros as f64 / 1e6 == number.abs() {
            self.micros(number.is_sign_negative(), micros);
        } else {
            self.shortest(number.is_finite(), &number);
        }
    }

    /// So many millionths, as a number with a point.
    #[inline(never)]
    fn micros(&mut self, is_negative: bool, micros: u64) {
        if is_negative {
            self.raw("-");
        }
        self.natural(micros / 1_000_000);
        self.fraction((micros % 1_000_000) as u32);
    }

    #[inline(never)]
    fn single(&mut self, number: f32) {
        self.shortest(number.is_finite(), &number);
    }

    /// `Debug` prints the fewest digits that read back the same.
    fn shortest(&mut self, is_finite: bool, number: &dyn fmt::Debug) {
        if is_finite {
            let _ = write!(self.out, "{number:?}");
        } else {
            self.raw("null");
        }
    }

    /// The decimals of so many millionths, at least one.
    fn fraction(&mut self, mut millionths: u32) {
        let mut decimals = *b".000000";
        for decimal in decimals[1..].iter_mut().rev() {
            *decimal += (millionths % 10) as u8;
            millionths /= 10;
        }
        let zeros = decimals[2..].iter().rev().take_while(|decimal| **decimal == b'0').count();
        self.out.extend_from_slice(&decimals[..decimals.len() - zeros]);
    }

    fn leaf<T: Serialize + ?Sized>(&mut self, leaf: &T) {
        // A vector takes everything, and of a leaf there is nothing to refuse.
        let _ = serde_json::to_writer(&mut self.out, leaf);
    }

    /// Goes to the member of an object that is a field of a struct: its name needs no escapes.
    #[inline(never)]
    fn field(&mut self, name: &'static str) {
        self.next();
        self.plain(name);
        self.out.push(b':');
    }

    /// Goes to the next member of an object or a list.
    #[inline(never)]
    fn next(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    /// Ends the key that begins at `start`. What is no text is quoted.
    #[inline(never)]
    fn end_key(&mut self, start: usize) {
        match self.out.get(start) {
            Some(b'"') => {}
            Some(b'0'..=b'9' | b'-' | b't' | b'f') => {
                self.out.insert(start, b'"');
                self.out.push(b'"');
            }
            _ => self.bad_key = true,
        }
        self.out.push(b':');
    }

    /// Opens an object of one member, whose value follows.
    #[inline(never)]
    fn variant(&mut self, name: &str) {
        self.raw("{");
        self.text(name);
        self.raw(":");
    }

    /// Writes an object, and before its own members those that `write` writes.
    fn join<O: Serialize>(&mut self, object: &O, write: impl FnOnce(&mut JsonWriter<'_>)) -> Written {
        let begin = self.out.len();
        self.raw("{");
        write(&mut JsonWriter::new(self));
        let start = self.out.len();
        object.serialize(&mut *self)?;
        if start == begin + 1 {
            self.out.remove(begin); // nothing was written: the object is all there is
        } else if self.out.get(start + 1) == Some(&b'}') {
            self.out.remove(start);
        } else if let Some(brace) = self.out.get_mut(start) {
            *brace = b',';
        }
        Ok(())
    }

    /// Takes the quotes off the text that begins at `start`.
    fn unquote(&mut self, start: usize) {
        self.out.pop();
        self.out.remove(start);
    }
}

/// Whether a text needs no escapes. Eight bytes are looked at at once, and the last eight of a text whether they were or not.
fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        return text.iter().all(|byte| *byte >= b' ' && *byte != b'"' && *byte != b'\\');
    };
    let (words, _) = text.as_chunks::<8>();
    words.iter().fold(escapes(*last), |found, word| found | escapes(*word)) == 0
}

/// Not zero if one of eight bytes is a control character, a quote or a backslash.
fn escapes(bytes: [u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(bytes);
    let below = |word: u64, limit: u64| word.wrapping_sub(limit * EACH) & !word;
    let is = |byte: u8| below(word ^ (u64::from(byte) * EACH), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & (0x80 * EACH)
}

macro_rules! leaves {
    ($($method:ident($type:ty) $way:ident;)+) => {
        $(fn $method(self, leaf: $type) -> Written {
            self.$way(leaf.into());
            Ok(())
        })+
    };
}

impl<'a> Serializer for &'a mut Json {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Self;

    fn serialize_bool(self, flag: bool) -> Written {
        self.raw(if flag { "true" } else { "false" });
        Ok(())
    }
    leaves! {
        serialize_i8(i8) integer;
        serialize_i16(i16) integer;
        serialize_i32(i32) integer;
        serialize_i64(i64) integer;
        serialize_u8(u8) natural;
        serialize_u16(u16) natural;
        serialize_u32(u32) natural;
        serialize_u64(u64) natural;
        serialize_f32(f32) single;
        serialize_f64(f64) double;
        serialize_str(&str) text;
    }
    fn serialize_char(self, char: char) -> Written {
        self.text(char.encode_utf8(&mut [0; 4]));
        Ok(())
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        self.collect_seq(bytes)
    }
    fn serialize_none(self) -> Written {
        self.raw("null");
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Written {
        self.raw("null");
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.raw("null");
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.text(variant);
        Ok(())
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.raw("}");
        Ok(())
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        self.raw("[");
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        self.serialize_seq(None)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.serialize_seq(None)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.variant(variant);
        self.serialize_seq(None)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        self.raw("{");
        Ok(self)
    }
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a>, Error> {
        if name == NUMBER {
            return Ok(Fields { digits: Some(self.out.len()), json: self });
        }
        Ok(Fields { digits: None, json: self.serialize_map(None)? })
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.variant(variant);
        self.serialize_map(None)
    }
}

impl SerializeMap for &mut Json {
    type Ok = ();
    type Error = Error;

    #[inline(never)]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.next();
        let start = self.out.len();
        key.serialize(&mut **self)?;
        self.end_key(start);
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(&mut **self)
    }
    fn end(self) -> Written {
        self.raw("}");
        Ok(())
    }
}

/// How serde_json calls a number when some crate of the program turned its feature `arbitrary_precision` on.
const NUMBER: &str = "$serde_json::private::Number";

/// The fields of a struct, or the digits of a [`NUMBER`] and where they begin.
struct Fields<'a> {
    json: &'a mut Json,
    digits: Option<usize>,
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        match self.digits {
            None => {
                self.json.field(name);
                value.serialize(&mut *self.json)
            }
            Some(start) => {
                value.serialize(&mut *self.json)?;
                self.json.unquote(start);
                Ok(())
            }
        }
    }
    fn end(self) -> Written {
        if self.digits.is_none() {
            self.json.raw("}");
        }
        Ok(())
    }
}

/// The members of what is a list or an object on the wire.
macro_rules! members {
    ($($trait:ident :: $member:ident ($($name:ident)?), end: $end:literal;)+) => {
        $(impl $trait for &mut Json {
            type Ok = ();
            type Error = Error;

            fn $member<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Written {
                self.next();
                $(
                    self.text($name);
                    self.raw(":");
                )?
                value.serialize(&mut **self)
            }
            fn end(self) -> Written {
                self.raw($end);
                Ok(())
            }
        })+
    };
}

members! {
    SerializeSeq::serialize_element(), end: "]";
    SerializeTuple::serialize_element(), end: "]";
    SerializeTupleStruct::serialize_field(), end: "]";
    SerializeTupleVariant::serialize_field(), end: "]}";
    SerializeStructVariant::serialize_field(name), end: "}}";
}

#[cfg(test)]
mod tests;
