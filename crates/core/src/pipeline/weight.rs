//! How much memory a job holds while it waits: made of numbers that are there, and of what the program itself put into an event.
//!
//! What is shared with others (scopes, breadcrumbs) counts in full with each that holds it: whoever lets go last frees it. The bytes of
//! attachments, which may be as large as all that the queue has room for, count with one of those that wait.

use watchpost_protocol::{Breadcrumb, Event, Exception, Frame, Value};

use super::{EventJob, TransactionJob};
use crate::attachment::{Attachment, Counted};
use crate::heap;
use crate::merge::{self, Layers};
use crate::propagation_context::PropagationContext;

/// Of an event, and of which attachments the bytes are in it: for as long as that is kept.
pub(super) fn event(job: &EventJob) -> (usize, Counted) {
    let EventJob { event, layers, stack, printed_stack, fields, attachments, .. } = job;
    let Layers { global, isolation, current } = layers;
    let trails = [global, isolation, current].map(|layer| layer.trail.weight()).iter().sum::<usize>();
    let mut counted = Counted::default();
    let scopes = [&global.data, &isolation.data, &current.data];
    let files = scopes.into_iter().flat_map(|data| &data.attachments).chain(attachments);
    let bytes = files.map(|file| file.weight(&mut counted)).sum::<usize>();
    let weight = size_of::<EventJob>()
        + own(event)
        + merge::weight([&current.data, &isolation.data, &global.data])
        + trails
        + stack.as_ref().map_or(0, |stack| size_of_val(&*stack.addresses))
        + printed_stack.as_ref().map_or(0, String::len)
        + fields.weight()
        + attachments.len() * size_of::<Attachment>()
        + bytes;
    (weight, counted)
}

/// What the program put into the event itself.
fn own(event: &Event) -> usize {
    let message = event.logentry.iter().flat_map(|entry| [&entry.formatted, &entry.message]);
    let tags = event.tags.iter().map(|(key, value)| heap::text(key) + heap::text(value));
    let named = event
        .extra
        .iter()
        .chain(&event.contexts.other)
        .map(|(key, value)| heap::text(key) + heap::json(value));
    heap::tree(event.tags.len(), size_of::<(String, String)>())
        + heap::tree(event.extra.len() + event.contexts.other.len(), size_of::<(String, Value)>())
        + heap::map(&event.other)
        + message.flatten().map(|text| heap::text(text)).sum::<usize>()
        + tags.sum::<usize>()
        + named.sum::<usize>()
        + event.exception.iter().map(exception).sum::<usize>()
        + event
            .breadcrumbs
            .iter()
            .map(|crumb| size_of::<Breadcrumb>() + heap::map(&crumb.data))
            .sum::<usize>()
}

fn exception(exception: &Exception) -> usize {
    let texts = [&exception.ty, &exception.value, &exception.module];
    let frames = exception.stacktrace.as_ref().map_or(0, |stack| stack.frames.len());
    size_of::<Exception>()
        + texts.into_iter().flatten().map(|text| heap::text(text)).sum::<usize>()
        + frames * size_of::<Frame>()
}

pub(super) fn transaction(job: &TransactionJob) -> usize {
    let [current, isolation, global] = &job.layers;
    let sampling_context = if job.propagation.frozen.get().is_some() { 1024 } else { 0 };
    let propagation = size_of::<PropagationContext>() + heap::ALLOCATION + sampling_context;
    job.name.weight() + job.buffer.weight() + propagation + merge::weight([current, isolation, global])
}
