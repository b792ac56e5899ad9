//! Profiles: which functions were on the processor, and when (`protocol.md` §13).
//!
//! There are two forms, and what they are made of is the same but for the times: a [`ProfileChunk`] is a piece of what a profiler sees while it runs
//! (§13.1), a [`Profile`] is of one transaction and rides in its envelope (§13.2).
//!
//! ```
//! # mod watchpost { pub use watchpost_protocol as protocol; }
//! use watchpost::protocol::profile::{ChunkSample, Samples};
//! use watchpost::protocol::{Frame, ProfileChunk};
//!
//! let frame = |name: &str| Frame { function: Some(name.to_owned()), ..Frame::default() };
//! let chunk = ProfileChunk {
//!     profile: Samples {
//!         frames: vec![frame("shop::price::total"), frame("shop::main")],
//!         stacks: vec![vec![0, 1]], // the innermost first
//!         samples: vec![ChunkSample { stack_id: 0, thread_id: "17".into(), ..ChunkSample::default() }],
//!         ..Samples::default()
//!     },
//!     ..ProfileChunk::default()
//! };
//! # drop(chunk);
//! ```

mod time;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contexts::{OsContext, RuntimeContext};
use crate::exception::{DebugMeta, Frame};
use crate::id::{EventId, ProfileId, TraceId};
use crate::sdk::SdkInfo;
use crate::timestamp::Timestamp;
use crate::wire;

/// The platform that profiles of Rust programs are of. Their events say `native`, which is another matter (§13.4).
pub const PLATFORM: &str = "rust";

/// A piece of what a profiler has seen (version 2, §13.1). An envelope of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileChunk {
    /// The run of the profiler: what links transactions with its chunks.
    pub profiler_id: ProfileId,
    /// This piece of it.
    pub chunk_id: ProfileId,
    /// The same as in the header of the item.
    pub platform: Cow<'static, str>,
    /// Always `2`.
    pub version: Cow<'static, str>,
    /// The release. The server wants one; without it the text is empty.
    pub release: Arc<str>,
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Arc<str>>,
    /// The distribution of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dist: Option<Arc<str>>,
    /// What took it: a name and a version.
    pub client_sdk: SdkInfo,
    /// The images in which the server finds the names of addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_meta: Option<DebugMeta>,
    /// Numbers that were measured meanwhile.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub measurements: Map<String, Value>,
    /// The samples.
    pub profile: Samples<ChunkSample>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// The profile of one transaction (version 1, §13.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Always `1`.
    pub version: Cow<'static, str>,
    /// The profile's own id, by which its transaction names it.
    pub event_id: ProfileId,
    /// [`PLATFORM`].
    pub platform: Cow<'static, str>,
    /// When the transaction began.
    #[serde(with = "time::text")]
    pub timestamp: Timestamp,
    /// The release. The server wants one; without it the text is empty.
    pub release: Arc<str>,
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Arc<str>>,
    /// The operating system; its name and its version are required.
    pub os: OsContext,
    /// The machine; `architecture` is required.
    pub device: ProfileDevice,
    /// The compiler or the runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeContext>,
    /// The images in which the server finds the names of addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_meta: Option<DebugMeta>,
    /// The transaction that it is of.
    pub transaction: ProfiledTransaction,
    /// The samples.
    pub profile: Samples<ElapsedSample>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// Which transaction a profile is of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfiledTransaction {
    /// The transaction's event id.
    pub id: EventId,
    /// Its name.
    pub name: String,
    /// Its trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The thread that it began on, as the samples name it.
    pub active_thread_id: String,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// The machine, as a profile tells of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileDevice {
    /// The architecture of its processor, as `x86_64`.
    pub architecture: String,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// Samples `S`, with the stacks and frames that they share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Samples<S> {
    /// What was seen, in the order of time. The server refuses a profile without any.
    pub samples: Vec<S>,
    /// Each a list of positions in `frames`, the **innermost first**: the reverse of a [`Stacktrace`](crate::Stacktrace).
    pub stacks: Vec<Vec<usize>>,
    /// The frames. Those of native code need an address, and its image in `debug_meta`.
    pub frames: Vec<Frame>,
    /// The threads, by id.
    pub thread_metadata: BTreeMap<String, ThreadMetadata>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// A stack that was seen at a moment, in a chunk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChunkSample {
    /// When.
    pub timestamp: Timestamp,
    /// On which thread: spans have the same in `thread.id`.
    pub thread_id: Arc<str>,
    /// Which of `stacks`.
    pub stack_id: usize,
}

/// A stack that was seen at a moment of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ElapsedSample {
    /// How many nanoseconds after the start of the transaction; on the wire a text of digits.
    #[serde(with = "time::digits")]
    pub elapsed_since_start_ns: u64,
    /// On which thread.
    pub thread_id: Arc<str>,
    /// Which of `stacks`.
    pub stack_id: usize,
}

/// What is known of a thread that was sampled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadMetadata {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
}

impl Default for ProfileChunk {
    fn default() -> Self {
        ProfileChunk {
            profiler_id: ProfileId::default(),
            chunk_id: ProfileId::default(),
            platform: PLATFORM.into(),
            version: "2".into(),
            release: "".into(),
            environment: None,
            dist: None,
            client_sdk: SdkInfo::default(),
            debug_meta: None,
            measurements: Map::new(),
            profile: Samples::default(),
            other: Map::new(),
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            version: "1".into(),
            event_id: ProfileId::default(),
            platform: PLATFORM.into(),
            timestamp: Timestamp::default(),
            release: "".into(),
            environment: None,
            os: OsContext::default(),
            device: ProfileDevice::default(),
            runtime: None,
            debug_meta: None,
            transaction: ProfiledTransaction::default(),
            profile: Samples::default(),
            other: Map::new(),
        }
    }
}

impl<S> Default for Samples<S> {
    fn default() -> Self {
        Samples {
            samples: Vec::new(),
            stacks: Vec::new(),
            frames: Vec::new(),
            thread_metadata: BTreeMap::new(),
            other: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::envelope::Item;

    #[test]
    fn the_example_of_the_protocol_survives() {
        let wire = json!({
            "version": "2", "platform": "rust", "profiler_id": "4d229f310b0d4e55a7a7c9f4b1e2d3c4",
            "chunk_id": "0e1d2c3b4a59687f8e9dacbb1a2b3c4d", "release": "shop@1.4.0", "environment": "staging",
            "client_sdk": {"name": "acme.rust", "version": "0.1.0"},
            "debug_meta": {"images": [{"type": "elf", "image_addr": "0x55d000000000", "image_size": 4_194_304,
                "debug_id": "23ff015a-d8c9-b6e7-1020-304050607080", "code_id": "5a01ff23c9d8e7b610203040506070800102aabb",
                "code_file": "/srv/shop"}]},
            "profile": {
                "samples": [{"timestamp": 1_790_000_000.0, "thread_id": "17", "stack_id": 0},
                    {"timestamp": 1_790_000_000.009_901, "thread_id": "17", "stack_id": 0}],
                "stacks": [[0, 1]],
                "frames": [{"instruction_addr": "0x55d000001a40", "function": "shop::price::total", "in_app": true},
                    {"instruction_addr": "0x55d000000f10", "function": "shop::main", "in_app": true}],
                "thread_metadata": {"17": {"name": "worker-1"}}
            },
            "made_up": true
        });
        let chunk: ProfileChunk = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(chunk.profile.samples[1].timestamp, Timestamp::from_micros(1_790_000_000_009_901));
        assert_eq!(serde_json::to_value(&chunk).unwrap(), wire);

        let item = Item::profile_chunk(&chunk).unwrap();
        assert_eq!(item.header.platform.as_deref(), Some("rust"), "the header says what the payload says");
        assert_eq!(item.decode::<ProfileChunk>().unwrap(), chunk);
    }

    #[test]
    fn the_profile_of_a_transaction_survives() {
        let wire = json!({
            "version": "1", "event_id": "4d229f310b0d4e55a7a7c9f4b1e2d3c4", "platform": "rust",
            "timestamp": "2026-09-21T14:13:20.250000Z", "release": "shop@1.4.0", "environment": "staging",
            "os": {"name": "Linux", "version": "6.8"}, "device": {"architecture": "x86_64", "family": "server"},
            "runtime": {"name": "rustc", "version": "1.90.0"},
            "transaction": {"id": "1f2e3d4c5b6a4798a0b1c2d3e4f50617", "name": "GET /carts/{id}",
                "trace_id": "0af7651916cd43dd8448eb211c80319c", "active_thread_id": "17"},
            "profile": {
                "samples": [{"elapsed_since_start_ns": "9901000", "thread_id": "17", "stack_id": 0}],
                "stacks": [[0]],
                "frames": [{"instruction_addr": "0x55d000001a40"}],
                "thread_metadata": {"17": {"name": "worker-1", "priority": 3}}
            },
            "made_up": {"x": 1}
        });
        let profile: Profile = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(profile.profile.samples[0].elapsed_since_start_ns, 9_901_000);
        assert_eq!(serde_json::to_value(&profile).unwrap(), wire);
        assert_eq!(Item::profile(&profile).unwrap().decode::<Profile>().unwrap(), profile);
    }

    #[test]
    fn an_empty_one_has_what_the_server_wants() {
        let chunk = serde_json::to_value(ProfileChunk::default()).unwrap();
        assert_eq!(
            (&chunk["version"], &chunk["platform"], &chunk["release"]),
            (&json!("2"), &json!("rust"), &json!(""))
        );
        let profile = serde_json::to_value(Profile::default()).unwrap();
        assert_eq!(
            (&profile["version"], &profile["timestamp"]),
            (&json!("1"), &json!("1970-01-01T00:00:00.000000Z"))
        );
    }
}
