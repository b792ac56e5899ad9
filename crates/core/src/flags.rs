//! Feature flags: what the program was told to do when an error happened (`protocol.md` §14.3).

use std::sync::Arc;

use watchpost_protocol::{Event, Map, Value};

/// How many flags a scope remembers.
pub const MAX_FLAGS: usize = 100;

/// How many flags a span tells.
pub const MAX_SPAN_FLAGS: usize = 10;

/// What the name of a flag follows in the attribute of a span.
pub(crate) const ATTRIBUTE: &str = "flag.evaluation.";

/// The flags that were evaluated last, each with its last value, the oldest first.
#[derive(Debug, Clone)]
pub struct FeatureFlags {
    capacity: usize,
    flags: Vec<(String, Value)>,
}

impl FeatureFlags {
    /// Remembers so many flags.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        FeatureFlags { capacity, flags: Vec::new() }
    }

    /// A flag was evaluated: it is the newest now, and the oldest goes if there are too many.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let name = name.into();
        self.flags.retain(|(known, _)| *known != name);
        if self.flags.len() >= self.capacity {
            self.flags.drain(..=self.flags.len() - self.capacity);
        }
        self.flags.push((name, value.into()));
    }

    /// The flags and their values, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.flags.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Those of a scope; forks share them until one of them is told of another.
#[derive(Clone, Default)]
pub(crate) struct ScopeFlags(Option<Arc<FeatureFlags>>);

impl ScopeFlags {
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |flags| flags.flags.len())
    }

    pub(crate) fn set(&mut self, name: String, value: Value) {
        let flags = self.0.get_or_insert_with(|| Arc::new(FeatureFlags::new(MAX_FLAGS)));
        Arc::make_mut(flags).set(name, value);
    }

    /// Those of another are the newest.
    pub(crate) fn extend(&mut self, other: &ScopeFlags) {
        let told = other.0.iter().flat_map(|flags| flags.iter());
        told.for_each(|(name, value)| self.set(name.to_owned(), value.clone()));
    }
}

/// Puts the flags of all scopes on an event; of two scopes that know one, the nearer was told of it last.
pub(crate) fn into_event(event: &mut Event, nearest_first: [&ScopeFlags; 3]) {
    let told: Vec<&FeatureFlags> =
        nearest_first.iter().rev().filter_map(|flags| flags.0.as_deref()).collect();
    if told.is_empty() || event.contexts.has("flags") {
        return;
    }
    let mut all = FeatureFlags::new(MAX_FLAGS);
    for (name, value) in told.into_iter().flat_map(FeatureFlags::iter) {
        all.set(name, value.clone());
    }
    let values: Vec<Value> = all.flags.into_iter().map(|(flag, result)| told_of(flag, result)).collect();
    let mut flags = Map::new();
    flags.insert("values".into(), values.into());
    event.contexts.other.insert("flags".into(), flags.into());
}

fn told_of(flag: String, result: Value) -> Value {
    let mut told = Map::new();
    told.insert("flag".into(), flag.into());
    told.insert("result".into(), result);
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(event: &Event) -> Vec<String> {
        let values = event.contexts.other["flags"]["values"].as_array().unwrap();
        values.iter().map(|flag| format!("{}={}", flag["flag"].as_str().unwrap(), flag["result"])).collect()
    }

    fn told(flags: &[(&str, Value)]) -> ScopeFlags {
        let mut told = ScopeFlags::default();
        flags.iter().for_each(|(name, value)| told.set((*name).to_owned(), value.clone()));
        told
    }

    #[test]
    fn the_nearer_scope_was_told_last() {
        let global = told(&[("a", true.into()), ("b", 1.into())]);
        let (isolation, current) = (told(&[("a", false.into())]), told(&[("c", "blue".into())]));
        let mut event = Event::default();
        into_event(&mut event, [&current, &isolation, &global]);
        assert_eq!(flags(&event), ["b=1", "a=false", "c=\"blue\""]);
    }

    #[test]
    fn a_fork_goes_its_own_way_and_the_oldest_goes() {
        let mut parent = ScopeFlags::default();
        (0..MAX_FLAGS).for_each(|flag| parent.set(flag.to_string(), true.into()));
        let mut child = parent.clone();
        child.set("new".into(), true.into());
        let of = |told: &ScopeFlags| {
            let (mut event, nothing) = (Event::default(), ScopeFlags::default());
            into_event(&mut event, [told, &nothing, &nothing]);
            let flags = flags(&event);
            (flags.len(), flags[0].clone(), flags[MAX_FLAGS - 1].clone())
        };
        assert_eq!(of(&parent), (100, "0=true".into(), "99=true".into()));
        assert_eq!(of(&child), (100, "1=true".into(), "new=true".into()));
    }
}
