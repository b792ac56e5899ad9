//! A file in our hands: locked, until it is sent or handed back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::sync::Arc;

use fs4::FileExt;
use watchpost_core::spool::Claim;
use watchpost_core::{Losses, debug};
use watchpost_protocol::{DiscardReason, Envelope};

use super::name::Name;
use super::{SPOOLED_FOR, Shared};

/// A file that is ours as long as it is open.
pub(super) struct Held {
    pub(super) shared: Arc<Shared>,
    pub(super) name: Name,
    pub(super) file: File,
}

impl Held {
    /// Takes a file, if nobody else has. What is gone is forgotten; what another process has is left to it until the next look.
    pub(super) fn lock(shared: &Arc<Shared>, name: Name) -> Option<Self> {
        let path = shared.directory.join(name.file());
        let file = OpenOptions::new().read(true).write(true).open(&path).and_then(|file| {
            FileExt::try_lock(&file)?;
            // Whoever had it before may have removed it since we opened it.
            fs::symlink_metadata(&path).map(|_| file)
        });
        match file {
            Ok(file) => Some(Held { shared: Arc::clone(shared), name, file }),
            Err(error) => {
                shared.index().files.remove(&name);
                if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) {
                    debug!("{} cannot be opened: {error}", path.display());
                }
                None
            }
        }
    }

    pub(super) fn read(&self) -> Result<Envelope, Unreadable> {
        let mut bytes = Vec::new();
        (&self.file).read_to_end(&mut bytes).map_err(|error| Unreadable::Broken(error.to_string()))?;
        if bytes.is_empty() {
            return Err(Unreadable::Settled);
        }
        let mut envelope =
            Envelope::from_slice(&bytes).map_err(|error| Unreadable::Broken(error.to_string()))?;
        let address = envelope.headers.other.remove(SPOOLED_FOR);
        if address.as_ref().and_then(|address| address.as_str()) != Some(&self.shared.address) {
            return Err(Unreadable::Strange);
        }
        Ok(envelope)
    }

    /// It cannot be sent by this spool.
    pub(super) fn give_up(self, problem: Unreadable, losses: &Losses) {
        match problem {
            Unreadable::Settled => self.remove(),
            Unreadable::Strange => {
                debug!("{} does not say that it is for our DSN: it is left alone", self.name.file());
                self.shared.index().files.remove(&self.name);
            }
            Unreadable::Broken(why) => {
                debug!("{} cannot be read, and is lost: {why}", self.name.file());
                losses.record(DiscardReason::InternalSdkError, self.name.category, 1);
                self.remove();
            }
        }
    }

    /// The bounds leave no room for it.
    pub(super) fn discard(self, losses: &Losses) {
        match self.read_any() {
            Some(envelope) => {
                for item in &envelope.items {
                    losses.record_all(DiscardReason::CacheOverflow, &item.losses());
                }
            }
            None => losses.record(DiscardReason::CacheOverflow, self.name.category, 1),
        }
        self.remove();
    }

    /// Whomever it is for.
    fn read_any(&self) -> Option<Envelope> {
        let mut bytes = Vec::new();
        (&self.file).read_to_end(&mut bytes).ok()?;
        Envelope::from_slice(&bytes).ok()
    }

    /// Takes it off the disk. What cannot be removed is emptied: it must not be sent again.
    fn remove(self) {
        self.shared.index().files.remove(&self.name);
        let path = self.shared.directory.join(self.name.file());
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        if let Err(error) = fs::remove_file(&path)
            && !gone(&error)
        {
            let emptied = self.file.set_len(0);
            debug!("{} cannot be removed: {error}; emptied: {}", path.display(), emptied.is_ok());
        }
    }
}

/// Why a file cannot be sent.
pub(super) enum Unreadable {
    /// It was sent, and could only be emptied.
    Settled,
    /// It is for another server.
    Strange,
    Broken(String),
}

impl Claim for Held {
    fn settle(self: Box<Self>) {
        self.remove();
    }
}

/// Unsent: it is for the next, after those that were not tried yet. The lock goes with the file.
impl Drop for Held {
    fn drop(&mut self) {
        if let Some(entry) = self.shared.index().files.get_mut(&self.name) {
            (entry.claimed, entry.returned) = (false, entry.returned.saturating_add(1));
        }
    }
}
