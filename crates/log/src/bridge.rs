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

    /// A bridge around a logger, which gets every record that it asks for, as before: its own filter decides what it prints, at every
    /// level. See [`init`](Self::init) for what that takes.
    #[must_use]
    pub fn wrapping(logger: impl Log + 'static) -> Self {
        LogBridge { inner: Some(Box::new(logger)), ..LogBridge::new() }
    }

    /// Up to which level records become issues. Default: `Error`.
    #[must_use]
    pub fn issues(self, level: LevelFilter) -> Self {
        LogBridge { rules: self.rules.issues(level), ..self }
    }

    /// Up to which level records that are no issues become breadcrumbs. Default: `Info`.
    #[must_use]
    pub fn breadcrumbs(self, level: LevelFilter) -> Self {
        LogBridge { rules: self.rules.breadcrumbs(level), ..self }
    }

    /// Up to which level records become logs, whatever else they become. Default: none.
    #[must_use]
    pub fn logs(self, level: LevelFilter) -> Self {
        LogBridge { rules: self.rules.logs(level), ..self }
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
    pub fn filter(self, filter: impl Fn(&Metadata<'_>) -> LogFilter + Send + Sync + 'static) -> Self {
        LogBridge { rules: self.rules.decide(Box::new(filter)), ..self }
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
    /// A logger within is asked about every record of a level that passes. Which those are, it cannot say: set the maximum level to what it wants
    /// before, as its own `init` would have done (`log::set_max_level(logger.filter())` for env_logger's). If that is `Off` still, all pass.
    ///
    /// # Errors
    /// If the process has a logger already: wrap that one instead.
    pub fn init(self) -> Result<(), SetLoggerError> {
        let within = match (&self.inner, log::max_level()) {
            (Some(_), LevelFilter::Off) => LevelFilter::Trace,
            (_, said) => said,
        };
        let level = self.rules.loudest().max(within);
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(level);
        Ok(())
    }

    fn listens(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.rules.loudest()
            && any_active()
            && !mute::is_muted()
            && !record::is_from_tracing(metadata)
    }

    /// Whether anything has become of a record.
    fn hear(&self, record: &Record<'_>) -> bool {
        let becomes = self.rules.becomes(record.metadata());
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
        becomes != LogFilter::IGNORE
    }
}

impl Log for LogBridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (self.listens(metadata) && self.rules.becomes(metadata) != LogFilter::IGNORE)
            || self.inner.as_ref().is_some_and(|inner| inner.enabled(metadata))
    }

    #[inline(never)] // it keeps an entry
    fn log(&self, record: &Record<'_>) {
        let heard =
            self.listens(record.metadata()) && Entry::default().during(Beyond::Nothing, || self.hear(record));
        if self.rules.misses(record.metadata()) && !any_active() && !mute::is_muted() {
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
        f.debug_struct("LogBridge").field("rules", &self.rules).field("wraps", &self.inner.is_some()).finish()
    }
}
