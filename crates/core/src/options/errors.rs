//! What of errors, messages and breadcrumbs is captured.

use std::sync::Arc;

use watchpost_protocol::{Breadcrumb, Event};

use super::Options;
use crate::error::InitError;
use crate::sampling::SampleRate;

impl Options {
    /// The share of error events that is kept; transactions are not concerned. Default: `SENTRY_SAMPLE_RATE`, else 1.0.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.sample_rate = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// Sees every error event last, on the worker: finished, scrubbed and symbolicated. `None` drops it, and so does a panic; both are
    /// counted as `before_send`. Default: none.
    pub fn before_send(mut self, hook: impl Fn(Event) -> Option<Event> + Send + Sync + 'static) -> Self {
        self.before_send = Some(Arc::new(hook));
        self
    }

    /// Whether messages and events without an error carry the stack of the caller too; errors always do. Default: false.
    pub fn attach_stacktrace(mut self, attach: bool) -> Self {
        self.attach_stacktrace = attach;
        self
    }

    /// How many bytes of a message or an exception's value are sent; `None`: all. Default: 100 000.
    pub fn max_value_length(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.max_value_length = bytes.into();
        self
    }

    /// Crates or modules whose frames are the program's own, besides those found by themselves. Default: none.
    pub fn in_app_include<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.in_app_include = modules.into_iter().map(Into::into).collect();
        self
    }

    /// Crates or modules whose frames are not the program's own. Default: none.
    pub fn in_app_exclude<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.in_app_exclude = modules.into_iter().map(Into::into).collect();
        self
    }

    /// How many breadcrumbs a scope keeps; 0 switches them off. Default: 100.
    pub fn max_breadcrumbs(mut self, count: usize) -> Self {
        self.max_breadcrumbs = count;
        self
    }

    /// Sees every breadcrumb when it is added, on the thread that adds it and under no lock. `None` drops it, and so does a panic.
    /// Default: none.
    pub fn before_breadcrumb(
        mut self,
        hook: impl Fn(Breadcrumb) -> Option<Breadcrumb> + Send + Sync + 'static,
    ) -> Self {
        self.before_breadcrumb = Some(Arc::new(hook));
        self
    }
}
