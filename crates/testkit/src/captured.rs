//! What was captured, in the form in which a test asks for it.

use serde::de::DeserializeOwned;
use watchpost_protocol::{
    CheckIn, ClientReport, Envelope, Event, ItemType, Log, Metric, Profile, ProfileChunk, SessionAggregate,
    SessionAggregates, SessionUpdate, Transaction,
};

use crate::draw;

/// Envelopes that were sent, in order.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    envelopes: Vec<Envelope>,
}

impl Captured {
    pub(crate) fn new(envelopes: Vec<Envelope>) -> Self {
        Captured { envelopes }
    }

    /// The envelopes.
    #[must_use]
    pub fn envelopes(&self) -> &[Envelope] {
        &self.envelopes
    }

    /// The error events and messages.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.items(&ItemType::Event)
    }

    /// The transactions.
    #[must_use]
    pub fn transactions(&self) -> Vec<Transaction> {
        self.items(&ItemType::Transaction)
    }

    /// What was told of runs of the program, update by update.
    #[must_use]
    pub fn session_updates(&self) -> Vec<SessionUpdate> {
        self.items(&ItemType::Session)
    }

    /// The requests that were counted, minute by minute.
    #[must_use]
    pub fn session_aggregates(&self) -> Vec<SessionAggregate> {
        let sessions: Vec<SessionAggregates> = self.items(&ItemType::Sessions);
        sessions.into_iter().flat_map(|sessions| sessions.aggregates).collect()
    }

    /// The logs.
    #[must_use]
    pub fn logs(&self) -> Vec<Log> {
        self.entries(&ItemType::Log)
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        self.entries(&ItemType::TraceMetric)
    }

    /// The check-ins.
    #[must_use]
    pub fn check_ins(&self) -> Vec<CheckIn> {
        self.items(&ItemType::CheckIn)
    }

    /// The chunks of what the profiler saw.
    #[must_use]
    pub fn profile_chunks(&self) -> Vec<ProfileChunk> {
        self.items(&ItemType::ProfileChunk)
    }

    /// The profiles of single transactions.
    #[must_use]
    pub fn profiles(&self) -> Vec<Profile> {
        self.items(&ItemType::Profile)
    }

    /// The losses that were reported, as `reason/category: quantity`, sorted.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        let reports: Vec<ClientReport> = self.items(&ItemType::ClientReport);
        let mut lines: Vec<String> = reports
            .iter()
            .flat_map(|report| &report.discarded_events)
            .map(|lost| format!("{}/{}: {}", lost.reason, lost.category, lost.quantity))
            .collect();
        lines.sort();
        lines
    }

    /// Every event and transaction as text, in the order in which they were sent.
    #[must_use]
    pub fn draw(&self) -> String {
        let mut picture = String::new();
        for item in self.envelopes.iter().flat_map(|envelope| &envelope.items) {
            match item.header.ty {
                ItemType::Event => {
                    picture += &item.decode().map_or_else(|error| format!("{error}\n"), |it| draw::event(&it))
                }
                ItemType::Transaction => {
                    picture +=
                        &item.decode().map_or_else(|error| format!("{error}\n"), |it| draw::transaction(&it));
                }
                _ => {}
            }
        }
        picture
    }

    fn entries<T: DeserializeOwned>(&self, ty: &ItemType) -> Vec<T> {
        let items = self.envelopes.iter().flat_map(|envelope| &envelope.items);
        let entries =
            items.filter(|item| item.header.ty == *ty).filter_map(|item| item.decode_entries().ok());
        entries.flatten().collect()
    }

    fn items<T: DeserializeOwned>(&self, ty: &ItemType) -> Vec<T> {
        let items = self.envelopes.iter().flat_map(|envelope| &envelope.items);
        items.filter(|item| item.header.ty == *ty).filter_map(|item| item.decode().ok()).collect()
    }
}
