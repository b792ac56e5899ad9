//! Containers: many small entries of one kind in one item (`protocol.md` §2.6, §9.1, §10.1).

use std::marker::PhantomData;

use serde::Serialize;

use super::item::{Item, ItemHeader, ItemType};
use crate::json;
use crate::log::Log;
use crate::metric::Metric;

/// What stands around the entries. Without the version the server would take the address of the sender for that of the user.
const HEAD: &[u8] = br#"{"version":2,"items":["#;
const TAIL: &[u8] = b"]}";

/// The most that the server takes as the payload of one container, in bytes.
const MAX_PAYLOAD: usize = 1024 * 1024;

/// What is sent in containers.
pub trait Contained: Serialize {
    /// The type of the item.
    const TYPE: ItemType;
    /// The media type of its payload.
    const CONTENT_TYPE: &'static str;
    /// The most that the JSON of one entry may have, in bytes: the server does not take a larger one, or even what is sent with it.
    const MAX_BYTES: usize;
}

impl Contained for Log {
    const TYPE: ItemType = ItemType::Log;
    const CONTENT_TYPE: &'static str = "application/vnd.sentry.items.log+json";
    const MAX_BYTES: usize = 1024 * 1024;
}

impl Contained for Metric {
    const TYPE: ItemType = ItemType::TraceMetric;
    const CONTENT_TYPE: &'static str = "application/vnd.sentry.items.trace-metric+json";
    const MAX_BYTES: usize = 2048;
}

/// Entries of one kind, each written once, on their way into an item.
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::{Container, Fit, Log};
///
/// let mut logs = Container::new();
/// assert_eq!(logs.add(&Log { body: "the shop is open".into(), ..Log::default() })?, Fit::Taken);
/// assert_eq!(logs.into_item().header.item_count, Some(1));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Container<T> {
    payload: Vec<u8>,
    count: u64,
    kind: PhantomData<fn(T)>,
}

/// Whether a container has taken an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It has.
    Taken,
    /// There is no room for it any more: it is for the next container.
    Full,
    /// It is larger than an entry may be.
    TooLarge,
}

impl<T: Contained> Container<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Container { payload: HEAD.to_vec(), count: 0, kind: PhantomData }
    }

    /// Adds an entry, unless that would be more than the server takes.
    ///
    /// # Errors
    /// If it cannot be serialised.
    pub fn add(&mut self, entry: &T) -> Result<Fit, serde_json::Error> {
        let before = self.payload.len();
        if self.count > 0 {
            self.payload.push(b',');
        }
        let start = self.payload.len();
        let fit = json::write(&mut self.payload, entry).map(|()| self.fit(start));
        match fit {
            Ok(Fit::Taken) => self.count += 1,
            _ => self.payload.truncate(before),
        }
        fit
    }

    /// Whether what was written from `start` on may stay.
    fn fit(&self, start: usize) -> Fit {
        let end = self.payload.len();
        if end - start > T::MAX_BYTES || HEAD.len() + (end - start) + TAIL.len() > MAX_PAYLOAD {
            Fit::TooLarge
        } else if end + TAIL.len() > MAX_PAYLOAD {
            Fit::Full
        } else {
            Fit::Taken
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The item of all that was added.
    #[must_use]
    pub fn into_item(self) -> Item {
        let Container { mut payload, count, .. } = self;
        payload.extend_from_slice(TAIL);
        let mut header = ItemHeader::new(T::TYPE);
        header.content_type = Some(T::CONTENT_TYPE.to_owned());
        header.item_count = Some(count);
        Item { header, payload }
    }
}

impl<T: Contained> Default for Container<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn log(length: usize) -> Log {
        let trace_id = crate::TraceId::from_bytes([7; 16]);
        Log { body: "x".repeat(length), trace_id, ..Log::default() }
    }

    #[test]
    fn what_was_added_is_its_payload() {
        let mut logs = Container::new();
        for length in 0..3 {
            assert_eq!(logs.add(&log(length)).unwrap(), Fit::Taken);
        }
        let item = logs.into_item();
        assert_eq!(item.header.item_count, Some(3));
        let payload: Value = item.decode().unwrap();
        assert_eq!(payload["version"], json!(2));
        assert_eq!(item.decode_entries::<Log>().unwrap(), [log(0), log(1), log(2)]);
    }

    #[test]
    fn no_payload_is_larger_than_the_server_takes() {
        let mut logs = Container::new();
        assert_eq!(logs.add(&log(400_000)).unwrap(), Fit::Taken);
        assert_eq!(logs.add(&log(2_000_000)).unwrap(), Fit::TooLarge);
        assert_eq!(logs.add(&log(600_000)).unwrap(), Fit::Taken);
        assert_eq!(logs.add(&log(400_000)).unwrap(), Fit::Full);
        assert_eq!(logs.add(&log(1_000)).unwrap(), Fit::Taken);
        let item = logs.into_item();
        assert!(item.payload.len() <= MAX_PAYLOAD);
        assert_eq!(item.decode_entries::<Log>().unwrap().len(), 3);
    }

    #[test]
    fn an_entry_counts_as_it_is_written() {
        let mut metrics = Container::new();
        let metric = |text: &str| {
            let mut metric: Metric = serde_json::from_value(json!({
                "timestamp": 0, "trace_id": "0af7651916cd43dd8448eb211c80319c", "name": "m", "type": "counter", "value": 1,
            }))
            .unwrap();
            metric.attributes.insert("text".into(), text.repeat(1_200).as_str().into());
            metric
        };
        assert_eq!(metrics.add(&metric("x")).unwrap(), Fit::Taken);
        assert_eq!(metrics.add(&metric("\"")).unwrap(), Fit::TooLarge);
    }
}
