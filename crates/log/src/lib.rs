//! A bridge from the `log` crate: errors become issues, warnings and infos become breadcrumbs, and every record still goes to your logger.
//!
//! ```
//! use watchpost_log::LogBridge;
//!
//! // Around a logger of your own, such as env_logger's: LogBridge::wrapping(my_logger).
//! LogBridge::new().init()?;
//! log::info!("this is a breadcrumb");
//! # Ok::<(), log::SetLoggerError>(())
//! ```
//!
//! What `tracing` says of its spans (its feature `log`) is no message of the program, and not heard. Its events are records only while nobody
//! subscribes to them; with its feature `log-always` they always are, and then who has both this bridge and the tracing layer hears each twice.
//! A record that this bridge has heard and hands on to `tracing_log::LogTracer` is heard once. Nothing is captured on the threads of
//! Watchpost itself.

mod bridge;
mod record;

pub use bridge::LogBridge;
