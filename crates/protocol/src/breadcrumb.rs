//! What led up to an event (`protocol.md` §5.7).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::level::Level;
use crate::timestamp::Timestamp;
use crate::wire;

/// One step on the way to an event. Lists of them run from the oldest to the newest.
///
/// This is the one protocol struct with chained setters as well as public fields, because it is mostly written by hand, in one line.
///
/// ```
/// # use watchpost_protocol as watchpost;
/// use watchpost::{Breadcrumb, Level};
///
/// let crumb = Breadcrumb::new("stock is low").category("warehouse").level(Level::Warning).data("sku", 7);
/// assert_eq!(crumb.ty, "default");
/// assert_eq!(crumb.data["sku"], 7);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breadcrumb {
    /// When it happened. Whoever records the breadcrumb sets it; left alone it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// How it is drawn: `default`, `debug`, `error`, `navigation`, `http`, `info`, `query`, `transaction`, `ui` or `user`.
    #[serde(rename = "type", deserialize_with = "type_or_default")]
    pub ty: Cow<'static, str>,
    /// Where it comes from, dotted, such as `auth.session`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Cow<'static, str>>,
    /// What happened, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What happened, for a program.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub data: Map<String, Value>,
    /// How severe it is; `info` by default.
    #[serde(deserialize_with = "level_or_info")]
    pub level: Level,
    /// Which instrumentation recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Cow<'static, str>>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl Default for Breadcrumb {
    fn default() -> Self {
        Breadcrumb {
            timestamp: None,
            ty: Cow::Borrowed("default"),
            category: None,
            message: None,
            data: Map::new(),
            level: Level::Info,
            origin: None,
            other: Map::new(),
        }
    }
}

impl Breadcrumb {
    /// A breadcrumb that says something.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Breadcrumb { message: Some(message.into()), ..Breadcrumb::default() }
    }

    /// A request that was made: type and category `http`. The server knows the data `url`, `method`, `status_code` and `reason`.
    #[must_use]
    pub fn http() -> Self {
        Breadcrumb::typed("http")
    }

    /// A database query that was made: type and category `query`.
    #[must_use]
    pub fn query() -> Self {
        Breadcrumb::typed("query")
    }

    /// A move from one place of the application to another: type and category `navigation`.
    #[must_use]
    pub fn navigation(from: impl Into<String>, to: impl Into<String>) -> Self {
        Breadcrumb::typed("navigation").data("from", from.into()).data("to", to.into())
    }

    fn typed(ty: &'static str) -> Self {
        Breadcrumb { ty: Cow::Borrowed(ty), category: Some(Cow::Borrowed(ty)), ..Breadcrumb::default() }
    }

    /// Sets how it is drawn.
    #[must_use]
    pub fn ty(mut self, ty: impl Into<Cow<'static, str>>) -> Self {
        self.ty = ty.into();
        self
    }

    /// Sets where it comes from.
    #[must_use]
    pub fn category(mut self, category: impl Into<Cow<'static, str>>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Sets what happened, for a reader.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets how severe it is.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Adds one value; a later one of the same key replaces it.
    #[must_use]
    pub fn data(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data.insert(key.into(), value.into());
        self
    }
}

fn type_or_default<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map_or(Cow::Borrowed("default"), Cow::Owned))
}

fn level_or_info<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
    Ok(Option::<Level>::deserialize(deserializer)?.unwrap_or(Level::Info))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "timestamp": 1790000000.25, "type": "http", "category": "http", "level": "warning", "origin": "auto.http",
            "data": {"status_code": 503}, "event_id": "x"
        });
        let crumb: Breadcrumb = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(crumb.other["event_id"], "x");
        assert_eq!(serde_json::to_value(&crumb).unwrap(), wire);
    }

    #[test]
    fn type_and_level_have_defaults_and_are_always_written() {
        let crumb: Breadcrumb =
            serde_json::from_value(json!({"message": "edited", "level": null, "type": null, "data": null}))
                .unwrap();
        assert_eq!(crumb, Breadcrumb::new("edited"));
        let written = serde_json::to_value(&crumb).unwrap();
        assert_eq!(written, json!({"message": "edited", "type": "default", "level": "info"}));
    }

    #[test]
    fn the_kinds_carry_their_type_and_may_be_changed() {
        let crumb =
            Breadcrumb::http().category("auth").data("url", "https://api.test/").data("status_code", 200);
        assert_eq!((&*crumb.ty, crumb.category.as_deref()), ("http", Some("auth")));
        let moved = Breadcrumb::navigation("/cart", "/pay");
        assert_eq!((&moved.data["from"], &moved.data["to"]), (&json!("/cart"), &json!("/pay")));
        assert_eq!(Breadcrumb::query().message("SELECT 1").ty("info").ty, "info");
    }
}
