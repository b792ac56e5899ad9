//! What is known to be in the directory, without looking again.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use watchpost_core::debug;
use watchpost_protocol::Category;

use super::Shared;
use super::name::Name;

/// What is known to be in the directory.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) files: BTreeMap<Name, Entry>,
    /// The time in the last name that was given.
    newest: u64,
    pub(super) read_at: Option<Instant>,
    /// How many were there for another server when that was last said.
    strangers: usize,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Entry {
    pub(super) size: u64,
    /// Whether this spool has handed it out.
    pub(super) claimed: bool,
    /// How often it came back unsent: those that did not are before it.
    pub(super) returned: u32,
}

impl Index {
    /// Makes a name later than every one before it, however fast they come.
    pub(super) fn stamp(&mut self, name: Name) -> Name {
        self.newest = name.micros.max(self.newest + 1);
        Name { micros: self.newest, ..name }
    }

    /// The first that is for this server and that nobody here has.
    pub(super) fn take_first(&mut self, server: u64, may_go: &dyn Fn(Category) -> bool) -> Option<Name> {
        let free = self.files.iter_mut().filter(|(name, entry)| name.server == server && !entry.claimed);
        let (name, entry) = free
            .filter(|(name, _)| may_go(name.category))
            .min_by_key(|(name, entry)| (entry.returned, **name))?;
        entry.claimed = true;
        Some(*name)
    }

    pub(super) fn fits(&self, size: u64, bounds: &Shared) -> bool {
        let bytes: u64 = self.files.values().map(|entry| entry.size).sum();
        self.files.len() < bounds.max_envelopes && bytes.saturating_add(size) <= bounds.max_bytes
    }

    /// The oldest of the least important, unless that is more important than this.
    pub(super) fn worst(&self, level: u8) -> Option<Name> {
        let free = self.files.iter().filter(|(name, entry)| !entry.claimed && name.level >= level);
        free.map(|(name, _)| *name).min_by_key(|name| (Reverse(name.level), name.micros))
    }

    /// Takes over what was found, and hands out what is too old.
    pub(super) fn update(
        &mut self,
        mut found: BTreeMap<Name, Entry>,
        bounds: &Shared,
        now: SystemTime,
    ) -> Vec<Name> {
        for (name, known) in &self.files {
            match found.get_mut(name) {
                Some(entry) => *entry = *known,
                None if known.claimed => _ = found.insert(*name, *known), // it is being written
                None => {}
            }
        }
        let old: Vec<Name> = found
            .iter()
            .filter(|(name, entry)| !entry.claimed && name.age(now) > bounds.max_age)
            .map(|(name, _)| *name)
            .collect();
        for name in &old {
            found.remove(name);
        }
        let strangers = found.keys().filter(|name| name.server != bounds.server).count();
        if strangers > 0 && strangers != self.strangers {
            debug!(
                "{strangers} envelopes in the spool {} are for another DSN: they wait for a client that has it",
                bounds.directory.display()
            );
        }
        (self.files, self.read_at, self.strangers) = (found, Some(Instant::now()), strangers);
        old
    }
}
