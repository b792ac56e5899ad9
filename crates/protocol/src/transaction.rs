//! Transactions: a finished trace as far as one process saw it (`protocol.md` §6.1).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contexts::Contexts;
use crate::id::EventId;
use crate::meta::Meta;
use crate::request::Request;
use crate::sdk::SdkInfo;
use crate::span::SpanRecord;
use crate::timestamp::Timestamp;
use crate::user::User;
use crate::wire::{self, wire_names};

/// A root span with its finished children. The root itself is the `trace` context.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transaction {
    /// Identifies the transaction among events.
    pub event_id: EventId,
    /// Always `transaction`.
    #[serde(rename = "type")]
    pub ty: TransactionType,
    /// The name.
    pub transaction: String,
    /// What the name is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_info: Option<TransactionInfo>,
    /// When the root began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timestamp: Option<Timestamp>,
    /// When the root ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// `native` for what Rust reports (§5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Cow<'static, str>>,
    /// The release (§5.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Arc<str>>,
    /// The distribution of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dist: Option<Arc<str>>,
    /// The environment (§5.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Arc<str>>,
    /// The machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Arc<str>>,
    /// Tags: short and searchable.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::tags")]
    pub tags: BTreeMap<String, String>,
    /// Free-form data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "wire::or_default")]
    pub extra: BTreeMap<String, Value>,
    /// Whom it was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The HTTP request that was served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// Named objects about the surroundings; `trace` is the root span, and required.
    #[serde(skip_serializing_if = "Contexts::is_empty", deserialize_with = "wire::or_default")]
    pub contexts: Contexts,
    /// The finished children, in any order.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub spans: Vec<SpanRecord>,
    /// Numbers with units; attributes of spans are preferred.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "wire::or_default")]
    pub measurements: Map<String, Value>,
    /// What reported it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<Arc<SdkInfo>>,
    /// Annotations of what was cut or filtered (§16.6).
    #[serde(rename = "_meta", skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// The one type that a transaction has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionType {
    /// `transaction`.
    #[default]
    Transaction,
}

/// More about a transaction's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TransactionInfo {
    /// What the name is.
    pub source: TransactionSource,
}

/// What a transaction's name is (§6.4). It decides how the server groups and scrubs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TransactionSource {
    /// Set by the program.
    #[default]
    Custom,
    /// A raw path: of high cardinality, and left out of the sampling context.
    Url,
    /// A path with its parameters named.
    Route,
    /// A view or a controller.
    View,
    /// A function.
    Component,
    /// A background task.
    Task,
}

wire_names!(TransactionSource, ParseTransactionSourceError, "transaction source", {
    Custom = "custom" | "unknown",
    Url = "url",
    Route = "route",
    View = "view",
    Component = "component",
    Task = "task",
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_example_of_the_protocol_survives() {
        let wire = json!({
            "type": "transaction", "event_id": "1f2e3d4c5b6a4798a0b1c2d3e4f50617", "platform": "native",
            "transaction": "GET /carts/{id}", "transaction_info": {"source": "route"},
            "start_timestamp": 1_790_000_000.1, "timestamp": 1_790_000_000.48,
            "contexts": {"trace": {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
                "parent_span_id": "53995c3f42cd8ad8", "op": "http.server", "status": "ok", "origin": "auto.http.axum",
                "data": {"http.request.method": "GET", "http.response.status_code": 200, "thread.id": "17"}},
                "response": {"status_code": 200}},
            "spans": [{"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "a1a2a3a4a5a6a7a8",
                "parent_span_id": "b7ad6b7169203331", "op": "db", "description": "SELECT * FROM carts WHERE id = $1",
                "status": "ok", "origin": "auto.db.sqlx", "start_timestamp": 1_790_000_000.2,
                "timestamp": 1_790_000_000.31, "data": {"db.system": "postgresql", "server.port": 5432}}],
            "made_up": {"x": 1},
        });
        let transaction: Transaction = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&transaction).unwrap(), wire);
    }
}
