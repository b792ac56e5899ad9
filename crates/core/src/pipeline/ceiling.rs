//! The size that an event or a transaction may have (`protocol.md` §2.6): what is too big is cut in a fixed order, the least missed first.

use std::collections::BTreeMap;

use serde_json::json;
use watchpost_protocol::{Event, Frame, Item, Meta, Remark, Request, Stacktrace, Value, truncate};

/// How many frames of a stack stay at each end.
const FRAMES: usize = 25;
/// How much of a text stays.
const TEXT: usize = 8_192;

/// One thing less. Says whether there was anything to take, and what it is called.
pub(super) type Cut<T> = (&'static str, fn(&mut T) -> bool);

/// In this order, each again while it finds something.
const CUTS: [Cut<Event>; 7] = [
    ("breadcrumbs", older_breadcrumbs),
    (BODY, |event| body(&mut of_event(event))),
    ("source and variables of frames", around_frames),
    (EXTRA, |event| extra(&mut of_event(event))),
    (CONTEXTS, |event| contexts(&mut of_event(event))),
    ("the middle of stacks", frames),
    ("the ends of texts", texts),
];

pub(super) const BODY: &str = "the body of the request";
pub(super) const EXTRA: &str = "extra";
pub(super) const CONTEXTS: &str = "contexts";

/// The item of an event, cut until it fits into `limit` bytes, or nothing is left to cut: then the server decides.
pub(super) fn item(event: &mut Event, limit: usize) -> Result<Item, serde_json::Error> {
    fit("an event", event, limit, &CUTS, |event| Item::event(event))
}

/// The item that `write` makes of something, cut as far as it has to be.
pub(super) fn fit<T>(
    what: &str,
    big: &mut T,
    limit: usize,
    all: &[Cut<T>],
    mut write: impl FnMut(&mut T) -> Result<Item, serde_json::Error>,
) -> Result<Item, serde_json::Error> {
    let mut item = write(big)?;
    let (size, mut cuts) = (item.payload.len(), Vec::new());
    for (name, cut) in all {
        while item.payload.len() > limit && cut(big) {
            cuts.push(*name);
            item = write(big)?;
        }
    }
    if !cuts.is_empty() {
        cuts.dedup();
        let now = item.payload.len();
        crate::debug!("{what} of {size} bytes was cut to {now}: it has lost {}", cuts.join(", "));
    }
    Ok(item)
}

/// What events and transactions have in common, and can do without.
pub(super) struct Common<'a> {
    pub(super) request: &'a mut Option<Request>,
    pub(super) extra: &'a mut BTreeMap<String, Value>,
    pub(super) contexts: &'a mut BTreeMap<String, Value>,
    pub(super) meta: &'a mut Meta,
}

fn of_event(event: &mut Event) -> Common<'_> {
    let Event { request, extra, contexts, meta, .. } = event;
    Common { request, extra, contexts: &mut contexts.other, meta }
}

fn older_breadcrumbs(event: &mut Event) -> bool {
    let count = event.breadcrumbs.len();
    if count == 0 {
        return false;
    }
    event.breadcrumbs.drain(..count.div_ceil(2));
    // Annotations of single breadcrumbs would now be of others.
    let meta = event.meta.below("breadcrumbs");
    let length = meta.said.len.unwrap_or(count as u64);
    meta.clear();
    meta.said.len = Some(length);
    true
}

pub(super) fn body(of: &mut Common<'_>) -> bool {
    let body = of.request.as_mut().and_then(|request| request.data.as_mut());
    let Some(body) = body.filter(|body| **body != json!("")) else { return false };
    *body = json!("");
    of.meta.at(["request", "data"]).said.rem.push(Remark::CUT);
    true
}

fn around_frames(event: &mut Event) -> bool {
    let mut found = false;
    for frame in stacks(event).flat_map(|stack| &mut stack.frames) {
        let Frame { vars, pre_context, context_line, post_context, .. } = frame;
        found |= !vars.is_empty() || context_line.is_some();
        vars.clear();
        pre_context.clear();
        post_context.clear();
        *context_line = None;
    }
    found
}

pub(super) fn extra(of: &mut Common<'_>) -> bool {
    emptied(of.extra, "extra", of.meta)
}

pub(super) fn contexts(of: &mut Common<'_>) -> bool {
    emptied(of.contexts, "contexts", of.meta)
}

fn emptied(map: &mut BTreeMap<String, Value>, name: &str, meta: &mut Meta) -> bool {
    let length = map.len();
    if length > 0 {
        map.clear();
        meta.below(name).said.len = Some(length as u64);
    }
    length > 0
}

fn frames(event: &mut Event) -> bool {
    let mut found = false;
    for stack in stacks(event).filter(|stack| stack.frames.len() > 2 * FRAMES) {
        stack.frames.drain(FRAMES..stack.frames.len() - FRAMES);
        found = true;
    }
    found
}

fn texts(event: &mut Event) -> bool {
    let values = event.exception.iter_mut().filter_map(|exception| exception.value.as_mut());
    let entry = event.logentry.iter_mut().flat_map(|entry| [&mut entry.formatted, &mut entry.message]);
    let tags = event.tags.values_mut();
    let cut = values.chain(entry.flatten()).chain(tags).filter_map(|text| truncate(text, TEXT)).count();
    cut > 0
}

fn stacks(event: &mut Event) -> impl Iterator<Item = &mut Stacktrace> {
    let of_errors = event.exception.iter_mut().filter_map(|exception| exception.stacktrace.as_mut());
    of_errors.chain(event.threads.iter_mut().filter_map(|thread| thread.stacktrace.as_mut()))
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::{Breadcrumb, Exception};

    use super::*;

    fn large() -> Event {
        let text = || Value::String("x".repeat(40_000));
        let frame = || Frame {
            function: Some("shop::cart::total".into()),
            vars: [("v".to_owned(), text())].into_iter().collect(),
            ..Frame::default()
        };
        let stack = Stacktrace { frames: (0..100).map(|_| frame()).collect(), ..Stacktrace::default() };
        let mut event = Event {
            request: Some(Request { data: Some(text()), ..Request::default() }),
            exception: vec![Exception { stacktrace: Some(stack), ..Exception::default() }].into(),
            ..Event::default()
        };
        *event.breadcrumbs = (0..8)
            .map(|n| Breadcrumb {
                message: Some(n.to_string() + &"x".repeat(40_000)),
                ..Breadcrumb::default()
            })
            .collect();
        event.extra.insert("e".into(), text());
        event.contexts.other.insert("c".into(), json!({ "c": text() }));
        event
    }

    /// What is left of an event under a limit.
    fn left(limit: usize) -> (Vec<&'static str>, Event) {
        let mut event = large();
        let item = item(&mut event, limit).unwrap();
        assert!(item.payload.len() <= limit, "{} > {limit}", item.payload.len());
        let frames = &event.exception[0].stacktrace.as_ref().unwrap().frames;
        let parts = [
            ("breadcrumbs", !event.breadcrumbs.is_empty()),
            ("body", event.request.as_ref().unwrap().data != Some(json!(""))),
            ("vars", !frames[0].vars.is_empty()),
            ("extra", !event.extra.is_empty()),
            ("contexts", !event.contexts.other.is_empty()),
            ("frames", frames.len() == 100),
        ];
        (parts.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect(), event)
    }

    #[test]
    fn the_least_missed_goes_first() {
        let all = ["breadcrumbs", "body", "vars", "extra", "contexts", "frames"];
        for (limit, from) in [
            (5_000_000, 0),
            (4_290_000, 0),
            (4_140_000, 1),
            (4_100_000, 2),
            (100_000, 3),
            (60_000, 4),
            (5_000, 5),
            (3_000, 6),
        ] {
            assert_eq!(left(limit).0, all[from..], "{limit}");
        }
    }

    #[test]
    fn the_newest_breadcrumbs_stay_longest_and_meta_counts_all() {
        let (_, event) = left(4_290_000);
        let kept: Vec<_> = event.breadcrumbs.iter().map(|it| &it.message.as_deref().unwrap()[..1]).collect();
        assert_eq!(kept, ["4", "5", "6", "7"]);
        assert_eq!(json!(event.meta), json!({ "breadcrumbs": { "": { "len": 8 } } }));
    }

    #[test]
    fn what_cannot_be_cut_is_sent_as_it_is() {
        let mut event = Event { server_name: Some("x".repeat(5_000).into()), ..Event::default() };
        assert!(item(&mut event, 100).unwrap().payload.len() > 5_000);
    }
}
