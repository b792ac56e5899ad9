//! Panics: reported by a hook, then handed on to the hook that was there before.

use std::any::Any;
use std::panic::PanicHookInfo;
use std::sync::Once;
use std::thread;

use watchpost_core::layer::{Beyond, Entry};
use watchpost_core::{Integration, Scopes, api, layer, mute};
use watchpost_protocol::exception::ThreadId;
use watchpost_protocol::{Event, Exception, Level, Mechanism, Thread};

/// Reports panics; identifier `panic`.
///
/// Each panic is one event: level `fatal`, exception type `panic`, the message as its value, mechanism `panic` with `handled: false`
/// and the place in the source, the thread, and the stack up to the function that panicked. It goes to the client and has the scopes
/// that are current where the panic happens; a client without this integration is not told.
///
/// The report comes first, then the hook that was there before, always and once: what `std` or the program prints is printed. It
/// comes first because many a program's hook ends the process. Reporting is a push to the queue; the stack is looked up on
/// the worker. Where nothing will run afterwards, the hook waits until everything is sent, at most the client's shutdown timeout: in a
/// program built with `panic = "abort"`, and for panics that cannot unwind (the second one of a destructor, one that reaches C).
///
/// Not done: a panic on a muted thread (Watchpost's own, or one inside a callback that it called) is not reported. Payloads that are not
/// strings are reported by a fixed text; nothing of the program is asked to print them. A program that replaces the hook later
/// without calling the one before is not reported from then on. `std` ends the process at once if a hook panics, whoever
/// catches it: so nothing here can, and no callback of the program runs here.
///
/// ```
/// # mod watchpost { pub use watchpost_core::*; pub use watchpost_process as process; }
/// use watchpost::Options;
/// use watchpost::process::PanicIntegration;
///
/// let options = Options::new().integration(PanicIntegration);
/// # drop(options);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PanicIntegration;

const IDENTIFIER: &str = "panic";

impl Integration for PanicIntegration {
    fn identifier(&self) -> &'static str {
        IDENTIFIER
    }

    fn setup_once(&self) {
        install_panic_hook();
    }

    fn reads_spans(&self) -> bool {
        false
    }
}

/// Installs the hook of [`PanicIntegration`] and says whether this call did. There is one per process: later calls do nothing. Clients need the
/// integration all the same.
///
/// Nor does a call while this thread panics (`std` allows no change of hooks then); a later call may still install it.
pub fn install_panic_hook() -> bool {
    static INSTALLED: Once = Once::new();
    let mut installed = false;
    if !thread::panicking() {
        INSTALLED.call_once(|| {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                report(info);
                previous(info);
            }));
            installed = true;
        });
    }
    installed
}

/// Never inlined: the stack is cut by this name.
#[inline(never)]
fn report(info: &PanicHookInfo<'_>) {
    if !layer::any_active() || mute::is_muted() {
        return;
    }
    let (scopes, end) = (Scopes::current(), is_the_end(info));
    if scopes.client().is_some_and(|client| client.has_integration(IDENTIFIER)) {
        Entry::default().during(beyond(info), || layer::capture_unhandled(&scopes, end, || event(info)));
    }
    if end {
        api::flush(None); // also of what was captured before, should this one not be wanted
    }
}

fn event(info: &PanicHookInfo<'_>) -> Event {
    let thread = this_thread();
    let mut mechanism = Mechanism { ty: "panic".into(), handled: Some(false), ..Mechanism::default() };
    if let Some(location) = info.location() {
        mechanism.set_data("location", location.to_string().into());
    }
    let exception = Exception {
        ty: Some("panic".into()),
        value: Some(text(info.payload()).unwrap_or("a panic whose payload is not a string").into()),
        thread_id: thread.id.clone(),
        mechanism: Some(mechanism),
        ..Exception::default()
    };
    Event {
        level: Some(Level::Fatal),
        exception: vec![exception].into(),
        threads: vec![thread].into(),
        ..Event::default()
    }
}

/// Where the stack begins: not at the hook, but where the program panicked. The machinery of `std` between them has the payload on the stack of
/// the function that calls the hooks; its callers are a fixed number, because they are never inlined into another.
///
/// ```text
/// report … panic_with_hook {closure: the payload} __rust_end_short_backtrace rust_begin_unwind panic_fmt | shop::checkout
/// report … panic_with_hook {closure: the payload} __rust_end_short_backtrace begin_panic                | shop::checkout
/// ```
///
/// The second is `panic_any`'s. Functions of `core` that panic for the program (`unwrap_failed`) are told by their names alone.
fn beyond(info: &PanicHookInfo<'_>) -> Beyond {
    let at = std::ptr::from_ref(info.payload()).cast::<()>().addr();
    Beyond::Kept { at, callers: if text(info.payload()).is_some() { 3 } else { 2 } }
}

/// What `panic!` was given. Other payloads come from `panic_any`.
fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    match payload.downcast_ref::<String>() {
        Some(text) => Some(text),
        None => payload.downcast_ref::<&'static str>().copied(),
    }
}

fn this_thread() -> Thread {
    let thread = thread::current();
    Thread {
        id: number(thread.id()),
        name: thread.name().map(str::to_owned),
        main: thread.name().map(|name| name == "main"),
        crashed: Some(true),
        current: Some(true),
        ..Thread::default()
    }
}

/// The number is not given out by itself (`as_u64` is unstable), but printed: `ThreadId(7)`.
fn number(id: thread::ThreadId) -> Option<ThreadId> {
    let printed = format!("{id:?}");
    let digits = printed.trim_matches(|c: char| !c.is_ascii_digit());
    digits.parse().ok().map(ThreadId::Number)
}

/// Whether the process ends when the hook returns. That a panic cannot unwind is known to the hook (`can_unwind`), but not given out
/// on stable either; its text is fixed.
fn is_the_end(info: &PanicHookInfo<'_>) -> bool {
    cfg!(panic = "abort") || text(info.payload()).is_some_and(cannot_unwind)
}

fn cannot_unwind(message: &str) -> bool {
    [
        "panic in a function that cannot unwind",
        "panic in a destructor during cleanup",
        "unsafe precondition(s) violated",
    ]
    .iter()
    .any(|known| message.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_that_are_text_are_read() {
        assert_eq!(text(&"static"), Some("static"));
        assert_eq!(text(&String::from("formatted")), Some("formatted"));
        assert_eq!(text(&42_u8), None);
    }

    #[test]
    fn threads_have_numbers() {
        let here = number(thread::current().id());
        let there = thread::spawn(|| number(thread::current().id())).join().unwrap();
        assert!(matches!(here, Some(ThreadId::Number(_))));
        assert_ne!(here, there);
    }

    #[test]
    fn a_thread_says_its_name() {
        let thread = thread::Builder::new().name("till".into()).spawn(this_thread).unwrap().join().unwrap();
        assert_eq!(thread.name.as_deref(), Some("till"));
        assert_eq!(thread.main, Some(false));
        assert_eq!((thread.crashed, thread.current), (Some(true), Some(true)));
    }

    #[test]
    fn panics_that_end_the_process_are_known() {
        assert!(cannot_unwind("panic in a destructor during cleanup"));
        assert!(!cannot_unwind("the till is empty"));
    }
}
