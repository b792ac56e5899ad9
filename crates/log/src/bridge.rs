//! The logger that listens and passes on.

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use watchpost_core::layer::{self, Beyond, Entry, Heard, any_active};
use watchpost_core::{Scopes, mute};

use crate::record;

/// Listens to every record, then hands it to the logger within.
pub struct LogBridge {
    inner: Option<Box<dyn Log>>,
    issues: LevelFilter,
    breadcrumbs: LevelFilter,
    logs: LevelFilter,
}

impl Default for LogBridge {
    fn default() -> Self {
        LogBridge::new()
    }
}

impl LogBridge {
    /// A bridge with no logger behind it.
    #[must_use]
    pub fn new() -> Self {
        LogBridge {
            inner: None,
            issues: LevelFilter::Error,
            breadcrumbs: LevelFilter::Info,
            logs: LevelFilter::Off,
        }
    }

    /// A bridge around a logger, which gets every record that it asks for, as before: its own filter decides what it prints, at every
    /// level. See [`init`](Self::init) for what that takes.
    #[must_use]
    pub fn wrapping(logger: impl Log + 'static) -> Self {
        LogBridge { inner: Some(Box::new(logger)), ..LogBridge::new() }
    }

    /// Up to which level records become issues. Default: `Error`.
    #[must_use]
    pub fn issues(mut self, level: LevelFilter) -> Self {
        self.issues = level;
        self
    }

    /// Up to which level records that are no issues become breadcrumbs. Default: `Info`.
    #[must_use]
    pub fn breadcrumbs(mut self, level: LevelFilter) -> Self {
        self.breadcrumbs = level;
        self
    }

    /// Up to which level records become logs, whatever else they become. Default: none.
    #[must_use]
    pub fn logs(mut self, level: LevelFilter) -> Self {
        self.logs = level;
        self
    }

    /// Makes it the logger of the process, and raises [`log::max_level`] to what it listens to; never lowers it.
    ///
    /// Nobody can ask a logger how much it wants. If the bridge wraps one and the program has set no maximum level, that becomes `Trace`, and the
    /// logger within is asked about each record. A maximum level that was set before holds for it, and spares records that nobody wants, libraries' at
    /// `Trace` above all, the question (some 10 ns each). With `env_logger`, say:
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_log as log; }
    /// # mod env_logger {
    /// #     pub struct Logger;
    /// #     impl Logger { pub fn filter(&self) -> log::LevelFilter { log::LevelFilter::Debug } }
    /// #     impl log::Log for Logger {
    /// #         fn enabled(&self, _: &log::Metadata<'_>) -> bool { false }
    /// #         fn log(&self, _: &log::Record<'_>) {}
    /// #         fn flush(&self) {}
    /// #     }
    /// #     pub struct Builder;
    /// #     impl Builder {
    /// #         pub fn from_default_env() -> Self { Builder }
    /// #         pub fn build(self) -> Logger { Logger }
    /// #     }
    /// # }
    /// use watchpost::log::LogBridge;
    ///
    /// let logger = env_logger::Builder::from_default_env().build();
    /// log::set_max_level(logger.filter()); // may be left out
    /// LogBridge::wrapping(logger).init()?;
    /// # Ok::<(), log::SetLoggerError>(())
    /// ```
    ///
    /// # Errors
    /// If the process has a logger already: wrap that one instead.
    pub fn init(self) -> Result<(), SetLoggerError> {
        let within = match (&self.inner, log::max_level()) {
            (Some(_), LevelFilter::Off) => LevelFilter::Trace, // as it is until somebody sets it
            (_, set) => set,
        };
        let level = self.loudest().max(within);
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(level);
        Ok(())
    }

    fn listens(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.loudest() && any_active() && !mute::is_muted()
    }

    fn loudest(&self) -> LevelFilter {
        self.issues.max(self.breadcrumbs).max(self.logs)
    }

    fn hear(&self, record: &Record<'_>) {
        let is_issue = record.level() <= self.issues;
        if is_issue {
            let level = record::level(record.level());
            layer::capture_logged(&Scopes::current(), level, record::line_of(record), || {
                record::event(record)
            });
        }
        let heard = Heard {
            level: record::log_level(record.level()),
            breadcrumb: !is_issue && record.level() <= self.breadcrumbs,
            log: (record.level() <= self.logs).then_some("auto.log.log"),
        };
        if heard.breadcrumb || heard.log.is_some() {
            layer::add_heard(heard, |fields| {
                record::collect(record, fields);
                record::said(record)
            });
        }
    }
}

impl Log for LogBridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.listens(metadata) || self.inner.as_ref().is_some_and(|inner| inner.enabled(metadata))
    }

    #[inline(never)] // it keeps an entry
    fn log(&self, record: &Record<'_>) {
        let heard = self.listens(record.metadata()) && !record::is_from_tracing(record);
        if heard {
            Entry::default().during(Beyond::Nothing, || self.hear(record));
        }
        if record.level() <= self.issues.min(LevelFilter::Error) && !any_active() && !mute::is_muted() {
            layer::captured_without_client();
        }
        match self.inner.as_ref().filter(|inner| inner.enabled(record.metadata())) {
            Some(inner) if heard => layer::pass_on(|| inner.log(record)),
            Some(inner) => inner.log(record), // should it come to the tracing layer, that may want it
            None => {}
        }
    }

    fn flush(&self) {
        if let Some(inner) = &self.inner {
            inner.flush();
        }
    }
}

impl std::fmt::Debug for LogBridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBridge")
            .field("issues", &self.issues)
            .field("breadcrumbs", &self.breadcrumbs)
            .field("logs", &self.logs)
            .field("wraps", &self.inner.is_some())
            .finish()
    }
}
