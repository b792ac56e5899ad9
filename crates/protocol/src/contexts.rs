//! Contexts: named objects about the surroundings of an event (`protocol.md` §5.6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{SpanId, TraceId};
use crate::span::{SpanLink, SpanStatus};
use crate::wire;

/// The contexts of an event or a transaction. Those that the protocol knows have types; any other is kept as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contexts {
    /// The trace and the span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// The operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<OsContext>,
    /// The language runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeContext>,
    /// The compiler that built the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rust: Option<RuntimeContext>,
    /// The machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceContext>,
    /// The program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppContext>,
    /// The language and the time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub culture: Option<CultureContext>,
    /// The HTTP response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseContext>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Contexts {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Contexts { trace, os, runtime, rust, device, app, culture, response, other } = self;
        let typed = trace.is_some()
            || os.is_some()
            || runtime.is_some()
            || rust.is_some()
            || device.is_some()
            || app.is_some()
            || culture.is_some()
            || response.is_some();
        !typed && other.is_empty()
    }

    /// Whether there is a context of that name, with a type or without.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let typed = match name {
            "trace" => self.trace.is_some(),
            "os" => self.os.is_some(),
            "runtime" => self.runtime.is_some(),
            "rust" => self.rust.is_some(),
            "device" => self.device.is_some(),
            "app" => self.app.is_some(),
            "culture" => self.culture.is_some(),
            "response" => self.response.is_some(),
            _ => false,
        };
        typed || self.other.contains_key(name)
    }

    /// Sets a context unless there is one of that name. It goes to `other` as it is, also under a name that has a type: on the wire there is no
    /// difference, and to make it fit the type would cost every program that never does this.
    pub fn insert_default(&mut self, name: &str, value: &Value) {
        if !self.has(name) {
            self.other.insert(name.to_owned(), value.clone());
        }
    }
}

macro_rules! contexts {
    ($($(#[$doc:meta])* $name:ident{ $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
            #[serde(default)]
            pub struct $name {
                $(
                    $(#[$field_doc])*
                    #[serde(skip_serializing_if = "Option::is_none")]
                    pub $field: Option<$type>,
                )+
                /// Unknown fields, kept.
                #[serde(flatten, serialize_with = "wire::others")]
                pub other: Map<String, Value>,
            }
        )+
    };
}

contexts! {
    /// The operating system.
    OsContext {
        /// `Linux`, `macOS` or `Windows`.
        name: String,
        /// The version; of Linux, the kernel's release.
        version: String,
        /// The build.
        build: String,
        /// The kernel's full version.
        kernel_version: String,
        /// The distribution's id, as `debian`.
        distribution_name: String,
        /// The distribution's version, as `12`.
        distribution_version: String,
        /// The distribution, for a reader.
        distribution_pretty_name: String,
    }

    /// A language runtime or a compiler.
    RuntimeContext {
        /// `runtime`, where the key of the context is another name.
        #[serde(rename = "type")]
        ty: String,
        /// Its name, as `rustc`.
        name: String,
        /// Its version.
        version: String,
        /// The release channel, as `stable`.
        channel: String,
    }

    /// The machine.
    DeviceContext {
        /// Its name.
        name: String,
        /// Its family.
        family: String,
        /// Its model.
        model: String,
        /// The architecture of its processor, as `x86_64`.
        arch: String,
        /// Memory in bytes.
        memory_size: u64,
        /// Memory in bytes that nothing uses.
        free_memory: u64,
        /// When it was started, in RFC 3339.
        boot_time: String,
        /// How many processors the program may use.
        processor_count: u64,
        /// The processor, for a reader.
        cpu_description: String,
    }

    /// The program.
    AppContext {
        /// When it was started, in RFC 3339.
        app_start_time: String,
        /// Its unique name.
        app_identifier: String,
        /// Its name.
        app_name: String,
        /// Its version.
        app_version: String,
        /// Its build.
        app_build: String,
        /// Memory in bytes that it uses.
        app_memory: u64,
    }

    /// The language and the time zone.
    CultureContext {
        /// The calendar, as `GregorianCalendar`.
        calendar: String,
        /// The language, for a reader.
        display_name: String,
        /// The language, as `de-AT`.
        locale: String,
        /// Whether hours are counted to 24.
        is_24_hour_format: bool,
        /// The zone, as `Europe/Vienna`.
        timezone: String,
    }

    /// The HTTP response that was given.
    ResponseContext {
        /// The status.
        status_code: u16,
        /// The headers.
        headers: BTreeMap<String, String>,
        /// The cookies.
        cookies: String,
        /// The size of the body in bytes.
        body_size: u64,
        /// The body.
        data: Value,
    }
}

/// The trace and the span that an event belongs to; of a transaction, its root span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The span's parent, in this process or another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_span_id: Option<SpanId>,
    /// The span's operation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub op: Option<String>,
    /// How the span ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<SpanStatus>,
    /// What made the span.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
    /// The span, for a reader.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// The span's attributes.
    #[serde(skip_serializing_if = "Map::is_empty", default, deserialize_with = "wire::or_default")]
    pub data: Map<String, Value>,
    /// Spans that have to do with it.
    #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "wire::or_default")]
    pub links: Vec<SpanLink>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_contexts_have_types_and_unknown_ones_survive() {
        let wire = json!({
            "trace": {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "sampled": true},
            "os": {"name": "Linux", "version": "6.8", "rooted": false},
            "rust": {"type": "runtime", "name": "rustc", "version": "1.90.0", "channel": "stable"},
            "response": {"status_code": 402},
            "loan": {"id": 7},
        });
        let contexts: Contexts = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(contexts.response.as_ref().unwrap().status_code, Some(402));
        assert_eq!(contexts.os.as_ref().unwrap().other["rooted"], false);
        assert_eq!(serde_json::to_value(&contexts).unwrap(), wire);
    }

    #[test]
    fn what_is_there_is_not_replaced() {
        let mut contexts = Contexts::default();
        contexts.insert_default("loan", &json!({"id": 7}));
        contexts.insert_default("loan", &json!({"id": 8, "more": 1}));
        contexts.insert_default("os", &json!({"name": "Linux"}));
        contexts.insert_default("os", &json!({"name": "macOS"}));
        assert_eq!(
            serde_json::to_value(&contexts).unwrap(),
            json!({"loan": {"id": 7}, "os": {"name": "Linux"}})
        );
    }
}
