//! A bridge from the `log` crate: errors become issues, warnings and infos become breadcrumbs, and every record still goes to your logger.
//!
//! ```
//! # mod watchpost { pub use watchpost_log as log; }
//! use watchpost::log::LogBridge;
//!
//! // Around a logger of your own, such as env_logger's: LogBridge::wrapping(my_logger).
//! LogBridge::new().init()?;
//! log::info!("this is a breadcrumb");
//! # Ok::<(), log::SetLoggerError>(())
//! ```
//!
//! A process has one logger. `tracing_subscriber`'s `.init()` installs one (its default feature `tracing-log`), which makes events of records: with
//! the tracing layer on, they are reported without this bridge, and [`LogBridge::init`] after it is an error. To have both, install the
//! subscriber by `tracing::subscriber::set_global_default`.
//!
//! What `tracing` says of its spans (its feature `log`) is no message of the program, and not heard. Its events are records only while nobody
//! subscribes to them; with its feature `log-always` they always are, and then who has both this bridge and the tracing layer hears each twice.
//! A record that this bridge has heard and hands on to `tracing_log::LogTracer` is heard once. Nothing is captured on the threads of
//! Watchpost itself.

mod bridge;
mod filter;
mod record;

pub use bridge::LogBridge;
pub use filter::LogFilter;
