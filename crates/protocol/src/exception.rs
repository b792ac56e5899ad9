//! Errors with their stacks (`protocol.md` §5.8 and §5.10 to §5.12).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::wire;

/// One error of a chain. In a list the innermost cause comes first and the error that was captured comes last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exception {
    /// The error's type. The server discards an exception that has neither type nor value.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// The error's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The crate or module that the type belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The thread that raised it; refers to [`Thread::id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    /// Where it was raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacktrace: Option<Stacktrace>,
    /// How it came to be captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// Unknown fields, kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// How an error came to be captured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mechanism {
    /// `generic` (the default) for what the program captured itself, `panic`, `chained`, or the origin of an instrumentation, such as `auto.http.axum`.
    #[serde(rename = "type")]
    pub ty: Cow<'static, str>,
    /// Whether the program dealt with the error; `false` marks the event unhandled and crashes the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled: Option<bool>,
    /// Whether the type was made up by the reporter: then it is used neither for titles nor for grouping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<bool>,
    /// What the mechanism is, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_link: Option<String>,
    /// Anything else, for a reader.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub data: Map<String, Value>,
    /// What the operating system said: `errno`, `signal`, `mach_exception`, `ns_error`.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub meta: Map<String, Value>,
    /// The number of this error in its tree; the root is 0 and stands last in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_id: Option<u32>,
    /// The number of the error that this one caused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<u32>,
    /// Whether this error is a group of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_exception_group: Option<bool>,
    /// Which part of the parent it came from, such as `source()` or `errors[1]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'static, str>>,
    /// Unknown fields, kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for Mechanism {
    fn default() -> Self {
        Mechanism {
            ty: Cow::Borrowed("generic"),
            handled: None,
            synthetic: None,
            description: None,
            help_link: None,
            data: Map::new(),
            meta: Map::new(),
            exception_id: None,
            parent_id: None,
            is_exception_group: None,
            source: None,
            other: Map::new(),
        }
    }
}

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
    #[serde(flatten)]
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
    #[serde(flatten)]
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
    #[serde(flatten)]
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

/// The images (the executable and its libraries) with which the server turns addresses into names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DebugMeta {
    /// The loaded images.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub images: Vec<DebugImage>,
    /// Unknown fields, kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One loaded object file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DebugImage {
    /// The object format: `elf`, `macho`, `pe` or `wasm`.
    #[serde(rename = "type")]
    pub ty: Cow<'static, str>,
    /// Where it is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_addr: Option<Addr>,
    /// How many bytes of the address space it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<u64>,
    /// Which build it is, as a dashed uuid, with `-age` for `pe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_id: Option<String>,
    /// Which build it is, in the format's own terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_id: Option<String>,
    /// The object's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_file: Option<String>,
    /// The path of the separate file with debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_file: Option<String>,
    /// Where the object would like to be loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_vmaddr: Option<Addr>,
    /// The processor architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<Cow<'static, str>>,
    /// Unknown fields, kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
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
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Number(u64),
            Text(String),
        }
        match Wire::deserialize(deserializer)? {
            Wire::Number(number) => Ok(Addr(number)),
            Wire::Text(text) => match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).ok(),
                None => text.parse().ok(),
            }
            .map(Addr)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"an address like 0x7f00")),
        }
    }
}
