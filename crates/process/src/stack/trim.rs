//! Cutting a stack to what the program did: neither how it was captured nor how the thread was started.

use std::ops::Range;

use super::in_app::REPORTER;

/// What a frame is to the one who cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// Anything that may be of interest, and all that has no name.
    #[default]
    Plain,
    /// The panic hook.
    Hook,
    /// Watchpost, or the unwinder that it uses.
    Reporter,
    /// `tracing` and `log`: an `error!` is captured below some ten frames of theirs.
    Bridge,
    /// `anyhow` and its like: a backtrace of theirs begins where they made the error.
    Wrapper,
    /// The standard library and the C runtime.
    Runtime,
    /// Something without a name in another image than the program's, such as the C library.
    Elsewhere,
    /// `__rust_end_short_backtrace`: what is further in belongs to the panic machinery.
    MachineryEnds,
    /// `__rust_begin_short_backtrace`: what is further out started the thread.
    ThreadBegins,
}

impl Role {
    /// The role of a function; `package` is the crate that it is known to belong to, `path` that of its source.
    pub(super) fn of(function: Option<&str>, package: Option<&str>, path: Option<&str>) -> Role {
        let Some(function) = function else {
            return Role::Plain;
        };
        if function.contains("__rust_begin_short_backtrace") {
            return Role::ThreadBegins;
        }
        if function.contains("__rust_end_short_backtrace") {
            return Role::MachineryEnds;
        }
        match package {
            Some("watchpost_process") if is_hook(function, path) => Role::Hook,
            Some("std" | "core" | "alloc" | "panic_unwind" | "panic_abort" | "__rustc") => Role::Runtime,
            Some("tracing" | "tracing_core" | "tracing_subscriber" | "tracing_log" | "log") => Role::Bridge,
            Some("anyhow" | "eyre" | "error_stack" | "color_eyre") => Role::Wrapper,
            Some("backtrace") => Role::Reporter,
            Some(name) if REPORTER.contains(&name) => Role::Reporter,
            Some(_) => Role::Plain,
            None if starts_threads(function) => Role::Runtime,
            None => Role::Plain,
        }
    }
}

fn is_hook(function: &str, path: Option<&str>) -> bool {
    function.starts_with("watchpost_process::panic::") || path.is_some_and(|path| path.ends_with("panic.rs"))
}

/// Names without a path that stand below the program's first function or above its last one.
fn starts_threads(name: &str) -> bool {
    let exact = [
        "_start",
        "start",
        "main",
        "start_thread",
        "clone",
        "rust_begin_unwind",
        "rust_panic",
        "BaseThreadInitThunk",
        "RtlUserThreadStart",
        "invoke_main",
        "mainCRTStartup",
    ];
    let prefixes = [
        "__rust",
        "___rust",
        "_Unwind_",
        "__libc_start",
        "__clone",
        "clone3",
        "__pthread",
        "_pthread",
        "__scrt_",
        "thread_start",
    ];
    exact.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The part of a stack to show. `frames` come innermost first, as roles and clean names; of so many it is known without their names
/// that they are not the program's (`own`), which counts where they have none.
///
/// ```text
/// innermost                                                                    outermost
/// Reporter Hook Runtime MachineryEnds Runtime | Plain … Plain | Runtime ThreadBegins Runtime
///                                              ^start          ^end
/// ```
///
/// The standard library is cut from both ends even where it is not machinery (`Option::unwrap`, `FnOnce::call_once`): whether
/// such a frame is there depends on inlining, and a debug and a release build are to be grouped alike. Everything is shown if
/// nothing would be left.
pub(super) fn trim(frames: &[(Role, Option<&str>)], own: usize) -> Range<usize> {
    let start = match innermost(frames) {
        start if frames.get(start).is_some_and(|(_, name)| name.is_none()) => start.max(own),
        start => start,
    };
    if start >= frames.len() {
        return 0..frames.len();
    }
    let begins = frames[start..].iter().position(|(role, _)| *role == Role::ThreadBegins);
    let mut end = begins.map_or(frames.len(), |at| start + at);
    // What the system jumps to, `_start`, is the program's and has no name, and is called by nobody.
    if let [.., (before, _), (Role::Plain, None)] = frames[start..end]
        && matches!(before, Role::Runtime | Role::Elsewhere)
    {
        end -= 1;
    }
    while end > start && matches!(frames[end - 1].0, Role::Runtime | Role::Elsewhere) {
        end -= 1;
    }
    if start < end { start..end } else { 0..frames.len() }
}

fn innermost(frames: &[(Role, Option<&str>)]) -> usize {
    let run = |from: usize, cut: &[Role]| {
        from + frames[from..].iter().take_while(|(role, _)| cut.contains(role)).count()
    };
    let start = run(
        0,
        &[Role::Reporter, Role::Hook, Role::Bridge, Role::Wrapper, Role::Runtime, Role::MachineryEnds],
    );

    // Called by the panic hook: all up to the end of the machinery goes, also what is not ours, such as a hook of the program
    // that calls this one. (Without our hook the same marker may lie further out: a destructor that runs while a panic unwinds.)
    // Further out nothing but the standard library goes: a panic inside `tracing` is to be seen as one.
    if let Some(hook) = frames[..start].iter().position(|(role, _)| *role == Role::Hook) {
        let ends = frames[hook..].iter().position(|(role, _)| *role == Role::MachineryEnds);
        return ends.map_or(start, |at| run(hook + at, &[Role::MachineryEnds, Role::Runtime]));
    }

    // The macros of `tracing` put a closure around the call, which stands on the line of the macro like the frame around it.
    let bridged = frames[..start].iter().any(|(role, _)| *role == Role::Bridge);
    match frames.get(start..) {
        Some([(_, Some(inner)), (_, Some(outer)), ..]) if bridged && is_closure_in(inner, outer) => start + 1,
        _ => start,
    }
}

fn is_closure_in(inner: &str, outer: &str) -> bool {
    let segment = inner.strip_prefix(outer).and_then(|rest| rest.strip_prefix("::{"));
    segment.is_some_and(|rest| !rest.contains("::") && rest.contains("closure"))
}

#[cfg(test)]
mod tests {
    use super::super::symbol::crate_of;
    use super::*;

    /// Innermost first, one function a line; what is left, likewise.
    fn trimmed(stack: &str) -> Vec<&str> {
        let names: Vec<_> = stack.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let name = |at: usize| Some(names[at]).filter(|name| *name != "?");
        let role = |at: usize| Role::of(name(at), name(at).and_then(crate_of), None);
        let frames: Vec<_> = (0..names.len()).map(|at| (role(at), name(at))).collect();
        names[trim(&frames, 0)].to_vec()
    }

    #[test]
    fn a_panic_ends_at_the_function_that_panicked() {
        let stack = "
            backtrace::backtrace::libunwind::trace
            backtrace::backtrace::trace
            watchpost_process::stack::walk::capture
            watchpost_process::panic::report
            watchpost_process::panic::install::{{closure}}
            std::panicking::panic_with_hook
            std::panicking::panic_handler::{{closure}}
            std::sys::backtrace::__rust_end_short_backtrace
            __rustc::rust_begin_unwind
            core::panicking::panic_fmt
            core::option::unwrap_failed
            core::option::Option<T>::unwrap
            shop::cart::total
            shop::main
            core::ops::function::FnOnce::call_once
            std::sys::backtrace::__rust_begin_short_backtrace
            std::rt::lang_start::{{closure}}
            std::rt::lang_start
            main
            __libc_start_call_main
            _start
        ";
        assert_eq!(trimmed(stack), ["shop::cart::total", "shop::main"]);
    }

    #[test]
    fn a_hook_of_the_program_around_ours_is_machinery() {
        let stack = "
            watchpost_process::stack::walk::capture
            watchpost_process::panic::report
            <alloc::boxed::Box<F,A> as core::ops::function::Fn<Args>>::call
            shop::install_hook::{{closure}}
            <alloc::boxed::Box<F,A> as core::ops::function::Fn<Args>>::call
            std::panicking::panic_with_hook
            std::sys::backtrace::__rust_end_short_backtrace
            core::panicking::panic_fmt
            tracing_subscriber::registry::sharded::Registry::get
            shop::main
            std::sys::backtrace::__rust_begin_short_backtrace
        ";
        assert_eq!(trimmed(stack), ["tracing_subscriber::registry::sharded::Registry::get", "shop::main"]);
    }

    #[test]
    fn a_capture_while_a_panic_unwinds_ends_at_the_destructor() {
        let stack = "
            watchpost_process::stack::walk::capture
            watchpost_core::api::capture_error
            <shop::Cart as core::ops::drop::Drop>::drop
            core::ptr::drop_in_place<shop::Cart>
            _Unwind_RaiseException
            std::panicking::panic_with_hook
            std::sys::backtrace::__rust_end_short_backtrace
            core::panicking::panic_fmt
            shop::main
            std::sys::backtrace::__rust_begin_short_backtrace
        ";
        let left = trimmed(stack);
        assert_eq!(left.first(), Some(&"<shop::Cart as core::ops::drop::Drop>::drop"));
        assert_eq!(left.last(), Some(&"shop::main"));
    }

    #[test]
    fn an_event_of_tracing_ends_at_the_function_that_logged() {
        for (closure, function) in [
            ("shop::main::{{closure}}", "shop::main"),
            ("shop::main::{closure#0}", "shop::main"),
            ("shop::checkout::{{closure}}::{{closure}}", "shop::checkout::{{closure}}"),
        ] {
            let stack = format!(
                "watchpost_process::stack::walk::capture
                <watchpost_tracing::layer::CaptureLayer as tracing_subscriber::layer::Layer<S>>::on_event
                <tracing_subscriber::layer::layered::Layered<L,S> as tracing_core::subscriber::Subscriber>::event
                std::thread::local::LocalKey<T>::with
                tracing_core::dispatcher::get_default
                tracing_core::event::Event::dispatch
                {closure}
                {function}
                tokio::runtime::task::raw::poll
                std::sys::backtrace::__rust_begin_short_backtrace"
            );
            assert_eq!(trimmed(&stack), [function, "tokio::runtime::task::raw::poll"]);
        }
    }

    #[test]
    fn a_closure_that_captures_itself_is_kept() {
        let stack = "
            watchpost_core::api::capture_error
            core::result::Result<T,E>::inspect_err
            shop::main::{{closure}}
            shop::main
        ";
        assert_eq!(trimmed(stack), ["shop::main::{{closure}}", "shop::main"]);
    }

    #[test]
    fn without_its_markers_a_stack_is_cut_by_names() {
        let stack = "
            watchpost_process::panic::report
            std::panicking::panic_with_hook
            core::panicking::panic_fmt
            shop::work
            core::ops::function::FnOnce::call_once{{vtable.shim}}
            std::sys::thread::unix::Thread::new::thread_start
            start_thread
            clone3
        ";
        assert_eq!(trimmed(stack), ["shop::work"]);
    }

    #[test]
    fn the_innermost_start_of_a_thread_counts() {
        let stack = "
            shop::test
            core::ops::function::FnOnce::call_once
            test::__rust_begin_short_backtrace
            test::run_test
            std::sys::backtrace::__rust_begin_short_backtrace
            clone3
        ";
        assert_eq!(trimmed(stack), ["shop::test"]);
    }

    #[test]
    fn nothing_is_cut_if_nothing_would_be_left() {
        assert_eq!(trimmed("core::panicking::panic_fmt\nstd::rt::lang_start\n_start").len(), 3);
        assert_eq!(
            trimmed(
                "watchpost_core::api::capture\nstd::sys::backtrace::__rust_begin_short_backtrace\n_start"
            )
            .len(),
            3
        );
        assert!(trimmed("").is_empty());
    }

    #[test]
    fn frames_without_a_name_are_kept() {
        assert_eq!(trimmed("?\n?\n?\n__libc_start_call_main\n_start"), ["?", "?", "?"]);
    }

    #[test]
    fn frames_without_a_name_are_cut_by_where_they_lie() {
        let (plain, elsewhere) = ((Role::Plain, None), (Role::Elsewhere, None));
        let stack = [plain, plain, plain, elsewhere, plain, elsewhere, elsewhere, plain];
        assert_eq!(trim(&stack, 2), 2..5);
        assert_eq!(trim(&stack[..7], 0), 0..5, "of a thread");
        assert_eq!(trim(&stack[..3], 3), 0..3, "nothing would be left");
        let named = (Role::Plain, Some("shop::main"));
        assert_eq!(trim(&[named, plain], 1), 0..2, "a name says more");
    }
}
