//! The tracing layer of Watchpost: spans become transactions, errors become issues.
