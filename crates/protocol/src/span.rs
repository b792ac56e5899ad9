//! Spans of a transaction (`protocol.md` §6.2 to §6.7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{SpanId, TraceId};
use crate::timestamp::Timestamp;
use crate::wire::{self, wire_names};

/// A finished piece of work below the root of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanRecord {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Its parent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent_span_id: Option<SpanId>,
    /// When it began.
    pub start_timestamp: Timestamp,
    /// When it ended.
    pub timestamp: Timestamp,
    /// Its operation, as `db` (§6.6).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub op: Option<String>,
    /// What it did, for a reader.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<SpanStatus>,
    /// What made it, as `auto.db.sqlx`; `manual` if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
    /// Tags; attributes in `data` are preferred.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, deserialize_with = "wire::tags")]
    pub tags: BTreeMap<String, String>,
    /// Attributes (§6.8).
    #[serde(skip_serializing_if = "Map::is_empty", default, deserialize_with = "wire::or_default")]
    pub data: Map<String, Value>,
    /// Spans that have to do with it.
    #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "wire::or_default")]
    pub links: Vec<SpanLink>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// A span that has to do with another, without being its parent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanLink {
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// Whether the other span is sampled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sampled: Option<bool>,
    /// More about the link; `sentry.link.type` says what it means.
    #[serde(skip_serializing_if = "Map::is_empty", default, deserialize_with = "wire::or_default")]
    pub attributes: Map<String, Value>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// How a span ended (§6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named as the protocol names it")]
pub enum SpanStatus {
    Ok,
    Cancelled,
    UnknownError,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    InternalError,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

wire_names!(SpanStatus, ParseSpanStatusError, "span status", {
    Ok = "ok",
    Cancelled = "cancelled" | "canceled",
    UnknownError = "unknown_error" | "unknown",
    InvalidArgument = "invalid_argument",
    DeadlineExceeded = "deadline_exceeded",
    NotFound = "not_found",
    AlreadyExists = "already_exists",
    PermissionDenied = "permission_denied",
    ResourceExhausted = "resource_exhausted",
    FailedPrecondition = "failed_precondition",
    Aborted = "aborted",
    OutOfRange = "out_of_range",
    Unimplemented = "unimplemented",
    InternalError = "internal_error" | "error",
    Unavailable = "unavailable",
    DataLoss = "data_loss",
    Unauthenticated = "unauthenticated",
});

impl SpanStatus {
    /// The status of a span whose response had this HTTP status (§6.5).
    #[must_use]
    pub const fn from_http_status(status: u16) -> Self {
        match status {
            0..=399 => SpanStatus::Ok,
            401 => SpanStatus::Unauthenticated,
            403 => SpanStatus::PermissionDenied,
            404 => SpanStatus::NotFound,
            409 => SpanStatus::AlreadyExists,
            413 => SpanStatus::FailedPrecondition,
            429 => SpanStatus::ResourceExhausted,
            400..=499 => SpanStatus::InvalidArgument,
            501 => SpanStatus::Unimplemented,
            503 => SpanStatus::Unavailable,
            504 => SpanStatus::DeadlineExceeded,
            500..=599 => SpanStatus::InternalError,
            _ => SpanStatus::UnknownError,
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
            "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "a1a2a3a4a5a6a7a8",
            "parent_span_id": "b7ad6b7169203331", "op": "db", "description": "SELECT 1", "status": "ok",
            "origin": "auto.db.sqlx", "start_timestamp": 1_790_000_000.2, "timestamp": 1_790_000_000.31,
            "data": {"db.system": "postgresql"}, "same_process_as_parent": true,
            "links": [{"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "a1a2a3a4a5a6a7a9", "made_up": 1}],
        });
        let span: SpanRecord = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&span).unwrap(), wire);
    }

    #[test]
    fn http_statuses_map_as_the_protocol_says() {
        let expected = [
            (200, "ok"),
            (302, "ok"),
            (400, "invalid_argument"),
            (401, "unauthenticated"),
            (403, "permission_denied"),
            (404, "not_found"),
            (409, "already_exists"),
            (413, "failed_precondition"),
            (418, "invalid_argument"),
            (429, "resource_exhausted"),
            (499, "invalid_argument"),
            (500, "internal_error"),
            (501, "unimplemented"),
            (502, "internal_error"),
            (503, "unavailable"),
            (504, "deadline_exceeded"),
            (600, "unknown_error"),
        ];
        for (status, name) in expected {
            assert_eq!(SpanStatus::from_http_status(status).as_str(), name, "{status}");
        }
    }
}
