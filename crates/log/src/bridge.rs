//! The logger that listens and passes on.

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use watchpost_core::layer::{self, Beyond, Entry, Heard, any_active};
use watchpost_core::{Scopes, mute};

use crate::filter::{LogFilter, Rules};
use crate::record;

/// Listens to every record, then hands it to the logger within.
pub struct LogBridge {
    inner: Option<Box<dyn Log>>,
    rules: Rules,
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
        LogBridge { inner: None, rules: Rules::default() }
    }

    /// A bridge around a logger, which gets every record that it asks for, as before.
    #[must_use]
    pub fn wrapping(logger: impl Log + 'static) -> Self {
        LogBridge { inner: Some(Box::new(logger)), ..LogBridge::new() }
    }

    /// Up to which level records become issues. Default: `Error`.
    #[must_use]
    pub fn issues(mut self, level: LevelFilter) -> Self {
        self.rules.issues = level;
        self
    }

    /// Up to which level records that are no issues become breadcrumbs. Default: `Info`.
    #[must_use]
    pub fn breadcrumbs(mut self, level: LevelFilter) -> Self {
        self.rules.breadcrumbs = level;
        self
    }

    /// Up to which level records become logs, whatever else they become. Default: none.
    #[must_use]
    pub fn logs(mut self, level: LevelFilter) -> Self {
        self.rules.logs = level;
        self
    }

    /// Decides what becomes of a record, in place of all levels. It is asked about each record, of every level, so it should be quick: with it
    /// [`init`](Self::init) raises the maximum level to `Trace`, which [`log::set_max_level`] may lower afterwards. What it logs or captures itself
    /// is not reported. If it panics, the levels decide. Default: none.
    ///
    /// ```
    /// # mod watchpost { pub use watchpost_log as log; }
    /// use log::Level;
    /// use watchpost::log::{LogBridge, LogFilter};
    ///
    /// let bridge = LogBridge::new().filter(|metadata| match (metadata.target(), metadata.level()) {
    ///     ("audit", _) => LogFilter::ISSUE | LogFilter::LOG,
    ///     ("rdkafka", Level::Error) => LogFilter::BREADCRUMB, // it tries again by itself
    ///     (_, Level::Error) => LogFilter::ISSUE,
    ///     (_, Level::Warn | Level::Info) => LogFilter::BREADCRUMB,
    ///     _ => LogFilter::IGNORE,
    /// });
    /// # drop(bridge);
    /// ```
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&Metadata<'_>) -> LogFilter + Send + Sync + 'static) -> Self {
        self.rules.decide = Some(Box::new(filter));
        self
    }

    /// Makes it the logger of the process, and raises the maximum level to what it listens to.
    ///
    /// # Errors
    /// If the process has a logger already: wrap that one instead.
    pub fn init(self) -> Result<(), SetLoggerError> {
        let level = self.rules.loudest().max(log::max_level());
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(level);
        Ok(())
    }

    /// What becomes of a record; nothing while there is nobody to tell.
    fn becomes(&self, metadata: &Metadata<'_>) -> LogFilter {
        let listens = metadata.level() <= self.rules.loudest() && any_active() && !mute::is_muted();
        if !listens || record::is_from_tracing(metadata) {
            return LogFilter::IGNORE;
        }
        self.rules.becomes(metadata)
    }

    fn hear(&self, record: &Record<'_>, becomes: LogFilter) {
        if becomes.contains(LogFilter::ISSUE) {
            let level = record::level(record.level());
            layer::capture_logged(&Scopes::current(), level, record::line_of(record), || {
                record::event(record)
            });
        }
        let heard = Heard {
            level: record::log_level(record.level()),
            breadcrumb: becomes.contains(LogFilter::BREADCRUMB),
            log: becomes.contains(LogFilter::LOG).then_some("auto.log.log"),
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
        self.becomes(metadata) != LogFilter::IGNORE
            || self.inner.as_ref().is_some_and(|inner| inner.enabled(metadata))
    }

    #[inline(never)] // it keeps an entry
    fn log(&self, record: &Record<'_>) {
        let becomes = self.becomes(record.metadata());
        let heard = becomes != LogFilter::IGNORE;
        if heard {
            Entry::default().during(Beyond::Nothing, || self.hear(record, becomes));
        }
        if record.level() <= self.rules.issues.min(LevelFilter::Error) && !any_active() && !mute::is_muted() {
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
            .field("issues", &self.rules.issues)
            .field("breadcrumbs", &self.rules.breadcrumbs)
            .field("logs", &self.rules.logs)
            .field("has_filter", &self.rules.decide.is_some())
            .field("wraps", &self.inner.is_some())
            .finish()
    }
}
