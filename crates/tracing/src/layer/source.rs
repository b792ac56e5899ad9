//! The answer to core's question: which tracing span is current, and what does it carry?

use tracing_core::span::Id;
use tracing_core::{Dispatch, dispatcher};
use tracing_subscriber::registry::LookupSpan;
use watchpost_core::Scopes;
use watchpost_core::layer::{InTrace, SpanKey, SpanSource};

use super::CaptureLayer;
use crate::nodes::Told;
use crate::place::Place;

/// How a layer reaches the registry below it from the outside: a function made where the registry's type was known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup(fn(&CaptureLayer, &Dispatch, &Id) -> Option<Place>);

impl Lookup {
    pub(crate) fn of<S>() -> Self
    where
        S: tracing_core::Subscriber + for<'a> LookupSpan<'a>,
    {
        Lookup(find_in::<S>)
    }
}

fn find_in<S>(layer: &CaptureLayer, dispatch: &Dispatch, id: &Id) -> Option<Place>
where
    S: tracing_core::Subscriber + for<'a> LookupSpan<'a>,
{
    layer.nodes().find(layer.key(id), Told::Maybe, || dispatch.downcast_ref::<S>()?.span(id))
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
        Dispatcher::ask(|dispatch, layer, id| Some((layer.lookup()?.0)(layer, dispatch, id)?.to_scopes()))
    }

    fn with_current(&self, look: &mut dyn FnMut(&Scopes, Option<InTrace<'_>>)) {
        Dispatcher::ask(|dispatch, layer, id| {
            let Place { node, mark } = (layer.lookup()?.0)(layer, dispatch, id)?;
            look(&node.scopes, node.trace.as_deref().map(|trace| (trace, mark.slot)));
            Some(())
        });
    }

    fn own_current(&self) -> Option<Scopes> {
        Dispatcher::ask(|dispatch, layer, id| {
            let place = (layer.lookup()?.0)(layer, dispatch, id)?;
            Some(layer.nodes().own_current(layer.key(id), place).to_scopes())
        })
    }
}
