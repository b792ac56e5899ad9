//! How much memory a job holds while it waits: an estimate on the safe side, made of numbers that are there.
//!
//! What is shared with others (scopes, breadcrumbs) counts in full with each that holds it: whoever lets go last frees it.

use std::sync::Arc;

use watchpost_protocol::{Event, Exception, Value};

use super::{EventJob, Job, TransactionJob};
use crate::merge::Layers;
use crate::scope::ScopeData;

/// What an allocation costs besides its bytes, about.
const ALLOCATION: usize = 16;

pub(super) fn of(job: &Job) -> usize {
    match job {
        Job::Event(job) => event(job),
        Job::Transaction(job) => transaction(job),
    }
}

fn event(job: &EventJob) -> usize {
    let EventJob { event, layers, stack, .. } = job;
    let Layers { global, isolation, current } = layers;
    let trails = [global, isolation, current].map(|layer| layer.trail.weight()).iter().sum::<usize>();
    size_of::<EventJob>()
        + own(event)
        + scopes([&current.data, &isolation.data, &global.data])
        + trails
        + stack.as_ref().map_or(0, |stack| size_of_val(&*stack.0))
}

/// What the program put into the event itself.
fn own(event: &Event) -> usize {
    let message = event.logentry.as_ref().map_or(0, |entry| text(&entry.formatted) + text(&entry.message));
    let values = event.extra.values().chain(event.contexts.other.values()).chain(event.other.values());
    let keyed = event.tags.iter().map(|(key, value)| 2 * ALLOCATION + key.len() + value.len());
    message
        + event.exception.iter().map(exception).sum::<usize>()
        + event.breadcrumbs.len() * size_of::<watchpost_protocol::Breadcrumb>()
        + values.map(value).sum::<usize>()
        + keyed.sum::<usize>()
}

fn exception(exception: &Exception) -> usize {
    let frames = exception.stacktrace.as_ref().map_or(0, |stack| stack.frames.len());
    size_of::<Exception>()
        + text(&exception.ty)
        + text(&exception.value)
        + text(&exception.module)
        + frames * size_of::<watchpost_protocol::Frame>()
}

fn text(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, |text| ALLOCATION + text.capacity())
}

fn value(json: &Value) -> usize {
    let node = size_of::<Value>() + 2 * ALLOCATION;
    match json {
        Value::String(text) => node + text.capacity(),
        Value::Array(items) => node + items.iter().map(value).sum::<usize>(),
        Value::Object(fields) => {
            node + fields
                .iter()
                .map(|(key, item)| 2 * ALLOCATION + key.capacity() + value(item))
                .sum::<usize>()
        }
        _ => node,
    }
}

fn transaction(job: &TransactionJob) -> usize {
    let [current, isolation, global] = &job.layers;
    let sampling_context = if job.propagation.incoming.is_some() { 1024 } else { 256 };
    job.name.len() + job.buffer.weight() + sampling_context + scopes([current, isolation, global])
}

/// What the scopes hold. The process's own is there anyway, and so is what is the same in two of them.
fn scopes([current, isolation, global]: [&Arc<ScopeData>; 3]) -> usize {
    let beside = |data: &Arc<ScopeData>, wider: &Arc<ScopeData>| {
        if Arc::ptr_eq(data, wider) { 0 } else { data.weight() }
    };
    beside(current, isolation) + beside(isolation, global)
}
