//! Items: the parts of an envelope (`protocol.md` §2.3, §2.4).

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::category::Category;
use crate::check_in::CheckIn;
use crate::client_report::ClientReport;
use crate::event::Event;
use crate::json::{self, WriteJson};
use crate::profile::{Profile, ProfileChunk};
use crate::session::{SessionAggregates, SessionUpdate};
use crate::transaction::Transaction;
use crate::wire;

/// One part of an envelope: a header, and bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is.
    pub header: ItemHeader,
    /// The payload, as it is on the wire.
    pub payload: Vec<u8>,
}

/// What an item is. Its length is not here: it is that of the payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemHeader {
    /// The type.
    #[serde(rename = "type")]
    pub ty: ItemType,
    /// The media type of the payload.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content_type: Option<String>,
    /// The name of an attachment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filename: Option<String>,
    /// The kind of an attachment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attachment_type: Option<String>,
    /// How many entries a container has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item_count: Option<u64>,
    /// The platform of a profile chunk.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<String>,
    /// Unknown headers, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl ItemHeader {
    /// A header with nothing but a type.
    #[must_use]
    pub fn new(ty: ItemType) -> Self {
        ItemHeader {
            ty,
            content_type: None,
            filename: None,
            attachment_type: None,
            item_count: None,
            platform: None,
            other: Map::new(),
        }
    }
}

macro_rules! item_types {
    ($($variant:ident = $name:literal => $category:ident),+ $(,)?) => {
        /// What an item is (§2.4). A type that we do not know is kept by its name.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is named as the protocol names it")]
        #[non_exhaustive]
        pub enum ItemType {
            $($variant,)+
            Unknown(String),
        }

        impl ItemType {
            /// The name on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(ItemType::$variant => $name,)+
                    ItemType::Unknown(name) => name,
                }
            }

            /// What rate limits and losses of such an item are counted by.
            #[must_use]
            pub fn category(&self) -> Category {
                match self {
                    $(ItemType::$variant => Category::$category,)+
                    ItemType::Unknown(_) => Category::Default,
                }
            }
        }

        impl From<&str> for ItemType {
            fn from(name: &str) -> Self {
                match name {
                    $($name => ItemType::$variant,)+
                    other => ItemType::Unknown(other.to_owned()),
                }
            }
        }
    };
}

item_types! {
    Event = "event" => Error,
    Transaction = "transaction" => Transaction,
    Feedback = "feedback" => Feedback,
    UserReport = "user_report" => Feedback,
    Attachment = "attachment" => Attachment,
    Session = "session" => Session,
    Sessions = "sessions" => Session,
    Span = "span" => Span,
    Log = "log" => LogItem,
    TraceMetric = "trace_metric" => TraceMetric,
    CheckIn = "check_in" => Monitor,
    ClientReport = "client_report" => Internal,
    Profile = "profile" => Profile,
    ProfileChunk = "profile_chunk" => ProfileChunk,
    ReplayEvent = "replay_event" => Replay,
    ReplayRecording = "replay_recording" => Replay,
    ReplayVideo = "replay_video" => Replay,
}

impl fmt::Display for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ItemType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ItemType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(ItemType::from(&*String::deserialize(deserializer)?))
    }
}

impl Item {
    /// An item whose payload is JSON.
    ///
    /// # Errors
    /// If `payload` cannot be serialised.
    pub fn json<T: Serialize>(ty: ItemType, payload: &T) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ty, serde_json::to_vec(payload)?))
    }

    fn of_json(ty: ItemType, payload: Vec<u8>) -> Self {
        let mut header = ItemHeader::new(ty);
        header.content_type = Some("application/json".to_owned());
        Item { header, payload }
    }

    /// The item of an event.
    ///
    /// # Errors
    /// If the event cannot be serialised.
    pub fn event(event: &Event) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::Event, json::to_vec(event)?))
    }

    /// The item of what a user says: an event with the context `feedback` (§14.2).
    ///
    /// # Errors
    /// If the event cannot be serialised.
    pub fn feedback(event: &Event) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::Feedback, json::to_vec(event)?))
    }

    /// The item of a transaction.
    ///
    /// # Errors
    /// If the transaction cannot be serialised.
    pub fn transaction(transaction: &Transaction) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::Transaction, json::to_vec(transaction)?))
    }

    /// The item of a transaction whose spans are not all in it: `root` stands for its [`TraceContext`](crate::TraceContext), unless it has one, and has to write what
    /// that is; `spans` are sent after its own, and each has to write what a [`SpanRecord`](crate::SpanRecord) is.
    ///
    /// # Errors
    /// If the transaction cannot be serialised.
    pub fn transaction_with_spans(
        transaction: &mut Transaction,
        root: Option<&impl WriteJson>,
        spans: &[impl WriteJson],
    ) -> Result<Self, serde_json::Error> {
        let own = std::mem::take(&mut transaction.spans);
        let root = root.filter(|_| !transaction.contexts.has("trace"));
        let contexts = root.map(|root| (root, std::mem::take(&mut transaction.contexts)));
        // A guess that is right for most spans; the vector grows if it is wrong.
        let room = 768 * (own.len() + spans.len());
        let payload = json::with_members(room, transaction, |json| {
            if !(own.is_empty() && spans.is_empty()) {
                json.field("spans");
                json.begin_list();
                for span in &own {
                    json.element();
                    json.value(span);
                }
                for span in spans {
                    json.element();
                    span.write_json(json);
                }
                json.end_list();
            }
            if let Some((root, contexts)) = &contexts {
                json.field("contexts");
                json.object_with(contexts, |json| {
                    json.field("trace");
                    root.write_json(json);
                });
            }
        });
        transaction.spans = own;
        if let Some((_, contexts)) = contexts {
            transaction.contexts = contexts;
        }
        Ok(Item::of_json(ItemType::Transaction, payload?))
    }

    /// The item of a client report.
    ///
    /// # Errors
    /// If the report cannot be serialised.
    pub fn client_report(report: &ClientReport) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::ClientReport, json::to_vec(report)?))
    }

    /// The item of a session's update.
    ///
    /// # Errors
    /// If the update cannot be serialised.
    pub fn session(update: &SessionUpdate) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::Session, json::to_vec(update)?))
    }

    /// The item of counted sessions.
    ///
    /// # Errors
    /// If they cannot be serialised.
    pub fn sessions(sessions: &SessionAggregates) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::Sessions, json::to_vec(sessions)?))
    }

    /// The item of a check-in.
    ///
    /// # Errors
    /// If the check-in cannot be serialised.
    pub fn check_in(check_in: &CheckIn) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::CheckIn, json::to_vec(check_in)?))
    }

    /// The item of a piece of what a profiler saw. Its header says the platform, too: the server compares (§13.1).
    ///
    /// # Errors
    /// If the chunk cannot be serialised.
    pub fn profile_chunk(chunk: &ProfileChunk) -> Result<Self, serde_json::Error> {
        let mut item = Item::of_json(ItemType::ProfileChunk, json::to_vec(chunk)?);
        item.header.platform = Some(chunk.platform.clone().into_owned());
        Ok(item)
    }

    /// The item of a transaction's profile, which goes into the same envelope (§13.2).
    ///
    /// # Errors
    /// If the profile cannot be serialised.
    pub fn profile(profile: &Profile) -> Result<Self, serde_json::Error> {
        Ok(Item::of_json(ItemType::Profile, json::to_vec(profile)?))
    }

    /// Reads the payload of a container: its entries.
    ///
    /// # Errors
    /// If it is not the JSON of a container of `T`.
    pub fn decode_entries<T: DeserializeOwned>(&self) -> Result<Vec<T>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Entries<T> {
            items: Vec<T>,
        }
        Ok(self.decode::<Entries<T>>()?.items)
    }

    /// An attachment. Without a media type it is `application/octet-stream`.
    #[must_use]
    pub fn attachment(filename: impl Into<String>, content_type: Option<String>, payload: Vec<u8>) -> Self {
        let mut header = ItemHeader::new(ItemType::Attachment);
        header.filename = Some(filename.into());
        header.content_type = content_type;
        Item { header, payload }
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// If it is not the JSON of a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.payload)
    }

    /// What is lost with this item (§4.2). Nothing for a client report: its lines are counted already.
    #[must_use]
    pub fn losses(&self) -> Vec<(Category, u64)> {
        let bytes = self.payload.len().max(1) as u64;
        let count = self.header.item_count.unwrap_or(1);
        match self.header.ty {
            ItemType::ClientReport => Vec::new(),
            ItemType::Transaction => vec![(Category::Transaction, 1), (Category::Span, self.spans() + 1)],
            ItemType::Attachment => vec![(Category::Attachment, bytes), (Category::AttachmentItem, 1)],
            ItemType::Log => vec![(Category::LogItem, count), (Category::LogByte, bytes)],
            ItemType::TraceMetric => vec![(Category::TraceMetric, count), (Category::TraceMetricByte, bytes)],
            ItemType::Span => vec![(Category::Span, count)],
            ItemType::Sessions => vec![(Category::Session, self.aggregated_sessions())],
            ItemType::ProfileChunk => vec![(self.chunk_category(), 1)],
            ref other => vec![(other.category(), 1)],
        }
    }

    /// Chunks of some platforms are counted as those of a user interface (§13.1).
    fn chunk_category(&self) -> Category {
        match self.header.platform.as_deref() {
            Some("cocoa" | "android" | "javascript") => Category::ProfileChunkUi,
            _ => Category::ProfileChunk,
        }
    }

    /// The children in a transaction's payload. Read only when it is lost.
    fn spans(&self) -> u64 {
        self.value()["spans"].as_array().map_or(0, Vec::len) as u64
    }

    fn aggregated_sessions(&self) -> u64 {
        let payload = self.value();
        let buckets = payload["aggregates"].as_array().map(Vec::as_slice).unwrap_or_default();
        let counts = ["exited", "errored", "abnormal", "unhandled", "crashed"];
        buckets.iter().flat_map(|bucket| counts.map(|count| bucket[count].as_u64().unwrap_or(0))).sum()
    }

    /// The payload of an item that is JSON; null for anything else.
    fn value(&self) -> Value {
        let text = std::str::from_utf8(&self.payload).unwrap_or_default();
        text.parse().unwrap_or_default()
    }
}
