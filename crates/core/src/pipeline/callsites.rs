//! What is known of the callsites that spans were made by: described once, as long as they say the same each time.

use std::borrow::Cow;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use watchpost_protocol::{Meta, TransactionSource};

use crate::finished::FinishedSpan;
use crate::known::{Known, Likeness};
use crate::origin::{self, Callsite, Origin};
use crate::record::Made;
use crate::scrub::Rules;
use crate::thread::ThreadInfo;

/// So many are remembered: far more than a program has, unless it makes them at run time.
const MAX_CALLSITES: usize = 10_000;

/// Says what spans are. A client has one, and asks it on its worker.
#[derive(Default)]
pub(crate) struct Callsites {
    /// Sorted by where they stand. `None`: something has to be taken out of what it says.
    known: Mutex<Vec<(Key, Option<Arc<Known>>)>>,
}

/// Where the data of a callsite stands, and who reads it: both stay there as long as the program runs.
type Key = (usize, usize);

/// Describes the spans of one transaction.
pub(crate) struct Describer<'p, 'b> {
    callsites: &'p Callsites,
    rules: Option<&'p Rules>,
    /// The thread that was looked at last, and whether spans may say it as it is.
    thread: Option<(&'b ThreadInfo, bool)>,
}

impl<'b> Describer<'_, 'b> {
    /// Says what a span is that has its attributes already. A layer says what the description is, too.
    pub(crate) fn describe(
        &mut self,
        span: &mut FinishedSpan<'b>,
        made: Made<'b>,
    ) -> Option<TransactionSource> {
        let Made { origin, set, thread } = made;
        if let Some(thread) = thread {
            match self.is_open_thread(thread) {
                true => span.thread = Some(thread),
                false => thread.write_to(&mut span.data),
            }
        }
        let Origin::Layer(callsite) = origin else { return origin::describe(span, origin, set) };
        let known = self.callsites.known(callsite, self.rules);
        if let (Some(likeness), None) = (known.as_ref().and_then(|known| known.likeness.as_ref()), set)
            && likeness.is_of(&span.data)
        {
            (span.op, span.description) =
                (likeness.op.map(Cow::Borrowed), likeness.description.map(Cow::Borrowed));
            (span.origin, span.is_like_others) = (likeness.origin, true);
            let source = likeness.source;
            span.known = known;
            return source;
        }
        let source = origin::describe(span, origin, set);
        match known {
            Some(known) => span.known = Some(known),
            None => (callsite.reader.site)(callsite.data).write_to(&mut span.data),
        }
        source
    }

    /// Whether there is nothing to take out of what a thread is called.
    fn is_open_thread(&mut self, thread: &'b ThreadInfo) -> bool {
        match self.thread {
            Some((known, open)) if ptr::eq(known, thread) => open,
            _ => {
                let mut span = FinishedSpan::default();
                thread.write_to(&mut span.data);
                let open = is_open(&span, self.rules);
                self.thread = Some((thread, open));
                open
            }
        }
    }
}

/// Whether there is nothing to take out of a span.
fn is_open(span: &FinishedSpan<'_>, rules: Option<&Rules>) -> bool {
    let mut taken_out = Meta::default();
    if let Some(rules) = rules {
        rules.scrub(&mut span.clone(), &mut taken_out);
    }
    taken_out.is_empty()
}

impl Callsites {
    /// `rules` are the same each time, as the client's are.
    pub(crate) fn describer<'p, 'b>(&'p self, rules: Option<&'p Rules>) -> Describer<'p, 'b> {
        Describer { callsites: self, rules, thread: None }
    }

    fn known(&self, callsite: &Callsite, rules: Option<&Rules>) -> Option<Arc<Known>> {
        let key = (ptr::from_ref(callsite.data).addr(), ptr::from_ref(callsite.reader).addr());
        {
            let all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(at) = all.binary_search_by_key(&key, |(key, _)| *key) {
                return all.get(at).and_then(|(_, known)| known.clone());
            }
            if all.len() >= MAX_CALLSITES {
                return None;
            }
        }
        let known = find_out(callsite, rules).map(Arc::new); // asks a layer: under no lock
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(at) = all.binary_search_by_key(&key, |(key, _)| *key) {
            all.insert(at, (key, known.clone()));
        }
        known
    }
}

/// What a callsite always says. `None` if something has to be taken out of it.
fn find_out(callsite: &Callsite, rules: Option<&Rules>) -> Option<Known> {
    let mut span = FinishedSpan::default();
    (callsite.reader.site)(callsite.data).write_to(&mut span.data);
    if !is_open(&span, rules) {
        return None;
    }
    let place = span.data;
    let likeness = (callsite.reader.telling)(callsite.data).and_then(|is_telling| {
        let mut span = FinishedSpan::default();
        let source = (callsite.reader.describe)(callsite.data, &mut span);
        let says_more = span.status.is_some() || !span.data.is_empty() || !span.links.is_empty();
        let texts = [constant(&span.op)?, constant(&span.description)?, span.origin];
        (!says_more && is_open(&span, rules)).then(|| Likeness::new(texts, source, is_telling))
    });
    Some(Known::new(place, likeness))
}

/// A text that the program is made with; `None` for one that was made at run time.
fn constant(text: &Option<Cow<'static, str>>) -> Option<Option<&'static str>> {
    match text {
        None => Some(None),
        Some(Cow::Borrowed(text)) => Some(Some(text)),
        Some(Cow::Owned(_)) => None,
    }
}
