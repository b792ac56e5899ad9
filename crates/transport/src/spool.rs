//! The disk spool: a directory with a file for each envelope that waits.
//!
//! ```text
//!   keep:  …envelope.part ── locked, written ──▶ rename ──▶ …envelope ── unlocked ──▶ anybody's
//!   next:  …envelope ── locked ──▶ read ──▶ sent ──▶ removed
//! ```
//!
//! A file belongs to whoever has locked it. The system releases a lock when its process ends, however it ends: so nothing is stuck, and nothing
//! is lost that was renamed. (A file system that knows no locks cannot hold a spool.) What a dead process was writing is removed by a later one, after a while.
//!
//! What is on the disk survives the end of the process. To survive a power cut it would have to be synced, which takes milliseconds: that is
//! done for what may take the program down, and not for the rest.

mod held;
mod index;
mod name;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fs4::FileExt;
use watchpost_core::spool::{Claim, Rank, Refused, Room, Spool, SpoolOptions};
use watchpost_core::{Losses, debug};
use watchpost_protocol::{Category, Dsn, Envelope};

use self::held::Held;
use self::index::{Entry, Index};
use self::name::Name;

/// The header of a kept envelope that says which server and project it is for. It is not sent.
const SPOOLED_FOR: &str = "spooled_for";

/// How long what was found in the directory is believed: other processes write there, too.
const BELIEVED: Duration = Duration::from_secs(60);

/// What was not written to its end in this time never will be.
const ABANDONED: Duration = Duration::from_secs(60);

/// Importance that is worth syncing the disk for.
const SYNCED_LEVEL: u8 = 0;

/// Keeps envelopes in a directory, within bounds; see [`SpoolOptions`].
///
/// Several spools, in one process or in many, may share the directory; no envelope is handed out twice at a time. What is there for
/// another server or project is left alone: it waits for a client of that one, and goes only when it is too old or there is no room. A DSN
/// whose key has changed is still the same project. Other files in the directory are not touched.
///
/// Making one touches nothing: the directory is made, readable by nobody else, when there is something to keep.
#[derive(Debug)]
pub struct FileSpool {
    shared: Arc<Shared>,
}

struct Shared {
    directory: PathBuf,
    max_bytes: u64,
    max_envelopes: usize,
    max_age: Duration,
    /// The server and project.
    address: String,
    server: u64,
    index: Mutex<Index>,
}

impl FileSpool {
    /// A spool for what goes to the project of `dsn`.
    #[must_use]
    pub fn new(options: &SpoolOptions, dsn: Option<&Dsn>) -> Self {
        let (max_bytes, max_envelopes, max_age) = options.bounds();
        let address = dsn.map(Dsn::envelope_url).unwrap_or_default();
        let shared = Shared {
            directory: options.directory().to_owned(),
            max_bytes,
            max_envelopes,
            max_age,
            server: name::hash(&address),
            address,
            index: Mutex::default(),
        };
        FileSpool { shared: Arc::new(shared) }
    }
}

impl Spool for FileSpool {
    fn keep(
        &self,
        envelope: &Envelope,
        rank: Rank,
        room: Room,
        losses: &Losses,
    ) -> Result<Box<dyn Claim>, Refused> {
        let shared = &self.shared;
        let bytes = shared.bytes(envelope).map_err(|error| Refused::Failed(error.to_string()))?;
        let name = shared.index().stamp(Name::new(rank, shared.server, SystemTime::now()));
        shared.make_room(&name, bytes.len() as u64, room, losses)?;
        let written = shared.write(&name, &bytes).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                shared.make_directory()?;
                shared.write(&name, &bytes)
            }
            _ => Err(error),
        });
        match written {
            Ok(file) => Ok(Box::new(Held { shared: Arc::clone(shared), name, file })),
            Err(error) => {
                shared.index().files.remove(&name);
                Err(Refused::Failed(format!("{}: {error}", shared.directory.display())))
            }
        }
    }

    fn next(&self, may_go: &dyn Fn(Category) -> bool, losses: &Losses) -> Option<(Envelope, Box<dyn Claim>)> {
        let shared = &self.shared;
        let mut looked = shared.look_if_due(losses);
        loop {
            let first = shared.index().take_first(shared.server, may_go);
            let Some(name) = first else {
                if std::mem::replace(&mut looked, true) {
                    return None;
                }
                shared.look(losses);
                continue;
            };
            let Some(held) = Held::lock(shared, name) else { continue };
            match held.read() {
                Ok(envelope) => return Some((envelope, Box::new(held))),
                Err(problem) => held.give_up(problem, losses),
            }
        }
    }
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The envelope as it lies in the file.
    fn bytes(&self, envelope: &Envelope) -> io::Result<Vec<u8>> {
        let mut marked = envelope.clone();
        marked.headers.other.insert(SPOOLED_FOR.into(), self.address.as_str().into());
        let mut bytes = Vec::with_capacity(envelope.size_hint());
        marked.write_unsent_to(&mut bytes)?;
        Ok(bytes)
    }

    /// Books so many bytes under this name, if there is room for them or can be made.
    fn make_room(
        self: &Arc<Self>,
        name: &Name,
        size: u64,
        room: Room,
        losses: &Losses,
    ) -> Result<(), Refused> {
        self.look_if_due(losses);
        if size > self.max_bytes {
            return Err(Refused::Full); // all else would go, and there would be no room for it
        }
        loop {
            let mut index = self.index();
            if index.fits(size, self) {
                index.files.insert(*name, Entry { size, claimed: true, returned: 0 });
                return Ok(());
            }
            let worst = if room == Room::Make { index.worst(name.level) } else { None };
            let Some(worst) = worst else { return Err(Refused::Full) };
            index.files.remove(&worst);
            drop(index);
            if let Some(held) = Held::lock(self, worst) {
                debug!("the spool is full: {} goes", worst.file());
                held.discard(losses);
            }
        }
    }

    /// Writes a file that is complete as soon as it has its name, and holds its lock.
    fn write(&self, name: &Name, bytes: &[u8]) -> io::Result<File> {
        let part = self.directory.join(name.part_file());
        let written = (|| {
            let mut file = owned(OpenOptions::new().write(true).create_new(true)).open(&part)?;
            FileExt::try_lock(&file)?;
            file.write_all(bytes)?;
            if name.level == SYNCED_LEVEL {
                file.sync_data()?;
            }
            fs::rename(&part, self.directory.join(name.file()))?;
            if name.level == SYNCED_LEVEL {
                let _ = File::open(&self.directory).and_then(|directory| directory.sync_all());
            }
            Ok(file)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }

    fn make_directory(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.directory)
    }

    /// Says whether it has looked.
    fn look_if_due(self: &Arc<Self>, losses: &Losses) -> bool {
        let due = self.index().read_at.is_none_or(|at| at.elapsed() > BELIEVED);
        if due {
            self.look(losses);
        }
        due
    }

    /// Reads the directory: what has come, what has gone, what is too old, what was never written to its end.
    fn look(self: &Arc<Self>, losses: &Losses) {
        let (now, mut found) = (SystemTime::now(), BTreeMap::new());
        let mut foreign = 0_usize;
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                debug!("the spool {} cannot be read: {error}", self.directory.display());
                None
            }
        };
        for file in entries.into_iter().flatten().flatten() {
            let text = file.file_name();
            let text = text.to_string_lossy();
            if let Some(name) = Name::parse(&text) {
                let size = file.metadata().map_or(0, |metadata| metadata.len());
                found.insert(name, Entry { size, ..Entry::default() });
            } else if let Some(part) = Name::parse_part(&text) {
                self.remove_abandoned(&part, now);
            } else {
                foreign += 1;
            }
        }
        if foreign > 0 {
            debug!(
                "{foreign} files in the spool {} are not ours, and are left alone",
                self.directory.display()
            );
        }
        let old = self.index().update(found, self, now);
        for name in old {
            if let Some(held) = Held::lock(self, name) {
                debug!("{} is too old to be sent", name.file());
                held.discard(losses);
            }
        }
    }

    /// A file that its process did not finish. One that is alive has locked it.
    fn remove_abandoned(&self, part: &Name, now: SystemTime) {
        let path = self.directory.join(part.part_file());
        let abandoned = part.age(now) >= ABANDONED
            && OpenOptions::new().write(true).open(&path).is_ok_and(|file| FileExt::try_lock(&file).is_ok());
        if abandoned && fs::remove_file(&path).is_ok() {
            debug!("removed {}, which was never written to its end", path.display());
        }
    }
}

/// For the owner alone: reports hold what the program knows of its users.
fn owned(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("directory", &self.directory).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
