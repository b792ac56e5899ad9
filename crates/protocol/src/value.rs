//! Typed attribute values: of logs, metrics and streamed spans (`protocol.md` §7.2).

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::json;

/// The JSON of a value, as text: what a payload has in its place. [`Value`]'s own `Display` would bring a second serializer into the program.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// let value = serde_json::json!({ "paid": true, "items": [1, 2.0] });
/// assert_eq!(watchpost::protocol::value::to_json_text(&value), r#"{"items":[1,2.0],"paid":true}"#);
/// ```
#[must_use]
pub fn to_json_text(value: &Value) -> String {
    // Its keys are text, and JSON is UTF-8: there is nothing to fail.
    json::to_vec(value).ok().and_then(|json| String::from_utf8(json).ok()).unwrap_or_default()
}

/// The number that a text is, if it is a finite one: spaces around it are nothing.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::value::number;
///
/// assert_eq!([number("0.25"), number(" 60"), number("+.5")], [Some(0.25), Some(60.0), Some(0.5)]);
/// assert_eq!([number("NaN"), number("1,5"), number("inf"), number("")], [None; 4]);
/// ```
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// The value of an attribute. On the wire it is an object that names its type.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::AttributeValue;
///
/// let wire = |value: AttributeValue| serde_json::to_string(&value);
/// assert_eq!(wire(3.0.into())?, r#"{"type":"double","value":3.0}"#);
/// assert_eq!(wire(u64::MAX.into())?, r#"{"type":"string","value":"18446744073709551615"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Text.
    String(String),
    /// A 64-bit integer; an unsigned one that does not fit is text.
    Integer(i64),
    /// A floating point number. One that is not finite has no JSON: whoever sends the attribute leaves it out.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// A list of values of one primitive type.
    Array(Vec<Value>),
}

impl AttributeValue {
    /// The value without its type, as `data` of a span holds it; `None` for what JSON cannot say.
    #[must_use]
    pub fn to_json(&self) -> Option<Value> {
        match self {
            AttributeValue::String(text) => Some(text.as_str().into()),
            AttributeValue::Integer(number) => Some((*number).into()),
            AttributeValue::Double(number) => number.is_finite().then(|| (*number).into()),
            AttributeValue::Boolean(flag) => Some((*flag).into()),
            AttributeValue::Array(list) => is_uniform(list).then(|| list.clone().into()),
        }
    }

    /// The attribute of a JSON value; `None` for null, an object, and a list that is nested or mixed, which the protocol has no type for.
    #[must_use]
    pub fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Null | Value::Object(_) => None,
            Value::Bool(flag) => Some(AttributeValue::Boolean(flag)),
            Value::String(text) => Some(AttributeValue::String(text)),
            Value::Number(number) => Some(match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(integer), _, _) => AttributeValue::Integer(integer),
                (None, Some(large), _) => large.into(),
                (None, None, double) => AttributeValue::Double(double?),
            }),
            Value::Array(list) => is_uniform(&list).then_some(AttributeValue::Array(list)),
        }
    }

    /// Whether the protocol has a type for it.
    pub(crate) fn is_sendable(&self) -> bool {
        match self {
            AttributeValue::Double(number) => number.is_finite(),
            AttributeValue::Array(list) => is_uniform(list),
            AttributeValue::String(_) | AttributeValue::Integer(_) | AttributeValue::Boolean(_) => true,
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            AttributeValue::String(_) => "string",
            AttributeValue::Integer(_) => "integer",
            AttributeValue::Double(_) => "double",
            AttributeValue::Boolean(_) => "boolean",
            AttributeValue::Array(_) => "array",
        }
    }
}

/// Whether all values are of the same primitive type, which the type `array` asks for.
fn is_uniform(list: &[Value]) -> bool {
    let mut kinds = list.iter().map(|value| match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_i64() => Some("integer"),
        Value::Number(number) if number.is_f64() => Some("double"),
        _ => None,
    });
    match kinds.next() {
        None => true,
        Some(first) => first.is_some() && kinds.all(|kind| kind == first),
    }
}

impl Serialize for AttributeValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", self.type_name())?;
        match self {
            AttributeValue::String(text) => map.serialize_entry("value", text)?,
            AttributeValue::Integer(number) => map.serialize_entry("value", number)?,
            AttributeValue::Double(number) => map.serialize_entry("value", number)?,
            AttributeValue::Boolean(flag) => map.serialize_entry("value", flag)?,
            AttributeValue::Array(list) => map.serialize_entry("value", list)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for AttributeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Typed {
            #[serde(rename = "type")]
            ty: String,
            value: Value,
        }
        let Typed { ty, value } = Typed::deserialize(deserializer)?;
        let read = match (AttributeValue::from_json(value), ty.as_str()) {
            // JSON has one kind of number: the type says which was meant.
            (Some(AttributeValue::Integer(number)), "double") => Some(AttributeValue::Double(number as f64)),
            (value, _) => value,
        };
        read.filter(|read| read.type_name() == ty)
            .ok_or_else(|| de::Error::custom(format!("the value of an attribute is not of its type {ty:?}")))
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $make:expr),+ $(,)?) => {
        $(impl From<$type> for AttributeValue {
            fn from($value: $type) -> Self {
                $make
            }
        })+
    };
}

from! {
    &str => |value| AttributeValue::String(value.to_owned()),
    String => |value| AttributeValue::String(value),
    bool => |value| AttributeValue::Boolean(value),
    i8 => |value| AttributeValue::Integer(value.into()),
    i16 => |value| AttributeValue::Integer(value.into()),
    i32 => |value| AttributeValue::Integer(value.into()),
    i64 => |value| AttributeValue::Integer(value),
    u8 => |value| AttributeValue::Integer(value.into()),
    u16 => |value| AttributeValue::Integer(value.into()),
    u32 => |value| AttributeValue::Integer(value.into()),
    u64 => |value| i64::try_from(value).map_or_else(|_| AttributeValue::String(value.to_string()), AttributeValue::Integer),
    isize => |value| AttributeValue::Integer(value as i64),
    usize => |value| AttributeValue::from(value as u64),
    f32 => |value| AttributeValue::Double(value.into()),
    f64 => |value| AttributeValue::Double(value),
}

impl<T: Into<Value>> From<Vec<T>> for AttributeValue {
    fn from(list: Vec<T>) -> Self {
        AttributeValue::Array(list.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_their_types_both_ways() {
        let values: [(AttributeValue, Value); 6] = [
            ("é".into(), json!({"type": "string", "value": "é"})),
            (7i64.into(), json!({"type": "integer", "value": 7})),
            (0.5.into(), json!({"type": "double", "value": 0.5})),
            (3.0.into(), json!({"type": "double", "value": 3.0})),
            (true.into(), json!({"type": "boolean", "value": true})),
            (vec!["a", "b"].into(), json!({"type": "array", "value": ["a", "b"]})),
        ];
        for (value, wire) in values {
            assert_eq!(serde_json::to_value(&value).unwrap(), wire);
            assert_eq!(serde_json::from_value::<AttributeValue>(wire).unwrap(), value);
        }
    }

    #[test]
    fn what_has_no_type_is_left_out() {
        for none in
            [json!(null), json!({"a": 1}), json!([[1]]), json!([1, "a"]), json!([1, 0.5]), json!([null])]
        {
            assert_eq!(AttributeValue::from_json(none.clone()), None, "{none}");
        }
        assert_eq!(AttributeValue::Double(f64::NAN).to_json(), None);
        assert_eq!(AttributeValue::from(vec![0.5, f64::NAN]).to_json(), None);
        assert_eq!(AttributeValue::from_json(json!([])), Some(AttributeValue::Array(Vec::new())));
        assert!(serde_json::from_value::<AttributeValue>(json!({"type": "integer", "value": "7"})).is_err());
    }
}
