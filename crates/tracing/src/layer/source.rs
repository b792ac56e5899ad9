//! The answer to core's question: which tracing span is current, and what does it carry?

use std::sync::Arc;

use tracing_core::span::Id;
use tracing_core::{Dispatch, dispatcher};
use tracing_subscriber::registry::LookupSpan;
use watchpost_core::Scopes;
use watchpost_core::layer::{SpanKey, SpanSource, Trace};

use super::CaptureLayer;
use crate::place::{Node, Place};

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
    layer.nodes().find(layer.key(id), || dispatch.downcast_ref::<S>()?.span(id))
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

    fn with_current(&self, look: &mut dyn FnMut(&Scopes, Option<&Trace>)) {
        Dispatcher::ask(|dispatch, layer, id| {
            let Place { node, .. } = (layer.lookup()?.0)(layer, dispatch, id)?;
            look(&node.scopes, node.trace.as_deref());
            Some(())
        });
    }

    fn own_current(&self) -> Option<Scopes> {
        Dispatcher::ask(|dispatch, layer, id| {
            let place = (layer.lookup()?.0)(layer, dispatch, id)?;
            let Place { node, mark } = &place;
            if layer.nodes().is_own(id, node) && node.own_current {
                return Some(place.to_scopes());
            }
            let (scopes, trace) = (node.scopes.forked(), node.trace.clone());
            let late = Node { scopes, trace, own_current: true, left_out: node.left_out };
            let late = Place { node: Arc::new(late), mark: *mark };
            Some(layer.nodes().insert_late(layer.key(id), late).to_scopes())
        })
    }
}
