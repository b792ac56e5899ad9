//! What a thread has entered: scopes, one upon the other, each with a guard that takes them down again.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::Arc;

use super::Scopes;
use crate::record::SpanKey;

thread_local! {
    static STACK: Stack = const { Stack { entered: RefCell::new(Vec::new()), serial: Cell::new(0) } };
}

struct Stack {
    entered: RefCell<Vec<Entered>>,
    /// Of the next to be entered.
    serial: Cell<u64>,
}

struct Entered {
    /// By which its guard knows it: places on the stack are taken again.
    serial: u64,
    held: Held,
    at: Option<SpanKey>,
}

/// What a block or a future goes by.
#[derive(Clone)]
pub(super) enum Held {
    Own(Arc<Scopes>),
    /// Those outside of it, in which another span stands for its own, until somebody asks for more than to look. `None`: those of the tracing span
    /// that is current, which nobody has put on the heap.
    Shared(Option<Arc<Scopes>>),
}

impl Held {
    pub(super) fn scopes(&self) -> Option<&Arc<Scopes>> {
        match self {
            Held::Own(scopes) => Some(scopes),
            Held::Shared(outside) => outside.as_ref(),
        }
    }
}

/// Puts what somebody enters on the stack; `at` is the tracing span that is current now.
pub(super) fn enter(held: Held, at: Option<SpanKey>) -> ScopesGuard {
    let serial = STACK.try_with(|stack| {
        let serial = stack.serial.replace(stack.serial.get() + 1);
        stack.entered.try_borrow_mut().ok()?.push(Entered { serial, held, at });
        Some(serial)
    });
    ScopesGuard { serial: serial.ok().flatten(), not_send: PhantomData }
}

/// What this thread entered last, if it entered no tracing span after it.
pub(super) fn last_entered(key: Option<SpanKey>) -> Option<Held> {
    let look = |stack: &Stack| {
        let stack = stack.entered.try_borrow().ok()?;
        let top = stack.last().filter(|top| key.is_none() || top.at == key)?;
        Some(match &top.held {
            // Its tracing span was left before it.
            Held::Shared(None) if key.is_none() => Held::Shared(nearest_in(&stack)),
            held => held.clone(),
        })
    };
    STACK.try_with(look).ok().flatten()
}

/// The scopes that were entered last, whatever was entered since.
pub(super) fn nearest() -> Option<Arc<Scopes>> {
    STACK.try_with(|stack| nearest_in(&stack.entered.try_borrow().ok()?)).ok().flatten()
}

fn nearest_in(stack: &[Entered]) -> Option<Arc<Scopes>> {
    stack.iter().rev().find_map(|entered| entered.held.scopes().cloned())
}

/// Of those, the nearest that are of no unit of work.
pub(super) fn nearest_outside_of_units() -> Option<Arc<Scopes>> {
    let look = |stack: &Stack| {
        let stack = stack.entered.try_borrow().ok()?;
        stack.iter().rev().filter_map(|entered| entered.held.scopes()).find(|scopes| !scopes.unit).cloned()
    };
    STACK.try_with(look).ok().flatten()
}

#[inline]
pub(super) fn is_any_entered() -> bool {
    STACK.try_with(|stack| stack.entered.try_borrow().is_ok_and(|stack| !stack.is_empty())).unwrap_or(false)
}

/// Changes what the innermost goes by. What it was is handed back, to be freed when the stack is no longer borrowed.
pub(super) fn replace_innermost(held: Held) -> Option<Held> {
    let replace = |stack: &Stack| {
        let mut stack = stack.entered.try_borrow_mut().ok()?;
        Some(std::mem::replace(&mut stack.last_mut()?.held, held))
    };
    STACK.try_with(replace).ok().flatten()
}

/// Puts a thread's scopes back when dropped. Guards are meant to be dropped in the reverse order of their making; one that outlives an outer one
/// has nothing left to put back.
#[derive(Debug)]
#[must_use = "the scopes are left when the guard is dropped"]
pub struct ScopesGuard {
    serial: Option<u64>,
    not_send: PhantomData<*const ()>,
}

impl Drop for ScopesGuard {
    fn drop(&mut self) {
        let Some(serial) = self.serial else { return };
        let last = STACK.try_with(|stack| {
            stack
                .entered
                .try_borrow_mut()
                .ok()?
                .pop_if(|entered| entered.serial == serial)
                .map(|own| own.held)
        });
        // Nearly always it is the last one. Scopes are freed, and spans may end, when the stack is no longer borrowed.
        match last {
            Ok(Some(held)) => drop(held),
            _ => leave_from(serial),
        }
    }
}

/// Leaves what was entered under this number, with everything that was entered since.
#[cold]
fn leave_from(serial: u64) {
    let left = STACK.try_with(|stack| {
        let mut stack = stack.entered.try_borrow_mut().ok()?;
        let depth = stack.iter().rposition(|entered| entered.serial == serial)?;
        Some(stack.split_off(depth))
    });
    drop(left);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::current::base;

    #[test]
    fn a_guard_that_outlives_an_outer_one_takes_nothing_from_others() {
        let [outer, inner, later] = std::array::from_fn(|_| Arc::new(base().forked()));
        let outer_guard = outer.attach();
        let inner_guard = inner.attach();
        drop(outer_guard);
        assert!(Scopes::innermost(None).is_none(), "the inner one went with the outer one");
        let _later = [later.attach(), later.attach()];
        drop(inner_guard);
        assert!(Scopes::innermost(None).is_some_and(|top| Arc::ptr_eq(&top, &later)));
        assert_eq!(STACK.with(|stack| stack.entered.borrow().len()), 2);
    }
}
