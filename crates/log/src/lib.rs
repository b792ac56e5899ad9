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
//! Records that `tracing` passes on (its feature `log`) are left to the tracing layer, which has seen them already. Nothing is
//! captured on the threads of Watchpost itself.

mod bridge;
mod record;

pub use bridge::LogBridge;
