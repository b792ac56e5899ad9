//! What a thread is called, asked once per thread.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use watchpost_protocol::json::{JsonWriter, Printed};

use crate::fields::FieldValue;
use crate::known::write_beside;
use crate::profiler::Profiler;
use crate::span_data::SpanData;

const ID: &str = "thread.id";
const NAME: &str = "thread.name";
const KEYS: u64 = SpanData::bits(&[ID, NAME]);

/// A thread of the program, as it is named in attributes (`protocol.md` §6.8).
#[derive(Debug)]
pub(crate) struct ThreadInfo {
    id: String,
    name: Option<String>,
    printed: OnceLock<Printed>,
}

/// Several threads, known by their position: those on which the spans of a trace were made. As a rule it is one.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    first: Option<Arc<ThreadInfo>>,
    others: Vec<Arc<ThreadInfo>>,
}

impl Threads {
    /// The position of the thread that runs this.
    pub(crate) fn here(&mut self) -> u16 {
        let at = ThreadInfo::with_current(|here| {
            let first = self.first.get_or_insert_with(|| Arc::clone(here));
            if Arc::ptr_eq(first, here) {
                return 0;
            }
            let known = self.others.iter().rposition(|other| Arc::ptr_eq(other, here));
            1 + known.unwrap_or_else(|| {
                self.others.push(Arc::clone(here));
                self.others.len() - 1
            })
        });
        // There are no more than spans, of which a trace has a thousand; and a thread that is being torn down is none of them.
        at.and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX)
    }

    pub(crate) fn get(&self, at: u16) -> Option<&ThreadInfo> {
        match usize::from(at).checked_sub(1) {
            None => self.first.as_deref(),
            Some(other) => self.others.get(other).map(|info| &**info),
        }
    }
}

/// Who knows the threads by the numbers that samples of their stacks have.
static NAMER: OnceLock<Arc<dyn Profiler>> = OnceLock::new();

/// From here on threads have the numbers that a profiler knows them by. One that was asked before keeps the one it has; a program begins with `init`.
pub(crate) fn name_by(profiler: &Arc<dyn Profiler>) {
    NAMER.get_or_init(|| Arc::clone(profiler));
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
        let name = thread.name().map(str::to_owned);
        if let Some(id) = NAMER.get().and_then(|profiler| profiler.thread_id()) {
            return ThreadInfo { id: id.to_string(), name, printed: OnceLock::new() };
        }
        let mut id = String::new();
        // `ThreadId` shows its number in its `Debug` text alone, as `ThreadId(17)`.
        let _ = write!(id, "{:?}", thread.id());
        id.retain(|char| char.is_ascii_digit());
        ThreadInfo { id, name, printed: OnceLock::new() }
    }

    /// Writes `thread.id` and `thread.name` into attributes; what is there already stays.
    pub(crate) fn write_to<'a>(&'a self, data: &mut SpanData<'a>) {
        for (key, value) in self.attributes() {
            data.insert_new(key, value);
        }
    }

    /// Writes them as members of an object that has those of `data` already.
    pub(crate) fn write_beside(&self, data: &SpanData<'_>, json: &mut JsonWriter<'_>) {
        let print =
            || Printed::new(|json| self.attributes().for_each(|(key, text)| text.write_member(key, json)));
        write_beside(data, (KEYS, self.attributes()), json, || self.printed.get_or_init(print));
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'static str, FieldValue<'_>)> {
        let texts = [(ID, Some(&*self.id)), (NAME, self.name.as_deref())];
        texts.into_iter().filter_map(|(key, text)| Some((key, text?.into())))
    }
}
