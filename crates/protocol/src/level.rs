//! How severe something is: of events, and of logs.

use crate::wire::wire_names;

/// The level of an event or a breadcrumb (`protocol.md` §5.1), the least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// For the developer.
    Debug,
    /// As expected.
    Info,
    /// Not as expected, but handled.
    Warning,
    /// Something failed.
    #[default]
    Error,
    /// The program, or a thread of it, cannot go on.
    Fatal,
}

wire_names!(Level, ParseLevelError, "level", {
    Debug = "debug" | "trace",
    Info = "info" | "log",
    Warning = "warning" | "warn",
    Error = "error",
    Fatal = "fatal" | "critical",
});

/// The level of a log (`protocol.md` §9.1), the least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Step by step.
    Trace,
    /// For the developer.
    Debug,
    /// As expected.
    Info,
    /// Not as expected, but handled.
    Warn,
    /// Something failed.
    Error,
    /// The program, or a thread of it, cannot go on.
    Fatal,
}

wire_names!(LogLevel, ParseLogLevelError, "log level", {
    Trace = "trace",
    Debug = "debug",
    Info = "info",
    Warn = "warn" | "warning",
    Error = "error",
    Fatal = "fatal" | "critical",
});

impl LogLevel {
    /// The number that OpenTelemetry gives the level.
    #[must_use]
    pub const fn severity_number(self) -> u8 {
        match self {
            LogLevel::Trace => 1,
            LogLevel::Debug => 5,
            LogLevel::Info => 9,
            LogLevel::Warn => 13,
            LogLevel::Error => 17,
            LogLevel::Fatal => 21,
        }
    }
}

/// Events know no `trace`: it is `debug`.
impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Trace | LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warning,
            LogLevel::Error => Level::Error,
            LogLevel::Fatal => Level::Fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_aliases_are_understood() {
        for level in [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Fatal] {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        for level in [
            LogLevel::Trace,
            LogLevel::Debug,
            LogLevel::Info,
            LogLevel::Warn,
            LogLevel::Error,
            LogLevel::Fatal,
        ] {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        assert_eq!(
            ("warn".parse(), "critical".parse(), "trace".parse()),
            (Ok(Level::Warning), Ok(Level::Fatal), Ok(Level::Debug))
        );
        assert_eq!("warning".parse(), Ok(LogLevel::Warn));
        assert_eq!(
            "loud".parse::<Level>().unwrap_err().to_string(),
            "unknown level \"loud\"; expected one of: debug info warning error fatal"
        );
    }
}
