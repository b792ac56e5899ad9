//! What the facade asks and adds. A program has no use for these.

use std::sync::Arc;

use watchpost_protocol::Dsn;

use super::{Network, Options, Setting, Source};
use crate::error::InitError;
use crate::integration::{Integration, StackSource};
use crate::sampling::SampleRate;
use crate::spool::{Spool, SpoolOptions};
use crate::tap::Tap;
use crate::transport::Transport;

#[doc(hidden)]
impl Options {
    /// These options, completed. The facade never holds them by value: it would have the code that drops them a second time.
    pub fn completed(
        mut self,
        complete: fn(&mut Options) -> Result<(), InitError>,
    ) -> Result<Self, InitError> {
        complete(&mut self)?;
        Ok(self)
    }

    pub fn fill_from_environment(&mut self) -> Result<(), InitError> {
        if self.use_environment {
            self.fill(&|name| std::env::var(name).ok())?;
            self.use_environment = false; // once is enough
        }
        Ok(())
    }

    #[must_use]
    pub fn configured_dsn(&self) -> Option<&Dsn> {
        match &self.dsn {
            Setting::Set(dsn) => dsn.as_ref(),
            Setting::Unset => None,
        }
    }

    #[must_use]
    pub fn configured_environment(&self) -> &str {
        self.environment.as_deref().unwrap_or("production")
    }

    #[must_use]
    pub fn configured_release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    #[must_use]
    pub fn configured_debug(&self) -> bool {
        self.debug.unwrap_or(false)
    }

    /// `SENTRY_TRACE` and `SENTRY_BAGGAGE`.
    #[must_use]
    pub fn configured_trace(&self) -> Option<(&str, Option<&str>)> {
        self.environment_trace.as_ref().map(|(trace, baggage)| (trace.as_str(), baggage.as_deref()))
    }

    #[must_use]
    pub fn has_transport(&self) -> bool {
        self.transport.is_some()
    }

    #[must_use]
    pub fn wants_console(&self) -> bool {
        self.console
    }

    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    #[must_use]
    pub fn wanted_spool(&self) -> Option<&SpoolOptions> {
        self.spool.as_ref().filter(|_| self.spool_store.is_none())
    }

    pub fn default_spool(&mut self, spool: impl Spool) {
        self.spool_store.get_or_insert_with(|| Arc::new(spool));
    }

    #[must_use]
    pub fn has_default_integrations(&self) -> bool {
        self.default_integrations
    }

    #[must_use]
    pub fn source_lines(&self) -> usize {
        self.context_lines
    }

    #[must_use]
    pub fn in_app(&self) -> (&[String], &[String]) {
        (&self.in_app_include, &self.in_app_exclude)
    }

    pub fn default_server_name(&mut self, name: fn() -> Option<String>) {
        if self.server_name.is_none() {
            self.server_name = name();
            if let Some(name) = self.server_name.clone() {
                self.note("server_name", name, Source::Detected);
            }
        }
    }

    pub fn default_stack_source(&mut self, source: impl StackSource) {
        self.stack_source.get_or_insert_with(|| Arc::new(source));
    }

    /// Before those of the program, so that one of the same identifier replaces it.
    pub fn default_integration(&mut self, integration: impl Integration) {
        self.integrations.insert(0, Arc::new(integration));
    }

    /// Where the copy goes, if there is to be one.
    #[must_use]
    pub fn configured_spotlight(&self) -> Option<&str> {
        self.spotlight.url()
    }

    pub fn default_tap(&mut self, tap: impl Tap) {
        self.tap.get_or_insert_with(|| Arc::new(tap));
    }

    /// What there is only the copy for, is complete.
    pub fn show_everything(&mut self) {
        self.traces_sample_rate = Some(SampleRate::ALL);
        self.traces_sampler = None;
        self.sample_rate = Some(SampleRate::ALL);
        self.send_default_pii = true;
    }

    pub fn default_transport(&mut self, transport: impl Transport) {
        self.transport.get_or_insert_with(|| Arc::new(transport));
    }
}
