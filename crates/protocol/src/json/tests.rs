use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::*;
use crate::{
    Breadcrumb, Event, Exception, Level, OsContext, Request, SpanRecord, Stacktrace, Timestamp, Transaction,
    User,
};

#[track_caller]
fn same<T: Serialize + ?Sized>(value: &T) {
    let written = String::from_utf8(to_vec(value).unwrap()).unwrap();
    assert_eq!(written, serde_json::to_string(value).unwrap());
}

#[derive(Serialize)]
struct Everything<'a> {
    signed: (i8, i16, i32, i64),
    unsigned: (u8, u16, u32, u64),
    others: (f32, f64, char, &'a str, bool, ()),
    missing: Option<u8>,
    there: Option<Unit>,
    wrapped: Wrapped,
    pair: Pair,
    variants: [Variant; 4],
    empty: (Vec<u8>, BTreeMap<u8, u8>),
}
#[derive(Serialize)]
struct Unit;
#[derive(Serialize)]
struct Wrapped(u8);
#[derive(Serialize)]
struct Pair(u8, Unit);
#[derive(Serialize)]
enum Variant {
    Unit,
    Newtype(Wrapped),
    Tuple(u8, Option<u8>),
    Struct { a: u8, b: &'static str },
}

#[test]
fn every_shape_of_data_is_written_as_serde_json_writes_it() {
    same(&Everything {
        signed: (-1, -2, -3, i64::MIN),
        unsigned: (1, 2, 3, u64::MAX),
        others: (0.1, -1.5e-9, 'é', "a\"\\\n\u{1}é🦀", true, ()),
        missing: None,
        there: Some(Unit),
        wrapped: Wrapped(1),
        pair: Pair(1, Unit),
        variants: [
            Variant::Unit,
            Variant::Newtype(Wrapped(7)),
            Variant::Tuple(1, None),
            Variant::Struct { a: 1, b: "{[" },
        ],
        empty: (vec![], BTreeMap::new()),
    });
}

#[test]
fn numbers_read_back_as_what_they_were() {
    let some =
        [0.0, 3.0, 0.5, 0.000_001, 1_790_000_000.25, 9_007_199_254.740_991, 1e-7, 1e16, 0.1 + 0.2, f64::MAX];
    // Moments, a prime number of microseconds apart.
    let moments = (0..20_000).map(|step| (1_790_000_000_000_000_u64 + step * 104_729) as f64 / 1e6);
    for number in some.into_iter().chain(moments).flat_map(|number| [number, -number]) {
        let written = String::from_utf8(to_vec(&number).unwrap()).unwrap();
        let read: f64 = written.parse().unwrap();
        assert_eq!(read.to_bits(), number.to_bits(), "{written}");
        assert!(written.contains(['.', 'e']) && written.len() <= number.to_string().len() + 2, "{written}");
    }
    for nothing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        same(&nothing);
    }
    same(&[0.1_f32, f32::NAN]);
    same(&[1_790_000_000.25, -0.5, 3.0, -0.0]);
}

#[test]
fn keys_are_text_whatever_they_were() {
    same(&BTreeMap::from([(-1, "a"), (7, "b")]));
    same(&BTreeMap::from([(true, 1)]));
    same(&BTreeMap::from([('x', 1)]));
    assert!(to_vec(&BTreeMap::from([((1, 2), 3)])).is_err());
}

#[test]
fn values_of_any_depth() {
    let mut value = json!({"": [[], {}, [{}], null, "[", "{", ",", -0.5]});
    for depth in 0..50 {
        value = json!({ format!("{depth}\""): [value, depth] });
    }
    same(&value);
}

#[test]
fn a_number_of_arbitrary_precision_keeps_its_digits() {
    #[derive(Serialize)]
    #[serde(rename = "$serde_json::private::Number")]
    struct Number {
        #[serde(rename = "$serde_json::private::Number")]
        digits: &'static str,
    }
    let written = to_vec(&[Number { digits: "1" }, Number { digits: "0.10000000000000000000001" }]).unwrap();
    assert_eq!(written, b"[1,0.10000000000000000000001]");
}

#[test]
fn an_error_of_the_value_is_reported() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("it fails"))
        }
    }
    assert_eq!(to_vec(&[Fails]).unwrap_err().to_string(), "it fails");
    assert_eq!(to_vec(&Value::Null).unwrap(), b"null");
}

/// Any JSON, four levels deep at most. Fractions are quarters, which every parser reads exactly.
fn any(random: &mut impl FnMut(usize) -> usize, depth: usize) -> Value {
    match random(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => (random(2) == 0).into(),
        2 => (random(1 << 40) as i64 - (1 << 39)).into(),
        3 => ((random(1 << 40) as f64 - (1_u64 << 39) as f64) / 4.0).into(),
        4 => word(random).into(),
        5 => (0..random(4)).map(|_| any(random, depth - 1)).collect(),
        _ => fields(random, depth - 1).into(),
    }
}

fn fields(random: &mut impl FnMut(usize) -> usize, depth: usize) -> Map<String, Value> {
    (0..random(4)).map(|_| (word(random), any(random, depth))).collect()
}

fn word(random: &mut impl FnMut(usize) -> usize) -> String {
    let alphabet: Vec<char> = "az09{}[]:,\"\\/\n\r\t\0\u{1f}\u{7f}é日🦀".chars().collect();
    (0..random(9)).map(|_| alphabet[random(alphabet.len())]).collect()
}

#[test]
fn payloads_are_the_same_json_as_by_serde_json() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..500 {
        let random = &mut random;
        let timestamp = Timestamp::from_micros(random(1 << 51) as i64);
        let mut event = Event { timestamp: Some(timestamp), level: Some(Level::Error), ..Event::default() };
        event.extra = fields(random, 3).into_iter().collect();
        event.tags.insert(word(random), word(random));
        event.contexts.os =
            Some(OsContext { name: Some(word(random)), other: fields(random, 1), ..OsContext::default() });
        event.contexts.other = fields(random, 3).into_iter().collect();
        event.user = Some(User { other: fields(random, 2), ..User::id(word(random)) });
        event.request = Some(Request { data: Some(any(random, 3)), ..Request::default() });
        event.breadcrumbs.push(Breadcrumb { message: Some(word(random)), ..Breadcrumb::default() });
        let stacktrace = Some(Stacktrace { other: fields(random, 1), ..Stacktrace::default() });
        event.exception.push(Exception { value: Some(word(random)), stacktrace, ..Exception::default() });
        event.other = fields(random, 2);
        same_value(&event);

        let span = SpanRecord {
            timestamp,
            data: fields(random, 1),
            op: Some(word(random)),
            ..SpanRecord::default()
        };
        let mut transaction = Transaction { transaction: word(random), ..Transaction::default() };
        transaction.spans = vec![span.clone(), span];
        transaction.measurements = fields(random, 1);
        same_value(&transaction);
    }
}

#[track_caller]
fn same_value<T: Serialize>(value: &T) {
    let [written, expected] = [to_vec(value).unwrap(), serde_json::to_vec(value).unwrap()];
    let read = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap();
    assert_eq!(read(&written), read(&expected), "{}", String::from_utf8_lossy(&written));
}

#[test]
fn what_needs_an_escape_is_found_wherever_it_stands() {
    for length in 0..40 {
        let plain = "é~ !#[]\u{7f}".repeat(5)[..].chars().take(length).collect::<String>();
        same(&plain);
        for odd in ['"', '\\', '\n', '\0', '\u{1f}'] {
            for (at, _) in plain.char_indices() {
                let mut text = plain.clone();
                text.insert(at, odd);
                same(&text);
            }
            same(&format!("{plain}{odd}"));
        }
    }
}

struct ByHand<'a>(&'a str, Timestamp, f64);

impl WriteJson for ByHand<'_> {
    fn write_json(&self, json: &mut JsonWriter<'_>) {
        let ByHand(text, moment, number) = *self;
        json.begin();
        json.field("moment");
        json.timestamp(moment);
        json.key(text);
        json.text(text);
        json.field("numbers");
        json.begin();
        json.field("f64");
        json.f64(number);
        json.field("i64");
        json.i64(-1);
        json.field("u64");
        json.u64(u64::MAX);
        json.end();
        json.field("value");
        json.value(&[true]);
        json.end();
    }
}

impl Serialize for ByHand<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ByHand(text, moment, number) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("moment", &moment)?;
        map.serialize_entry(text, text)?;
        map.serialize_entry("numbers", &json!({ "f64": number, "i64": -1, "u64": u64::MAX }))?;
        map.serialize_entry("value", &[true])?;
        map.end()
    }
}

#[test]
fn what_is_written_by_hand_is_what_serde_writes() {
    for (text, micros, number) in [
        ("plain", 0, 0.0),
        ("a\"b", -1_500_000, -1.5),
        ("é", 1_790_000_000_250_001, f64::NAN),
        ("", 1, 1e300),
    ] {
        let value = ByHand(text, Timestamp::from_micros(micros), number);
        let written = with_members(0, &json!({}), |json| {
            json.field("it");
            value.write_json(json);
        });
        let written: Value = serde_json::from_slice(&written.unwrap()).unwrap();
        assert_eq!(written, json!({ "it": value }), "{text}");
    }
}

#[test]
fn members_from_elsewhere_are_members_of_the_object() {
    let written = |names: &[&'static str], object: Value| {
        let json = with_members(0, &json!({ "inner": 1 }), |json| {
            json.field("outer");
            json.object_with(&object, |json| {
                for name in names {
                    json.field(name);
                    json.begin_list();
                    for element in [1, 2] {
                        json.element();
                        json.value(&element);
                    }
                    json.end_list();
                }
            });
        });
        let written: Value = serde_json::from_slice(&json.unwrap()).unwrap();
        assert_eq!(written["inner"], 1);
        written["outer"].clone()
    };
    assert_eq!(written(&["a", "b"], json!({ "x": 1 })), json!({ "a": [1, 2], "b": [1, 2], "x": 1 }));
    assert_eq!(written(&["a"], json!({})), json!({ "a": [1, 2] }));
    assert_eq!(written(&[], json!({ "x": 1 })), json!({ "x": 1 }));
    assert_eq!(written(&[], json!({})), json!({}));
}
