//! JSON, written by a serializer that is small where it is used a thousand times.
//!
//! serde_json's own serializer is inlined into every field of every payload, which makes 100 kB of code in each program that
//! reports. This one inlines a call or two per field: 40 kB, and less time. Escapes and integers are still serde_json's to write.

use std::fmt;
use std::io::Write;

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

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
    if json.bad_key { Err(Error::custom("a key must be text, a number or a boolean")) } else { Ok(()) }
}

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
        // Every byte is looked at, also behind one that needs an escape: so sixteen of them are looked at at once.
        let is_plain = |byte: u8| (byte >= b' ') & (byte != b'"') & (byte != b'\\');
        if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
            self.out.reserve(text.len() + 2);
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        } else {
            self.leaf(text);
        }
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
            if number.is_sign_negative() {
                self.raw("-");
            }
            self.natural(micros / 1_000_000);
            self.fraction((micros % 1_000_000) as u32);
        } else {
            self.shortest(number.is_finite(), &number);
        }
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

    /// Goes to the next member of an object or a list.
    #[inline(never)]
    fn next(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
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

    /// Takes the quotes off the text that begins at `start`.
    fn unquote(&mut self, start: usize) {
        self.out.pop();
        self.out.remove(start);
    }
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
            None => self.json.serialize_entry(name, value),
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
