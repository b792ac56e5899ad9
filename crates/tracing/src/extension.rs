//! What a span of the registry carries: only those that need to.
//!
//! A span that begins in other scopes than its parent's (a root always does) carries its scopes; a span that is recorded carries its record. An
//! unsampled child carries nothing: who asks for it finds its nearest ancestor that does.

use std::sync::Arc;

use tracing_subscriber::registry::{LookupSpan, SpanRef as RegistrySpan};
use watchpost_core::Scopes;
use watchpost_core::layer::SpanRef;

/// The extension in the registry.
pub(crate) struct Carried {
    /// Set where the scopes begin.
    pub(crate) scopes: Option<Arc<Scopes>>,
    /// The record of this span, or of what stands for it; `None` while tracing is off.
    pub(crate) span: Option<SpanRef>,
}

/// What was found on the way from a span to its root.
pub(crate) struct Found {
    pub(crate) scopes: Arc<Scopes>,
    pub(crate) span: Option<SpanRef>,
    /// Whether the scopes began at the very span that was asked.
    pub(crate) own: bool,
}

impl Found {
    /// The scopes with the span as the open one.
    pub(crate) fn into_scopes(self) -> Scopes {
        self.scopes.with_span_ref(self.span)
    }
}

/// Walks from a span towards its root until the scopes are found.
pub(crate) fn find<'a, R: LookupSpan<'a>>(span: RegistrySpan<'a, R>) -> Option<Found> {
    let mut record: Option<Option<SpanRef>> = None;
    for (distance, span) in span.scope().enumerate() {
        let extensions = span.extensions();
        let Some(carried) = extensions.get::<Carried>() else { continue };
        let nearest = record.get_or_insert_with(|| carried.span.clone());
        if let Some(scopes) = &carried.scopes {
            return Some(Found { scopes: Arc::clone(scopes), span: nearest.take(), own: distance == 0 });
        }
    }
    None
}
