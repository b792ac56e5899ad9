//! The answer to core's question: which tracing span is current, and what does it carry?

use std::sync::Arc;

use tracing_core::span::Id;
use tracing_core::{Dispatch, dispatcher};
use tracing_subscriber::registry::LookupSpan;
use watchpost_core::Scopes;
use watchpost_core::layer::{SpanKey, SpanSource};

use crate::extension::{Carried, find};
use crate::layer::CaptureLayer;

/// How a layer reaches the registry below it from the outside: a function made where the registry's type was known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup {
    find: fn(&Dispatch, &Id) -> Option<Scopes>,
    own: fn(&Dispatch, &Id) -> Option<Scopes>,
}

impl Lookup {
    pub(crate) fn of<S>() -> Self
    where
        S: tracing_core::Subscriber + for<'a> LookupSpan<'a>,
    {
        Lookup { find: find_in::<S>, own: own_in::<S> }
    }
}

fn find_in<S>(dispatch: &Dispatch, id: &Id) -> Option<Scopes>
where
    S: tracing_core::Subscriber + for<'a> LookupSpan<'a>,
{
    let registry = dispatch.downcast_ref::<S>()?;
    find(registry.span(id)?).map(|found| found.into_scopes())
}

fn own_in<S>(dispatch: &Dispatch, id: &Id) -> Option<Scopes>
where
    S: tracing_core::Subscriber + for<'a> LookupSpan<'a>,
{
    let registry = dispatch.downcast_ref::<S>()?;
    let found = find(registry.span(id)?)?;
    if found.own {
        return Some(found.into_scopes());
    }
    let scopes = Arc::new(found.scopes.forked());
    let span = registry.span(id)?;
    let mut extensions = span.extensions_mut();
    match extensions.get_mut::<Carried>() {
        Some(carried) => carried.scopes = Some(Arc::clone(&scopes)),
        None => {
            extensions.replace(Carried { scopes: Some(Arc::clone(&scopes)), span: found.span.clone() });
        }
    }
    Some(scopes.with_span_ref(found.span))
}

/// The one source of the process; it finds the layer through the dispatcher of the thread, so several subscribers may have one each.
pub(crate) struct Dispatcher;

impl Dispatcher {
    fn ask<T>(answer: impl FnOnce(&Dispatch, &CaptureLayer, &Id) -> Option<T>) -> Option<T> {
        let mut answer = Some(answer);
        dispatcher::get_default(|dispatch| {
            let layer = dispatch.downcast_ref::<CaptureLayer>()?;
            let current = dispatch.current_span();
            answer.take()?(dispatch, layer, current.id()?)
        })
    }
}

impl SpanSource for Dispatcher {
    fn current_key(&self) -> Option<SpanKey> {
        Dispatcher::ask(|_, layer, id| Some(layer.key(id)))
    }

    fn current(&self) -> Option<Scopes> {
        Dispatcher::ask(|dispatch, layer, id| (layer.lookup()?.find)(dispatch, id))
    }

    fn own_current(&self) -> Option<Scopes> {
        Dispatcher::ask(|dispatch, layer, id| (layer.lookup()?.own)(dispatch, id))
    }
}
