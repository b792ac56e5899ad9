//! Errors, traces and logs of Rust programs, reported over the Sentry protocol.
