//! What is known of the callsites that spans were made by: described once, as long as they say the same each time.

use std::borrow::Cow;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use watchpost_protocol::TransactionSource;

use crate::finished::FinishedSpan;
use crate::likeness::Likeness;
use crate::origin::{self, Callsite, Origin};
use crate::record::Made;
use crate::scrub::Rules;
use crate::thread::ThreadInfo;

/// So many are remembered: far more than a program has, unless it makes them at run time.
const MAX_CALLSITES: usize = 10_000;

/// Says what spans are. A client has one, and asks it on its worker.
#[derive(Default)]
pub(crate) struct Callsites {
    /// Sorted by where they stand. `None`: its spans are not alike.
    known: Mutex<Vec<(Key, Option<Arc<Likeness>>)>>,
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
            match self.is_open(thread) {
                true => span.thread = Some(thread),
                false => thread.write_to(&mut span.data),
            }
        }
        if let (Origin::Layer(callsite), None) = (origin, set)
            && let Some(likeness) = self.callsites.likeness(callsite, self.rules)
            && likeness.is_of(&span.data)
        {
            let source = likeness.source;
            span.resemble(likeness);
            return source;
        }
        origin::describe(span, origin, set)
    }

    /// Whether there is nothing to take out of what a thread is called.
    fn is_open(&mut self, thread: &'b ThreadInfo) -> bool {
        match self.thread {
            Some((known, open)) if ptr::eq(known, thread) => open,
            _ => {
                let mut span = FinishedSpan::default();
                thread.write_to(&mut span.data);
                let open = self.rules.is_none_or(|rules| is_open(&span, rules));
                self.thread = Some((thread, open));
                open
            }
        }
    }
}

fn is_open(span: &FinishedSpan<'_>, rules: &Rules) -> bool {
    let mut taken_out = None;
    rules.scrub(&mut span.clone(), &mut taken_out);
    taken_out.is_none()
}

impl Callsites {
    /// `rules` are the same each time, as the client's are.
    pub(crate) fn describer<'p, 'b>(&'p self, rules: Option<&'p Rules>) -> Describer<'p, 'b> {
        Describer { callsites: self, rules, thread: None }
    }

    fn likeness(&self, callsite: &Callsite, rules: Option<&Rules>) -> Option<Arc<Likeness>> {
        let key = (ptr::from_ref(callsite.data).addr(), ptr::from_ref(callsite.reader).addr());
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(at) = known.binary_search_by_key(&key, |(key, _)| *key) {
                return known.get(at).and_then(|(_, likeness)| likeness.clone());
            }
            if known.len() == MAX_CALLSITES {
                return None;
            }
        }
        let likeness = take(callsite, rules).map(Arc::new); // asks a layer: under no lock
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(at) = known.binary_search_by_key(&key, |(key, _)| *key) {
            known.insert(at, (key, likeness.clone()));
        }
        likeness
    }
}

/// What a span without attributes says. `None` if its like do not always say so, or if something has to be taken out of it.
fn take(callsite: &Callsite, rules: Option<&Rules>) -> Option<Likeness> {
    let is_telling = (callsite.reader.telling)(callsite.data)?;
    let mut span = FinishedSpan::default();
    let source = (callsite.reader.describe)(callsite.data, &mut span);
    if rules.is_some_and(|rules| !is_open(&span, rules)) {
        return None;
    }
    let FinishedSpan { op, description, origin, status: None, data, .. } = span else { return None };
    Some(Likeness::new([constant(op)?, constant(description)?, origin], source, data, is_telling))
}

/// A text that the program is made with; `None` for one that was made at run time.
fn constant(text: Option<Cow<'static, str>>) -> Option<Option<&'static str>> {
    match text {
        None => Some(None),
        Some(Cow::Borrowed(text)) => Some(Some(text)),
        Some(Cow::Owned(_)) => None,
    }
}
