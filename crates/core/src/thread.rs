//! What a thread is called, asked once per thread.

use std::fmt::Write;
use std::sync::Arc;

use watchpost_protocol::{Map, Value};

/// A thread of the program, as it is named in attributes (`protocol.md` §6.8).
#[derive(Debug)]
pub(crate) struct ThreadInfo {
    id: String,
    name: Option<String>,
}

thread_local! {
    static HERE: Arc<ThreadInfo> = Arc::new(ThreadInfo::ask());
}

impl ThreadInfo {
    /// Shows the thread that runs this. `None` while the thread is being torn down.
    pub(crate) fn with_current<T>(look: impl FnOnce(&Arc<ThreadInfo>) -> T) -> Option<T> {
        HERE.try_with(look).ok()
    }

    fn ask() -> Self {
        let thread = std::thread::current();
        let mut id = String::new();
        // `ThreadId` shows its number in its `Debug` text alone, as `ThreadId(17)`.
        let _ = write!(id, "{:?}", thread.id());
        id.retain(|char| char.is_ascii_digit());
        ThreadInfo { id, name: thread.name().map(str::to_owned) }
    }

    /// Writes `thread.id` and `thread.name` into attributes.
    pub(crate) fn write_to(&self, data: &mut Map<String, Value>) {
        data.insert("thread.id".into(), self.id.clone().into());
        if let Some(name) = &self.name {
            data.insert("thread.name".into(), name.clone().into());
        }
    }
}
