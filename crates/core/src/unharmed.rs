//! How code of the program is called: a panic in it costs its answer and nothing else (promise 4).

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `work` answers; `None` if it panics. The hook of the process has shown the panic by then.
///
/// What it panicked with is freed here. That may be a value of the program whose destructor panics, too: what that one panicked with is left
/// on the heap, for there is no end to it otherwise.
///
/// ```
/// use watchpost_core::unharmed;
///
/// assert_eq!(unharmed(|| "an answer"), Some("an answer"));
/// # std::panic::set_hook(Box::new(|_| {}));
/// assert_eq!(unharmed(|| -> u8 { panic!("no answer") }), None);
/// ```
pub fn unharmed<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|payload| {
            if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(another);
            }
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }

    #[test]
    fn a_payload_that_panics_when_it_is_freed_is_caught_too() {
        assert!(unharmed(|| panic_any(Bomb)).is_none());
    }
}
