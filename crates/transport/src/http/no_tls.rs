//! A build without TLS: an https DSN is refused before any of this is asked.

use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

use super::error::HttpError;
use super::options::HttpOptions;

#[derive(Debug, Default)]
pub(crate) struct Tls {}

impl Tls {
    pub(super) fn read(_: &HttpOptions) -> Result<Self, HttpError> {
        Err(HttpError::NoTls)
    }

    pub(super) fn configure(&self, config: ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope> {
        config
    }
}
