//! Who reports, and where to.

use super::{MaybeDsn, Options, Setting};
use crate::error::InitError;

impl Options {
    /// Where to report to. An empty string switches reporting off, whatever `SENTRY_DSN` says. Default: `SENTRY_DSN`, else off.
    ///
    /// # Errors
    /// [`InitError::Dsn`], which says what part of the DSN is wrong.
    pub fn dsn<D>(mut self, dsn: D) -> Result<Self, InitError>
    where
        D: TryInto<MaybeDsn, Error: Into<InitError>>,
    {
        self.dsn = Setting::Set(dsn.try_into().map_err(Into::into)?.0);
        Ok(self)
    }

    /// The environment, as `staging`. Default: `SENTRY_ENVIRONMENT`, else `production` (in debug builds too).
    ///
    /// # Errors
    /// [`InitError::Environment`] for a name that the server would refuse.
    pub fn environment(mut self, environment: impl Into<String>) -> Result<Self, InitError> {
        self.environment = crate::valid::environment(environment.into())?;
        Ok(self)
    }

    /// The release, best as `package@version`; the facade's `release_name!()` makes that of your crate's. Default: `SENTRY_RELEASE`, else the
    /// commit that the build platform names in the environment, else none.
    ///
    /// # Errors
    /// [`InitError::Release`] for a name that the server would refuse.
    pub fn release(mut self, release: impl Into<String>) -> Result<Self, InitError> {
        self.release = crate::valid::release(release.into())?;
        Ok(self)
    }

    /// The distribution: a build of the release. Default: none.
    pub fn dist(mut self, dist: impl Into<String>) -> Self {
        self.dist = Some(dist.into());
        self
    }

    /// The name of the machine. Default: its host name.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Whether Watchpost says on stderr what it drops and why. Default: `SENTRY_DEBUG`, else false.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = Some(debug);
        self
    }

    /// Whether what is not set is taken from `SENTRY_*` variables when the client is made. Default: true.
    pub fn use_environment(mut self, read: bool) -> Self {
        self.use_environment = read;
        self
    }
}
