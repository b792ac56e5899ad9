//! What the transactions of requests have in common: written down once, and told on the worker.

use std::borrow::Cow;

use watchpost_core::layer::{
    Callsite, CallsiteData, FinishedSpan, LayerSpan, NO_KEY, Name, Reader, RootName, Site,
};
use watchpost_protocol::TransactionSource;

/// A kind of transaction.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The operation (`protocol.md` §6.6).
    pub(crate) op: &'static str,
    /// What starts it; also the mechanism of its issues.
    pub(crate) origin: &'static str,
}

impl Kind {
    /// A span of this kind, which nobody looks for.
    pub(crate) fn span(&'static self) -> LayerSpan {
        LayerSpan { callsite: Callsite { data: self, reader: &READER }, key: NO_KEY }
    }

    pub(crate) fn write_to(&self, span: &mut FinishedSpan<'_>) {
        span.op = Some(self.op.into());
        span.origin = Some(self.origin);
    }

    pub(crate) fn root(&self, (name, source): (Name, TransactionSource)) -> RootName {
        RootName { name, op: Some(Cow::Borrowed(self.op)), source }
    }
}

static READER: Reader = Reader { site, describe, telling: |_| Some(|_| false) };

/// Nowhere in the program.
pub(crate) fn site(_: CallsiteData) -> Site {
    Site::default()
}

fn describe(data: CallsiteData, span: &mut FinishedSpan<'_>) -> Option<TransactionSource> {
    if let Some(kind) = data.downcast_ref::<Kind>() {
        kind.write_to(span);
    }
    None // its name was known when it started, or was given since
}
