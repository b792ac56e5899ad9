//! What Watchpost reads from the running process: panics, stacks, and the machine.
//!
//! The facade `watchpost` adds all of it by itself. By hand:
//!
//! ```
//! # mod watchpost { pub use watchpost_core::*; pub use watchpost_process as process; }
//! use watchpost::Options;
//! use watchpost::process::{ContextIntegration, InApp, PanicIntegration, Stacks};
//!
//! let options = Options::new()
//!     .stack_source(Stacks::new(InApp::new(vec!["shop".into()], vec![])))
//!     .integration(PanicIntegration)
//!     .integration(ContextIntegration);
//! # drop(options);
//! ```
//!
//! - [`Stacks`] walks the stack on the thread that captures (addresses only) and finds functions, files and lines on the worker.
//! - [`InApp`] tells the program's own frames from those of its libraries.
//! - [`PanicIntegration`] reports panics and calls the hook that was there before.
//! - [`ContextIntegration`] says what system, machine and compiler the program runs on.
//! - [`server_name`] is the machine's name.
//!
//! Not done: crashes by a signal (a segmentation fault, a stack that overflows, `abort`, an end by `SIGKILL`) are not seen. The list of loaded images, with
//! which a server finds the names of a stripped binary, is read from `/proc`, so that it is known on Linux and Android alone.
//!
//! There is no `unsafe` here, which is why some of what other reporters know is not known: the kernel is asked through
//! its files, and on systems without them less is said.

mod contexts;
mod panic;
mod stack;

pub use contexts::{ContextIntegration, server_name};
pub use panic::{PanicIntegration, install_panic_hook};
pub use stack::{InApp, Stacks};
