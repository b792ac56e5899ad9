//! What a client is put together from.

use std::sync::Arc;
use std::time::Instant;

use watchpost_protocol::{Event, Stacktrace, Timestamp};

use super::Options;
use crate::clock::{Clock, SystemClock};
use crate::integration::{Integration, RawStack, StackSource};
use crate::mute;
use crate::rng::{Rng, ThreadRng};
use crate::unharmed::unharmed;

impl Options {
    /// Whether the facade adds its own integrations: panics, stacks, contexts. Default: true.
    pub fn default_integrations(mut self, enabled: bool) -> Self {
        self.default_integrations = enabled;
        self
    }

    /// Adds an integration; it replaces an earlier one of the same identifier. Default: none.
    pub fn integration(mut self, integration: impl Integration) -> Self {
        self.integrations.push(Arc::new(integration));
        self
    }

    /// Where stacks come from. Default: with the facade's feature `process`, the running program.
    pub fn stack_source(mut self, source: impl StackSource) -> Self {
        self.stack_source = Some(Arc::new(Custom(source)));
        self
    }

    /// The clocks to read. Default: the system's, which also stand in for one that panics.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(Custom(clock));
        self
    }

    /// Where ids and sampling decisions come from. Default: a generator per thread, seeded by the system, which also stands in for one that
    /// panics.
    pub fn rng(mut self, rng: impl Rng) -> Self {
        self.rng = Arc::new(Custom(rng));
        self
    }
}

/// A part of the program's that is asked wherever something happens: it is muted meanwhile, because what it reported would ask it again, and a
/// panic in it is caught. The system's own parts go without.
struct Custom<T>(T);

impl<T> Custom<T> {
    fn ask<A>(&self, question: impl FnOnce(&T) -> A, otherwise: impl FnOnce() -> A) -> A {
        let _muted = mute::enter();
        unharmed(|| question(&self.0)).unwrap_or_else(otherwise)
    }
}

impl<C: Clock> Clock for Custom<C> {
    fn now(&self) -> Timestamp {
        self.ask(C::now, || SystemClock.now())
    }

    fn monotonic(&self) -> Instant {
        self.ask(C::monotonic, || SystemClock.monotonic())
    }
}

impl<S: StackSource> StackSource for Custom<S> {
    fn capture(&self) -> RawStack {
        self.ask(S::capture, RawStack::default)
    }

    fn parse(&self, printed: &str) -> Option<Stacktrace> {
        self.ask(|source| source.parse(printed), || None)
    }

    fn add_images(&self, event: &mut Event) {
        self.ask(|source| source.add_images(event), || ());
    }

    fn resolve(&self, stack: &RawStack) -> Option<Stacktrace> {
        self.ask(|source| source.resolve(stack), || None)
    }
}

impl<R: Rng> Rng for Custom<R> {
    fn next_u64(&self) -> u64 {
        self.ask(R::next_u64, || ThreadRng.next_u64())
    }

    fn next_unique_u64(&self) -> u64 {
        self.ask(R::next_unique_u64, || ThreadRng.next_unique_u64())
    }
}
