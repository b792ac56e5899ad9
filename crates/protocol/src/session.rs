//! Release health: how many sessions of a release ended well (`protocol.md` §12).
//!
//! A session is one run of a program, or one request to it. Runs are told of one by one, in updates; requests are counted.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::id::SessionId;
use crate::timestamp::{Timestamp, rfc3339};
use crate::wire;
use crate::wire::wire_names;

/// How a session is, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum SessionStatus {
    /// It goes on.
    #[default]
    Ok,
    /// It ended as it should; there may have been errors.
    Exited,
    /// An error ended it.
    Crashed,
    /// It ended without being asked to, and not by an error: it hung, or it was killed.
    Abnormal,
    /// It ended as it should, and survived an error that nobody had handled.
    Unhandled,
}

wire_names!(SessionStatus, ParseSessionStatusError, "session status", {
    Ok = "ok",
    Exited = "exited",
    Crashed = "crashed",
    Abnormal = "abnormal",
    Unhandled = "unhandled",
});

/// What is known of a session now; the item `session` (§12.1). Later ones take the place of earlier ones.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::{SessionUpdate, Timestamp};
///
/// let update = SessionUpdate {
///     init: true,
///     started: Timestamp::from_micros(1_790_000_000_000_000),
///     ..SessionUpdate::default()
/// };
/// assert!(serde_json::to_string(&update)?.contains(r#""started":"2026-09-21T14:13:20.000000Z""#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionUpdate {
    /// Which session it is of.
    pub sid: SessionId,
    /// A name by which the same user is known again; the server keeps a hash of it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::scalar")]
    pub did: Option<String>,
    /// Whether it is the first of its session. A session without a first one is not counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
    /// Of two updates, the higher is the later one. 0 for the first; left out, it is the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When this was so.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// When the session began.
    #[serde(serialize_with = "moment")]
    pub started: Timestamp,
    /// How long it lasted, in seconds; known when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// How it is.
    pub status: SessionStatus,
    /// How many errors there have been in it, with the one that ended it.
    pub errors: u64,
    /// What made it end abnormally, as `anr_foreground`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abnormal_mechanism: Option<String>,
    /// What it is a session of.
    pub attrs: SessionAttributes,
    /// Everything else.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// Sessions that are over, counted by the minute in which they began; the item `sessions` (§12.2).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionAggregates {
    /// What they were sessions of.
    pub attrs: SessionAttributes,
    /// The minutes.
    pub aggregates: Vec<SessionAggregate>,
    /// Everything else.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// The sessions that began in one minute. Each is counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionAggregate {
    /// The minute.
    #[serde(serialize_with = "moment")]
    pub started: Timestamp,
    /// Whose they were.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::scalar")]
    pub did: Option<String>,
    /// Those that ended without an error.
    #[serde(skip_serializing_if = "is_zero")]
    pub exited: u64,
    /// Those that ended as they should, with an error that was handled.
    #[serde(skip_serializing_if = "is_zero")]
    pub errored: u64,
    /// Those that ended abnormally.
    #[serde(skip_serializing_if = "is_zero")]
    pub abnormal: u64,
    /// Those that survived an error that nobody had handled.
    #[serde(skip_serializing_if = "is_zero")]
    pub unhandled: u64,
    /// Those that an error ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub crashed: u64,
}

/// What a session is a session of. Without a release the server takes none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionAttributes {
    /// The release.
    pub release: Arc<str>,
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Arc<str>>,
    /// The network address of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The user agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl SessionAggregate {
    /// How many sessions there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.exited + self.errored + self.abnormal + self.unhandled + self.crashed
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn moment<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339::serialize(&Some(*moment), serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_reads_what_it_writes() {
        let text = r#"{"sid":"c4f1d2e3a5b64798a0b1c2d3e4f50617","did":"u-81","init":true,"seq":0,"timestamp":"2026-09-21T14:00:00.000000Z","started":"2026-09-21T14:00:00.000000Z","status":"ok","errors":0,"attrs":{"release":"shop@1.4.0","environment":"staging"}}"#;
        let update: SessionUpdate = serde_json::from_str(text).unwrap();
        assert_eq!((update.did.as_deref(), update.status), (Some("u-81"), SessionStatus::Ok));
        assert_eq!(serde_json::to_string(&update).unwrap(), text);
    }

    #[test]
    fn what_is_zero_is_left_out_of_an_aggregate() {
        let text = r#"{"attrs":{"release":"shop@1.4.0"},"aggregates":[{"started":"2026-09-21T14:13:00.000000Z","exited":118,"errored":3}]}"#;
        let sessions: SessionAggregates = serde_json::from_str(text).unwrap();
        assert_eq!(sessions.aggregates[0].total(), 121);
        assert_eq!(serde_json::to_string(&sessions).unwrap(), text);
    }

    #[test]
    fn unknown_fields_survive() {
        let text = r#"{"sid":"00000000000000000000000000000000","started":"2026-09-21T14:00:00.000000Z","status":"exited","errors":1,"attrs":{"release":"a"},"mood":"good"}"#;
        let update: SessionUpdate = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&update).unwrap(), text);
    }
}
