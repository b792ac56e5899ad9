//! What a client is put together from.

use std::sync::Arc;

use super::Options;
use crate::clock::Clock;
use crate::integration::{Integration, StackSource};
use crate::rng::Rng;

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
        self.stack_source = Some(Arc::new(source));
        self
    }

    /// The clocks to read. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where ids and sampling decisions come from. Default: a generator per thread, seeded by the system.
    pub fn rng(mut self, rng: impl Rng) -> Self {
        self.rng = Arc::new(rng);
        self
    }
}
