//! The HTTP request that was being served (`protocol.md` §5.5).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wire;

/// The HTTP request during which something happened.
///
/// Nothing is filtered here: whoever fills it decides what may be sent (§16.4).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The method, in upper case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The absolute URL, best without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The query without its `?`: text, a map, or a list of pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_string: Option<Value>,
    /// The body: text, or any JSON. The server keeps about 8 kB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The `Cookie` header's text. A map or a list of pairs is read, too.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::cookies")]
    pub cookies: Option<String>,
    /// The headers; a repeated one is joined with commas. A list of pairs is read, too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::headers")]
    pub headers: BTreeMap<Cow<'static, str>, String>,
    /// The server's environment of the request; `REMOTE_ADDR` is the client's address.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::tags")]
    pub env: BTreeMap<String, String>,
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
            "method": "POST", "url": "https://shop.test/carts", "query_string": [["a", "1"], ["a", "2"]],
            "data": {"sku": [1, 2]}, "cookies": "a=1", "headers": {"Accept": "*/*"},
            "env": {"REMOTE_ADDR": "10.0.0.7"}, "api_target": "graphql", "fragment": null
        });
        let request: Request = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(request.other.len(), 2);
        assert_eq!(serde_json::to_value(&request).unwrap(), wire);
    }

    #[test]
    fn nothing_is_written_for_nothing() {
        assert_eq!(serde_json::to_string(&Request::default()).unwrap(), "{}");
        let nulls: Request =
            serde_json::from_value(json!({"headers": null, "cookies": null, "env": null, "data": null}))
                .unwrap();
        assert_eq!(nulls, Request::default());
    }
}
