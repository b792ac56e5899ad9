//! Check-ins: what a job says of one run (`protocol.md` §11).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contexts::TraceContext;
use crate::id::{CheckInId, TraceId};
use crate::monitor::{MonitorConfig, MonitorSlug};
use crate::wire;
use crate::wire::wire_names;

/// One check-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckIn {
    /// The run: the same from its start to its end.
    pub check_in_id: CheckInId,
    /// The monitor.
    pub monitor_slug: MonitorSlug,
    /// How the run is doing.
    pub status: CheckInStatus,
    /// How long it took, in seconds, when it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration: Option<f64>,
    /// The release that ran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub release: Option<Arc<str>>,
    /// Where it ran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<Arc<str>>,
    /// Creates the monitor, or changes it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub monitor_config: Option<Arc<MonitorConfig>>,
    /// The trace of the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contexts: Option<CheckInContexts>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// The one context that a check-in has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckInContexts {
    /// The trace of the run.
    pub trace: CheckInTrace,
}

/// The trace of a run, by its id alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckInTrace {
    /// The id of the trace.
    pub trace_id: TraceId,
}

impl From<&TraceContext> for CheckInContexts {
    fn from(context: &TraceContext) -> Self {
        CheckInContexts { trace: CheckInTrace { trace_id: context.trace_id } }
    }
}

/// How a run is doing. The server itself says when one is missed or has timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckInStatus {
    /// It has begun.
    InProgress,
    /// It is over, and went well.
    Ok,
    /// It has failed.
    Error,
}

wire_names!(CheckInStatus, ParseCheckInStatusError, "status of a check-in", {
    InProgress = "in_progress",
    Ok = "ok",
    Error = "error",
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "check_in_id": "83f1a0d2b4c64e5f9a0b1c2d3e4f5061", "monitor_slug": "nightly-billing", "status": "ok",
            "duration": 42.7, "environment": "staging", "release": "shop@1.4.0", "made_up": 1,
            "monitor_config": {
                "schedule": {"type": "crontab", "value": "0 3 * * *"}, "checkin_margin": 5, "max_runtime": 30,
                "timezone": "Europe/Vienna", "failure_issue_threshold": 2, "recovery_threshold": 1, "new": true,
            },
            "contexts": {"trace": {"trace_id": "0af7651916cd43dd8448eb211c80319c"}},
        });
        let check_in: CheckIn = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(check_in.status, CheckInStatus::Ok);
        assert_eq!(serde_json::to_value(&check_in).unwrap(), wire);
    }
}
