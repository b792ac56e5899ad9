//! The loaded images of a process (`protocol.md` §5.12).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Addr;
use crate::wire;

/// The images (the executable and its libraries) with which the server turns addresses into names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DebugMeta {
    /// The loaded images.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub images: Vec<DebugImage>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
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
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "sdk_info": {"sdk_name": "Linux"},
            "images": [{
                "type": "elf", "image_addr": "0x55d0", "image_size": 4096, "code_file": "/usr/bin/shop",
                "debug_id": "23ff015a-d8c9-b6e7-1020-304050607080", "image_vmaddr": "0x0", "arch": "x86_64", "features": {"has_symbols": true}
            }]
        });
        let meta: DebugMeta = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(meta.images[0].image_addr, Some(Addr(0x55d0)));
        assert_eq!(serde_json::to_value(&meta).unwrap(), wire);
    }
}
