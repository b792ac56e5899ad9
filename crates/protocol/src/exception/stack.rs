//! Stacks, their frames, and the threads that they belong to (`protocol.md` §5.10 and §5.11).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::wire::{self, NumberOrText};

/// A stack, the caller first and the innermost frame last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stacktrace {
    /// The frames. The server refuses a stack without any.
    #[serde(deserialize_with = "wire::or_default")]
    pub frames: Vec<Frame>,
    /// The processor's registers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::or_default")]
    pub registers: BTreeMap<String, Addr>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// One frame of a stack. It needs at least one of `filename`, `function` and `instruction_addr`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// The function, for a reader: without hash and disambiguators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The function before it was cleaned up, if that made a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_function: Option<String>,
    /// The mangled symbol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The module path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The crate, or the path of the dynamic library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The file, relative to its project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The file as the compiler saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abs_path: Option<String>,
    /// The line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineno: Option<u32>,
    /// The column, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colno: Option<u32>,
    /// The lines before the line, usually five.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub pre_context: Vec<String>,
    /// The line itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_line: Option<String>,
    /// The lines after the line, usually five.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub post_context: Vec<String>,
    /// Whether the frame belongs to the application. If no frame says so the server guesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_app: Option<bool>,
    /// Set on the frame with which a new stack begins (a task, a thread).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_start: Option<bool>,
    /// The values of variables.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub vars: Map<String, Value>,
    /// The return address as it was captured; the server subtracts one itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_addr: Option<Addr>,
    /// Where the function starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol_addr: Option<Addr>,
    /// Where the image starts that contains the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_addr: Option<Addr>,
    /// What addresses are relative to: `abs` if absent, `rel:<debug id>` or `rel:<image index>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr_mode: Option<Cow<'static, str>>,
    /// The frame's platform, if it is not the event's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Cow<'static, str>>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// A thread of the program. The one that raised an exception has no stack of its own: the exception carries it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    /// Which thread; unique in the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ThreadId>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it took the process down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crashed: Option<bool>,
    /// Whether the event was captured on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<bool>,
    /// Whether it is the main thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main: Option<bool>,
    /// What it was doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The locks it held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_locks: Option<Value>,
    /// Its stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacktrace: Option<Stacktrace>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// What a thread is known by: a number or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ThreadId {
    /// The operating system's number, or any other.
    Number(u64),
    /// Any text.
    Text(String),
}

impl From<u64> for ThreadId {
    fn from(number: u64) -> Self {
        ThreadId::Number(number)
    }
}

impl From<&str> for ThreadId {
    fn from(text: &str) -> Self {
        ThreadId::Text(text.to_owned())
    }
}

impl From<String> for ThreadId {
    fn from(text: String) -> Self {
        ThreadId::Text(text)
    }
}

/// An address in the process, `0x…` on the wire. A plain number is read, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr(pub u64);

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Addr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(number) => Ok(Addr(number)),
            NumberOrText::Text(text) => match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).ok(),
                None => text.parse().ok(),
            }
            .map(Addr)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"an address like 0x7f00")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "id": "main", "name": "main", "crashed": false, "current": true, "held_locks": {"0x1": {"type": 1}}, "daemon": true,
            "stacktrace": {
                "registers": {"rip": "0x7f00"}, "frames_omitted": [1, 2],
                "frames": [
                    {"function": "start", "package": "libc.so", "instruction_addr": "0x7f01", "lock": {"type": 2}},
                    {"function": "load", "lineno": 3, "colno": 9, "pre_context": ["a"], "context_line": "b", "post_context": ["c"],
                     "vars": {"port": 8080}, "stack_start": true, "addr_mode": "rel:0"}
                ]
            }
        });
        let thread: Thread = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(thread.id, Some(ThreadId::from("main")));
        assert_eq!(thread.stacktrace.as_ref().unwrap().frames[0].instruction_addr, Some(Addr(0x7f01)));
        assert_eq!(serde_json::to_value(&thread).unwrap(), wire);
    }

    #[test]
    fn addresses_are_hexadecimal_text() {
        assert_eq!(serde_json::to_value(Addr(u64::MAX)).unwrap(), json!("0xffffffffffffffff"));
        for (wire, address) in [(json!("0xFF"), 255), (json!("255"), 255), (json!(255), 255)] {
            assert_eq!(serde_json::from_value::<Addr>(wire).unwrap(), Addr(address));
        }
        for wire in [json!("0x"), json!("ff"), json!(-1), json!("0x1ffffffffffffffff")] {
            assert!(serde_json::from_value::<Addr>(wire.clone()).is_err(), "{wire}");
        }
    }
}
