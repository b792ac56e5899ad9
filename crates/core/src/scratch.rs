//! A buffer per thread for the fields of what happens now: values are printed into it before any lock is taken.

use std::cell::Cell;

use crate::fields::Fields;
use crate::mute;

/// A buffer that held more text than this is not kept: one long message is no reason to hold on to its memory on every thread.
const KEPT_TEXT: usize = 16 * 1024;

thread_local! {
    static SCRATCH: Cell<Option<Box<Fields>>> = const { Cell::new(None) };
}

/// Lends the thread's buffer, empty, to `work`. A value of the program that makes spans or events while it is printed makes none of ours:
/// it might print itself in them, for ever.
#[inline] // it is on the way of every breadcrumb
pub fn with<T>(work: impl FnOnce(&mut Fields) -> T) -> T {
    let _muted = mute::enter();
    let mut fields = take();
    let result = work(&mut fields);
    give_back(fields);
    result
}

/// Takes the thread's buffer, empty. It is not borrowed: whoever comes here before it is given back gets a buffer of its own.
pub(crate) fn take() -> Box<Fields> {
    SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

pub(crate) fn give_back(mut fields: Box<Fields>) {
    if fields.text_capacity() <= KEPT_TEXT {
        fields.clear();
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(fields)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_comes_here_while_it_is_printed_has_a_buffer_of_its_own() {
        with(|outer| {
            outer.push("outer", 1u64.into());
            with(|inner| {
                assert!(inner.is_empty());
                inner.push("inner", 2u64.into());
            });
            assert_eq!(outer.len(), 1);
        });
        with(|again| assert!(again.is_empty()));
    }

    #[test]
    fn a_long_message_leaves_nothing_behind() {
        with(|fields| fields.push("long", "x".repeat(KEPT_TEXT + 1).as_str().into()));
        with(|fields| assert!(fields.text_capacity() <= KEPT_TEXT));
    }
}
