//! Envelopes: what is sent and received (`protocol.md` §2).

mod container;
mod item;
mod read;
mod write;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use container::{Contained, Container, Fit};
pub use item::{Item, ItemHeader, ItemType};
pub use read::EnvelopeError;

use crate::id::EventId;
use crate::propagation::DynamicSamplingContext;
use crate::sdk::SdkInfo;
use crate::timestamp::{self, Timestamp};
use crate::wire;

/// The unit of sending: headers, and items with payloads of their own.
///
/// It is written with [`write_to`](Self::write_to) and read, strictly, with [`from_slice`](Self::from_slice).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// The headers.
    pub headers: EnvelopeHeaders,
    /// The items, in order.
    pub items: Vec<Item>,
}

impl Envelope {
    /// An envelope of these items, which says what reports.
    #[must_use]
    pub fn of(sdk: &Arc<SdkInfo>, items: Vec<Item>) -> Self {
        let headers = EnvelopeHeaders { sdk: Some(Arc::clone(sdk)), ..EnvelopeHeaders::default() };
        Envelope { headers, items }
    }
}

/// What holds for all items of an envelope (§2.2).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvelopeHeaders {
    /// Which event the items belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// When it was sent. Set by the reader; what is written is the time of writing.
    #[serde(skip_serializing_if = "Option::is_none", with = "timestamp::rfc3339")]
    pub sent_at: Option<Timestamp>,
    /// The DSN, where no header of HTTP says whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<String>,
    /// What reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<Arc<SdkInfo>>,
    /// The sampling context of the trace that the items belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Arc<DynamicSamplingContext>>,
    /// Unknown headers, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

#[cfg(test)]
mod tests;
