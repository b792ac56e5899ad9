//! `error_stack::Report`: frames upon frames, of which those that are contexts are errors. The others are attachments, and are not read.

use std::backtrace::Backtrace;
use std::error::Error;

use ::error_stack::{Frame, FrameKind, Report};

use super::view::{AsError, Causes, Printout, Text, View, kind};

impl<C: Error + Send + Sync + 'static> AsError<kind::Report> for Report<C> {
    fn view(&self) -> View<'_> {
        let mut views = self.frames().next().map(context).into_iter().flatten();
        let causes = views.next().map_or(Causes::Below(Vec::new()), |first| first.causes);
        View {
            causes,
            backtrace: self.downcast_ref::<Backtrace>().map(Printout::Of),
            ..View::typed(self.current_context())
        }
    }
}

/// The contexts that are nearest to a frame: its own, or those below it.
fn context(frame: &Frame) -> Vec<View<'_>> {
    let below = || frame.sources().iter().flat_map(context).collect::<Vec<_>>();
    let FrameKind::Context(context) = frame.kind() else { return below() };
    let text = match frame.downcast_ref::<std::io::Error>() {
        Some(error) => Text::Error(error),
        None => Text::Printed(context, context),
    };
    vec![View { text, type_name: None, causes: Causes::Below(below()), backtrace: None }]
}
