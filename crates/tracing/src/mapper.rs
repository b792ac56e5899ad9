//! What becomes of a single event, by its values: what no rule about its callsite can know.

use std::fmt;

use tracing_core::{Event, Metadata};
use watchpost_core::layer::scratch;
use watchpost_core::{Fields, unharmed};

use crate::filter::EventFilter;
use crate::visit::SpanVisitor;

type Map = dyn Fn(&Metadata<'_>, &Fields, EventFilter) -> EventFilter + Send + Sync;

/// The program's last word about an event; see [`CaptureLayer::event_mapper`](crate::CaptureLayer::event_mapper).
pub(crate) struct Mapper(Box<Map>);

impl Mapper {
    pub(crate) fn new(
        map: impl Fn(&Metadata<'_>, &Fields, EventFilter) -> EventFilter + Send + Sync + 'static,
    ) -> Self {
        Mapper(Box::new(map))
    }

    /// What becomes of an event that the rules make `becomes` of: the same if the program panics.
    pub(crate) fn map(&self, event: &Event<'_>, becomes: EventFilter) -> EventFilter {
        let of_library = EventFilter::TELLS | EventFilter::SPAN; // not the program's affair
        let ruled = becomes.without(of_library);
        if ruled == EventFilter::IGNORE {
            return becomes;
        }
        // Muted: a mapper that logs would be asked about its own event, for ever.
        let answer = scratch::with(|fields| {
            event.record(&mut SpanVisitor(fields));
            unharmed(|| (self.0)(event.metadata(), fields, ruled))
        });
        match answer {
            Some(answer) => answer | becomes.only(of_library),
            None => {
                watchpost_core::debug!("the event mapper of the tracing layer panicked: the rules decide");
                becomes
            }
        }
    }
}

impl fmt::Debug for Mapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mapper").finish_non_exhaustive()
    }
}
