//! How a program ends.

use watchpost_protocol::{Event, Level, Mechanism};

use super::capture::is_heard;
use crate::current::Scopes;
use crate::errors::{AsError, Draft, ErrorRecord, View, has_closed_pipe};
use crate::integration::RawStack;
use crate::layer;

/// Reports the error with which `main` ends, if there is one, and passes the result on: what is printed and the exit code stay what they are.
///
/// The error is not handled, and its level `fatal`. It has no stack but its own backtrace, if it carries one: it has left the functions that it
/// came from. One that was reported before, as by `#[instrument(err)]`, is not reported again; nor is one whose cause is a closed pipe
/// ([`BrokenPipe`](std::io::ErrorKind::BrokenPipe)), unless [`default_ignores`](crate::Options::default_ignores) is off: `shop | head` is no failure.
///
/// ```
/// # mod watchpost { pub use watchpost_core::{api::*, *}; }
/// # fn run() -> Result<(), std::io::Error> { Ok(()) }
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _guard = watchpost::init(watchpost::Options::new())?;
///     Ok(watchpost::report_main(run())?)
/// }
/// ```
///
/// By then whatever `run` has begun is over: the issue has none of the tags and breadcrumbs of a transaction inside of it, and not its trace. Put the transaction
/// around both: then the issue is in it, and it [ends as the result says](crate::SpanBuilder::run).
///
/// ```
/// # mod watchpost { pub use watchpost_core::{api::*, *}; }
/// # fn run() -> Result<(), std::io::Error> { Ok(()) }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let _guard = watchpost::init(watchpost::Options::new())?;
/// let import = watchpost::start_transaction("import").op("task");
/// import.run(|| watchpost::report_main(run()))?;
/// # Ok(())
/// # }
/// ```
///
/// In an `async` main: `import.run_async(async { report_main(run().await) }).await`.
pub fn report_main<T, K, E: AsError<K>>(result: Result<T, E>) -> Result<T, E> {
    if let Err(error) = &result
        && is_heard()
    {
        report(&error.view());
    }
    result
}

fn report(error: &View<'_>) {
    let scopes = Scopes::current();
    let no_stack = Some(RawStack::default());
    layer::capture_outgoing(&scopes, false, no_stack, || {
        let mechanism = Mechanism { ty: "main".into(), handled: Some(false), ..Mechanism::default() };
        let mut draft = Draft::of_error(
            ErrorRecord::of(error, mechanism),
            Event { level: Some(Level::Fatal), ..Event::default() },
        );
        draft.notes.no_failure |= error.error().is_some_and(has_closed_pipe);
        draft
    });
}
