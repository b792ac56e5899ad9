//! What reports: the SDK, in the header of envelopes and on what is in them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wire;

/// What reports (`protocol.md` §1.5).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SdkInfo {
    /// Its name, as `watchpost.rust`.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// The integrations that are on.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub integrations: Vec<Cow<'static, str>>,
    /// The features that are on.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub features: Vec<Cow<'static, str>>,
    /// The packages that it consists of.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub packages: Vec<SdkPackage>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// A package that the reporter consists of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SdkPackage {
    /// Where it comes from, and its name: `cargo:watchpost`.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}
